"""Conversion to arrays: masked arrays, tensors, and objects that support conversion."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import torch

from ..utils._types import RowsLike
from ._columns import plain


def is_array_like(value: Any) -> bool:
    """Return whether a value of a column is itself a list, an array, a tensor or an image."""
    if isinstance(value, list | tuple | np.ndarray):
        return True
    holds = hasattr(value, "__array__") or hasattr(value, "__array_interface__")
    return holds and not isinstance(value, np.generic) and not isinstance(value, type)


def as_array(value: Any) -> np.ndarray:
    """Convert an array, a tensor, an image or nested lists to an array, with NaN for masked values.

    Raises
    ------
    ValueError
        If inner lists have different lengths.
    """
    value = plain(value)
    if isinstance(value, np.ma.MaskedArray):
        if not np.ma.getmaskarray(value).any():
            return np.asarray(value.data)
        return np.asarray(np.ma.filled(value.astype(np.float64), np.nan))
    return np.asarray(value)


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """Return an array as a tensor that shares its memory; a read-only array is copied."""
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def rows_of_series(X: RowsLike) -> Any:
    """Return the rows of a Series, or of a frame with one column of lists or arrays, as a list; else return X."""
    native = nw.from_native(plain(X), allow_series=True, pass_through=True)
    if isinstance(native, nw.DataFrame) and native.shape[1] == 1 and holds_arrays(native[:, 0]):
        native = native[:, 0]
    return native.to_list() if isinstance(native, nw.Series) else X


def holds_arrays(series: nw.Series) -> bool:
    """Return whether a column of a frame holds lists, arrays or images."""
    if isinstance(series.dtype, nw.List | nw.Array):
        return True
    if series.dtype != nw.Object:
        return False
    first = next((value for value in series.to_native() if value is not None), None)
    return is_array_like(first)


def stack_vectors(X: RowsLike) -> Any:
    """Stack the rows of a list, an object array, a Series or a column of vectors to an array (n, d).

    Other values are returned unchanged.

    Raises
    ------
    ValueError
        If a row is missing or has a different length; the message names the row.
    """
    X = plain(X)
    is_array = isinstance(X, np.ndarray) and (X.dtype.kind != "O" or X.ndim != 1)
    if is_array or tuple(getattr(X, "shape", ())[1:]) not in ((), (1,)):  # already a table
        return X
    rows = rows_of_series(X)
    if not isinstance(rows, list | tuple | np.ndarray) or not len(rows):
        return X
    first = next((row for row in rows if row is not None), None)
    # scikit-learn's checks accept lists of lists
    are_lists = isinstance(X, list | tuple) and isinstance(first, list | tuple)
    return _stacked(rows) if is_array_like(first) and not are_lists else X


def _stacked(rows: Any) -> np.ndarray:
    arrays = []
    for number, row in enumerate(rows):
        if not is_array_like(row):
            raise ValueError(f"row {number} of X is {row!r}, but other rows are vectors; a row cannot be missing.")
        arrays.append(as_array(row))
        if arrays[-1].shape != arrays[0].shape or arrays[-1].ndim != 1:
            raise ValueError(
                f"row {number} of X is of shape {arrays[-1].shape}, row 0 of shape {arrays[0].shape}; the rows of "
                "a table should be vectors of one length, and rows of steps have the shape (n_steps, n_features)."
            )
    return np.stack(arrays)
