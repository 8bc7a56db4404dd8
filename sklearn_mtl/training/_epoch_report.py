"""The lines that an ensemble prints while it is trained."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from skorch.callbacks import PrintLog
from skorch.history import History


class EpochReport:
    """Prints a line per epoch as skorch does, of the means over members.

    Parameters
    ----------
    verbose : int
        As of the estimator.
    """

    def __init__(self, verbose: int) -> None:
        self.log = PrintLog().initialize()
        self.net = SimpleNamespace(history=History(), verbose=verbose)
        self.start = time.perf_counter()

    def __call__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Print the means of the entries of an epoch, one per member."""
        if not entries:
            return
        self.net.history.new_epoch()
        for name in entries[0]:
            self.net.history.record(name, float(np.mean([entry[name] for entry in entries])))
        now = time.perf_counter()
        self.net.history.record("epoch", int(entries[0]["epoch"]))
        self.net.history.record("dur", now - self.start)
        self.start = now
        self.log.on_epoch_end(self.net)
