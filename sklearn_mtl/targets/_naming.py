"""Names and targets of containers that name their targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError


def named_targets(data: Any) -> list[tuple[Any, Any]]:
    """List the names and targets of a mapping, frame, structured array, list of dicts or list of pairs.

    Raises
    ------
    TypeError
        If data has another type.
    ValueError
        If a frame has two columns of one name.
    """
    if isinstance(data, Mapping):
        return list(data.items())
    names = getattr(getattr(data, "dtype", None), "names", None)
    if isinstance(data, np.ndarray) and names:
        return [(name, data[name]) for name in names]
    frame = frame_or_series(data)
    if isinstance(frame, nw.DataFrame):
        return [(label, frame[:, i]) for i, label in enumerate(frame.columns)]
    if are_records(data):
        names = list(dict.fromkeys(name for row in data for name in row))
        return [(name, [row.get(name) for row in data]) for name in names]
    try:
        return [(name, values) for name, values in data]
    except (TypeError, ValueError) as error:
        raise TypeError(
            "Targets takes a mapping from task to target, a frame, a structured array, a list of one dict per "
            f"row, or targets by keyword; got {type(data).__name__}."
        ) from error


def are_records(data: Any) -> bool:
    """Return whether data is a list of one dict per row."""
    return isinstance(data, list | tuple) and bool(data) and all(isinstance(row, dict) for row in data)


def frame_or_series(data: Any) -> nw.DataFrame | nw.Series | None:
    """Return a narwhals frame or series of any library; None for other data.

    Raises
    ------
    ValueError
        If a frame has two columns of one name.
    """
    try:
        native = nw.from_native(data, allow_series=True, pass_through=True)
    except DuplicateError as error:
        raise ValueError(f"y names a task more than once. {error}") from error
    return native if isinstance(native, nw.DataFrame | nw.Series) else None
