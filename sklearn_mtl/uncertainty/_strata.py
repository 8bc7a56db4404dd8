"""Groups of rows with thresholds of their own: by a column of X, or by the classes of a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from ..columns._columns import read_column
from ..utils._types import RowsLike

#: the code of a row without a group
NO_GROUP = -1


def column_of(X: RowsLike, by: str | int) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a column of X, and which are missing.

    Raises
    ------
    ValueError
        If X has no such column.
    """
    try:
        if isinstance(X, Mapping):
            values = X[by]
        else:
            values = _safe_indexing(np.asarray(X) if isinstance(X, list) else X, by, axis=1)
        column = read_column(values)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ValueError(
            f"by={by!r} is neither a task nor a column of X. For an array pass the position of a column, and for "
            "a frame its name."
        ) from error
    return column.values, column.missing


def group_names(values: np.ndarray, missing: np.ndarray) -> list[Any]:
    """Return the different values, in the order of their first rows."""
    return list(dict.fromkeys(values[~missing].tolist()))


def coded(values: np.ndarray, missing: np.ndarray, names: list[Any]) -> np.ndarray:
    """Return the position of each value among known ones, `NO_GROUP` for others and missing ones."""
    place = {name: code for code, name in enumerate(names)}
    codes = [NO_GROUP if gone else place.get(value, NO_GROUP) for value, gone in zip(values.tolist(), missing)]  # noqa: B905
    return np.array(codes, dtype=np.intp)
