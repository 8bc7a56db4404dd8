"""Errors for full memory."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..exceptions import OutOfMemoryError

# Messages of the allocators of CPUs and Apple GPUs, in a RuntimeError.
_SIGNS = ("can't allocate memory", "not enough memory", "out of memory")


@contextmanager
def explain_out_of_memory(doing: str, helps: str) -> Iterator[None]:
    """Raise OutOfMemoryError if the memory is full, after freeing the memory of the step.

    Parameters
    ----------
    doing : str
        The operation and its size: "training with batch_size=256".
    helps : str
        How to use less memory.

    Raises
    ------
    OutOfMemoryError
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, OutOfMemoryError) or not _is_out_of_memory(error):
            raise
        # the frames that failed hold the tensors of the step
        traceback.clear_frames(error.__traceback__)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemoryError(f"{doing} ran out of memory; {helps}. ({first_line(error)})") from error


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(sign in str(error).lower() for sign in _SIGNS)


def first_line(error: Exception) -> str:
    """Return the first line of a message, or the class of an error without one."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
