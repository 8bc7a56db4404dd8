"""Concatenation of the inputs of several sets of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

from ..utils._types import RowsLike
from ._arrays import as_array, is_array_like
from ._columns import objects_of, plain


def below_each_other(inputs: Sequence[Any]) -> Any:
    """Concatenate inputs of one kind along the rows.

    Parameters
    ----------
    inputs : sequence of frames of one library, of sparse matrices, of sequences, or of arrays
        Sequences are lists, arrays or Series of sentences, token lists, steps or other rows without a common
        shape.

    Returns
    -------
    frame, sparse matrix or ndarray
        Sequences are returned as an object array.

    Raises
    ------
    ValueError
        If they have different kinds or different columns.
    """
    inputs = [plain(one) for one in inputs]
    kinds = [_kind_of(one) for one in inputs]
    if len(set(kinds)) > 1:
        raise ValueError(f"X of all tasks must have one kind to be concatenated; got {sorted(set(kinds))}.")
    if kinds[0] == "sparse":
        _check_widths(inputs)
        return sparse.vstack(inputs, format="csr")
    if kinds[0].startswith("frames"):
        return _frames([nw.from_native(one) for one in inputs])
    if kinds[0].startswith("sequences"):
        return _rows(inputs)
    arrays = [as_array(one) for one in inputs]
    _check_widths(arrays)
    return np.concatenate(arrays)


def _kind_of(X: RowsLike) -> str:
    if sparse.issparse(X):
        return "sparse"
    native = nw.from_native(X, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(native, nw.DataFrame):
        return f"frames of {native.implementation.name.lower()}"
    rows = native.to_list() if isinstance(native, nw.Series) else X
    first: Any = next((row for row in rows if not is_array_like(row) or len(row)), None)
    if isinstance(first, str) or (isinstance(first, list | tuple | np.ndarray) and _holds_text(first)):
        return "sequences of tokens"
    if isinstance(X, np.ndarray) and X.dtype.kind != "O":
        return "sequences of steps" if X.ndim == 3 and X.dtype != np.uint8 else _kind_of_array(X)
    if is_array_like(first) and (is_array_like(first[0]) or np.ndim(first) > 1):
        return "sequences of steps" if np.ndim(as_array(first)) == 2 else "images"
    return _kind_of_array(np.asarray(rows))


def _kind_of_array(array: np.ndarray) -> str:
    return {2: "tables", 3: "images", 4: "images", 5: "videos"}.get(array.ndim, f"arrays of {array.ndim} axes")


def _holds_text(row: Any) -> bool:
    return len(row) > 0 and isinstance(row[0], str)


def _rows(inputs: Sequence[Any]) -> np.ndarray:
    """Put the rows of sequences into one array of numbers or strings if possible, otherwise of objects."""
    arrays = [one for one in inputs if isinstance(one, np.ndarray) and one.dtype.kind != "O"]
    if len(arrays) == len(inputs) and len({array.shape[1:] for array in arrays}) == 1:
        return np.concatenate(arrays)
    rows = [row for one in inputs for row in _list_of(one)]
    if all(isinstance(row, str) for row in rows):
        return np.array(rows)
    return objects_of(rows)


def _list_of(X: RowsLike) -> Any:
    native = nw.from_native(X, allow_series=True, pass_through=True)
    return native.to_list() if isinstance(native, nw.Series) else X


def _frames(frames: Sequence[nw.DataFrame]) -> Any:
    columns = frames[0].columns
    if any(sorted(map(str, frame.columns)) != sorted(map(str, columns)) for frame in frames):
        raise ValueError(f"the frames of all tasks should have the same columns; the first has {columns}.")
    ordered = [frame if frame.columns == columns else frame.select(columns) for frame in frames]
    if any(frame.schema != frames[0].schema for frame in ordered) or _has_categories(ordered[0]):
        ordered = _with_common_types(ordered)
    return nw.maybe_reset_index(nw.concat(ordered, how="vertical")).to_native()


def _has_categories(frame: nw.DataFrame) -> bool:
    return any(isinstance(dtype, nw.Categorical | nw.Enum) for dtype in frame.schema.values())


def _with_common_types(frames: Sequence[nw.DataFrame]) -> list[nw.DataFrame]:
    """Cast columns of different types to a common type: united categories, floats, or text.

    Raises
    ------
    ValueError
        If a column has numbers in one frame and text in another; the message names the column.
    """
    united: dict[str, list[nw.Series]] = {
        name: _united(name, [frame[name] for frame in frames]) for name in frames[0].columns
    }
    return [
        frame.with_columns(*(united[name][number].alias(name) for name in frame.columns))
        for number, frame in enumerate(frames)
    ]


def _united(name: str, columns: list[nw.Series]) -> list[nw.Series]:
    dtypes = [column.dtype for column in columns]
    are_categories = [isinstance(dtype, nw.Categorical | nw.Enum) for dtype in dtypes]
    if all(are_categories):
        return _of_all_categories(columns)
    kinds = {_kind_of_column(dtype) for dtype in dtypes}
    if len(kinds) > 1:
        raise ValueError(f"column {name!r} of the frames of all tasks should have one type; got {dtypes}.")
    if any(are_categories):
        return [
            column.cast(nw.String) if is_one else column
            for column, is_one in zip(columns, are_categories, strict=True)
        ]
    if len(set(dtypes)) > 1 and kinds == {"number"}:
        return [column.cast(nw.Float64) for column in columns]
    return columns


def _kind_of_column(dtype: Any) -> str:
    if dtype.is_numeric() or dtype == nw.Boolean:
        return "number"
    return "text" if isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Object) else str(dtype)


def _of_all_categories(columns: list[nw.Series]) -> list[nw.Series]:
    """Set the categories of each column to those of all columns, in order of first occurrence."""
    known = list(dict.fromkeys(value for column in columns for value in column.cat.get_categories().to_list()))
    if columns[0].implementation.is_pandas():
        natives = [column.to_native().cat.set_categories(known) for column in columns]
        return [nw.from_native(native, series_only=True) for native in natives]
    if isinstance(columns[0].dtype, nw.Enum):
        return [column.cast(nw.String).cast(nw.Enum(known)) for column in columns]
    return [column.cast(nw.String).cast(nw.Categorical) for column in columns]


def _check_widths(arrays: Sequence[Any]) -> None:
    if len({array.shape[1:] for array in arrays}) > 1:
        raise ValueError(
            f"X of all tasks should have the same columns; got the shapes {[a.shape for a in arrays]}."
        )
