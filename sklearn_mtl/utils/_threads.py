"""Number of threads of a training step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock, local

import torch

# Multiply-adds below which a second thread costs more than it gains.
WORK_PER_THREAD = 9_000_000
# The same for a step of training. Threads wait for each other in every product. If another process uses one of the
# cores, a step with two threads takes several times as long as with one. So small steps, which gain little from a
# second thread, use one.
TRAINING_WORK_PER_THREAD = 200_000_000


def threads_for(work: float, per_thread: float | None = None) -> AbstractContextManager[None]:
    """Set the number of torch's CPU threads for the work of a step, and restore it afterwards.

    Parameters
    ----------
    work : float
        Multiply-adds of one step.
    per_thread : float or None, default=None
        Multiply-adds that are worth one thread; None for `WORK_PER_THREAD`.
    """
    return _SETTING.changed(lambda available: min(available, int(work // (per_thread or WORK_PER_THREAD))))


def share_of_threads(n_processes: int) -> AbstractContextManager[None]:
    """Set the number of torch's CPU threads to one process's share, and restore it afterwards."""
    return _SETTING.changed(lambda available: available // n_processes)


class _Setting:
    """torch's number of threads, which fits in several Python threads may change at the same time.

    Each of them starts from the original number, not from a number that another thread has set.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.users = 0
        self.available = 1
        self.here = local()

    @contextmanager
    def changed(self, choose: Callable[[int], int]) -> Iterator[None]:
        """Set the number for this Python thread to a choice from the original number, at least 1."""
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
