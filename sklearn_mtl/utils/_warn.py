"""Warnings that point at the line of the user."""

from __future__ import annotations

import sys
import warnings

# What lies between a line of the user and ours.
_BETWEEN = {"sklearn_mtl", "sklearn", "contextlib", "joblib", "skorch"}


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of something that the caller of this package can change, at the line where they called it.

    Parameters
    ----------
    message : str
    category : type of Warning, default=UserWarning
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _package_of(frame.f_globals) in _BETWEEN:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level + 1)


def _package_of(names: dict[str, object]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]
