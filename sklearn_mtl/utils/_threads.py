"""How many threads a step of training is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Multiply-adds of a training step under which a second thread costs more than it brings.
WORK_PER_THREAD = 9_000_000


@contextmanager
def threads_for(work: float) -> Iterator[None]:
    """Let torch use as many CPU threads as the work of a step is worth, and restore its setting after.

    Parameters
    ----------
    work : float
        Multiply-adds of one step.
    """
    available = torch.get_num_threads()
    wanted = max(1, min(available, int(work // WORK_PER_THREAD)))
    with _threads(wanted):
        yield


@contextmanager
def share_of_threads(n_processes: int) -> Iterator[None]:
    """Let torch use the CPU threads that each of some processes would have, and restore its setting after."""
    with _threads(max(1, torch.get_num_threads() // n_processes)):
        yield


@contextmanager
def _threads(wanted: int) -> Iterator[None]:
    available = torch.get_num_threads()
    if wanted == available:
        yield
        return
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(available)
