"""Warnings that point at the caller's line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Packages that may call this one on behalf of the user.
_BETWEEN = {"sklearn_mtl", "sklearn", "contextlib", "joblib", "skorch"}

# Messages that have been issued within `each_once`; None outside of it.
_ISSUED: ContextVar[set[str] | None] = ContextVar("issued", default=None)


@contextmanager
def each_once() -> Iterator[None]:
    """Issue each message only once within the context; a context within another one adds to it."""
    issued = _ISSUED.get()
    token = _ISSUED.set(set() if issued is None else issued)
    try:
        yield
    finally:
        _ISSUED.reset(token)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning that points at the line outside these packages that called them.

    Parameters
    ----------
    message : str
    category : type of Warning, default=UserWarning
    """
    issued = _ISSUED.get()
    if issued is not None:
        if message in issued:
            return
        issued.add(message)
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _package_of(frame.f_globals) in _BETWEEN:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level + 1)


def _package_of(names: dict[str, object]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]
