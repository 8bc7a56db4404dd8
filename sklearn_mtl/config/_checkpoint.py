"""Where the state of training is written, and how often."""

from __future__ import annotations

import os
from numbers import Integral
from typing import Any

from sklearn.base import BaseEstimator

from ..utils._params import Interval


class Checkpoint(BaseEstimator):
    """A folder for the state of training, from which ``fit(..., resume=True)`` can continue.

    Each fit has a separate file in the folder, so the fits of a search can share it.

    Parameters
    ----------
    folder : path-like
        Created if it does not exist.
    every : int >= 1, default=1
        Number of epochs between writes. The last epoch is always written.

    Examples
    --------
    >>> from sklearn_mtl import Checkpoint, MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(checkpoint=Checkpoint("fits", every=5))
    MultiTaskNetEstimator(checkpoint=Checkpoint(every=5, folder='fits'))
    """

    _parameter_constraints: dict = {
        "folder": [str, os.PathLike],
        "every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, folder: str | os.PathLike[str], every: int = 1) -> None:
        self.folder = folder
        self.every = every


def resolve_checkpoint(checkpoint: Any) -> Checkpoint | None:
    """Convert a folder to a spec; return a spec or None unchanged."""
    if checkpoint is None or isinstance(checkpoint, Checkpoint):
        return checkpoint
    return Checkpoint(checkpoint)
