"""How many threads a step of training is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock, local

import torch

# Multiply-adds of a training step under which a second thread costs more than it brings.
WORK_PER_THREAD = 9_000_000


def threads_for(work: float) -> AbstractContextManager[None]:
    """Let torch use as many CPU threads as the work of a step is worth, and restore its setting after.

    Parameters
    ----------
    work : float
        Multiply-adds of one step.
    """
    return _SETTING.changed(lambda available: min(available, int(work // WORK_PER_THREAD)))


def share_of_threads(n_processes: int) -> AbstractContextManager[None]:
    """Let torch use the CPU threads that each of some processes would have, and restore its setting after."""
    return _SETTING.changed(lambda available: available // n_processes)


class _Setting:
    """torch's number of threads, which fits in several Python threads change at the same time.

    Each of them goes by what there was before the first one changed it, never by what another one has set.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.users = 0
        self.available = 1
        self.here = local()

    @contextmanager
    def changed(self, choose: Callable[[int], int]) -> Iterator[None]:
        """Set the number for this Python thread to what is chosen from those that are there, at least 1."""
        outer = getattr(self.here, "count", None)
        with self.lock:
            if not self.users:
                self.available = torch.get_num_threads()
            self.users += 1
            before = self.available if outer is None else outer
        try:
            self._set(max(1, choose(before)))
            yield
        finally:
            self._set(before)
            self.here.count = outer
            with self.lock:
                self.users -= 1

    def _set(self, count: int) -> None:
        if torch.get_num_threads() != count:
            torch.set_num_threads(count)
        self.here.count = count


_SETTING = _Setting()
