"""Inputs of a graph, made of X."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..columns._arrays import as_array, rows_of_series
from ..columns._columns import plain, read_column
from ..columns._frame import Frame, as_frame
from ..trunks._named_inputs import column_of, read_inputs
from ..trunks._steps import read_steps
from ..trunks._tokens import rows_of, token_lists
from ..utils._types import RowsLike
from ._names import ARRAY

_TEXT = "tensor(string)"
_DTYPES = {"tensor(double)": np.float64, "tensor(float)": np.float32, "tensor(int64)": np.int64}


def onnx_inputs(session: Any, X: RowsLike) -> dict[str, np.ndarray]:
    """Convert X to the inputs of a session of onnxruntime with a model of `to_onnx`.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of a model of `to_onnx`.
    X : frame of pandas, polars or pyarrow, array-like, list of sequences, or mapping of inputs
        Rows as of ``fit``; further columns of a frame are ignored.

    Returns
    -------
    dict of str to ndarray
        Of a frame, (n, 1) for each column: strings, with ``""`` for missing ones, or numbers, with NaN. Of an
        array, ``X``. Sequences are padded to the longest one, tokens by ``""`` and numbers by NaN.

    Raises
    ------
    ValueError
        If columns are missing, or have text in the place of numbers or numbers in the place of text; or if a
        sequence ends with an empty token.

    Examples
    --------
    See `to_onnx`.
    """
    wanted = session.get_inputs()
    names = [each.name for each in wanted]
    X = plain(X)
    if isinstance(X, Mapping) and not hasattr(X, "shape"):
        return {each.name: _converted(_of_mapping(X, each.name), each) for each in wanted}
    frame = as_frame(X)
    if frame is None or (names == [ARRAY] and ARRAY not in frame.names):
        if names != [ARRAY]:
            raise ValueError(f"X is an array, but the model has an input for each column: {names}; pass a frame.")
        return {ARRAY: _converted(X, wanted[0])}
    lacking = [name for name in names if name not in frame.names]
    if lacking:
        raise ValueError(f"X lacks the columns {lacking} of the model; it has {frame.names}.")
    return {each.name: _column(X, frame, each) for each in wanted}


def _of_mapping(X: Mapping[Any, Any], name: str) -> Any:
    """Return an input by its name, or a column of a frame among the inputs."""
    by_name = {str(key): values for key, values in X.items()}
    if name in by_name:
        return by_name[name]
    for values in by_name.values():
        frame = as_frame(plain(values))
        if frame is not None and name in frame.names:
            return column_of(read_inputs(values), name)
    raise ValueError(f"X lacks the input {name!r} of the model; it has {list(by_name)}.")


def _column(X: RowsLike, frame: Frame, wanted: Any) -> np.ndarray:
    """Return a column of a frame; it may have a number, a text or an array in each row."""
    if list(wanted.shape[1:]) != [1]:
        return _converted(column_of(read_inputs(X), wanted.name), wanted)
    position = frame.names.index(wanted.name)
    if wanted.type == _TEXT:
        return _texts(frame.column(position), wanted.name)
    return frame.numbers([position]).astype(_DTYPES[wanted.type])


def _converted(values: Any, wanted: Any) -> np.ndarray:
    """Convert one input to the type and the shape that the model has."""
    of_any_length = len(wanted.shape) > 1 and isinstance(wanted.shape[1], str)
    if wanted.type == _TEXT:
        return _tokens(values) if of_any_length else _texts(values, wanted.name)
    if of_any_length:
        return _steps(values, wanted.shape[2]).astype(_DTYPES[wanted.type])
    array = np.asarray(as_array(rows_of_series(plain(values))))
    if array.dtype.kind == "O" and array.ndim == 1 and np.ndim(array[0]):
        array = np.stack(list(map(as_array, array)))
    if wanted.type == "tensor(uint8)":
        return _bytes(array)
    array = np.ascontiguousarray(array, dtype=_DTYPES[wanted.type])
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _bytes(images: np.ndarray) -> np.ndarray:
    held = images.astype(np.uint8)
    if not np.array_equal(held, images):
        raise ValueError("X should hold images of whole numbers from 0 to 255, as in fit.")
    return held


def _tokens(values: Any) -> np.ndarray:
    """Return tokens (n, L), filled up with empty texts."""
    rows = token_lists(rows_of(values))
    ending = next((number for number, row in enumerate(rows) if len(row) and row[-1] == ""), None)
    if ending is not None:
        raise ValueError(f"row {ending} of X ends with an empty token, which stands for the end of the row.")
    tokens = np.full((len(rows), _longest(rows)), "", dtype=object)
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = row
    return tokens


def _steps(values: Any, n_features: int) -> np.ndarray:
    """Return numbers (n, L, n_features), filled up with NaN."""
    steps = read_steps(rows_of(values), n_features)
    rows = np.split(steps.values, np.cumsum(steps.lengths)[:-1])
    filled = np.full((len(rows), _longest(rows), n_features), np.nan)
    for number, row in enumerate(rows):
        filled[number, : len(row)] = row
    return filled


def _longest(rows: Sequence[Any]) -> int:
    return max(1, *map(len, rows))


def _texts(values: Any, name: str) -> np.ndarray:
    column = read_column(values)
    texts = column.values.astype(object)
    texts[column.missing] = ""
    other = next((value for value in texts.tolist() if not isinstance(value, str)), None)
    if other is not None:
        raise ValueError(f"column {name!r} of X should hold text, but has {other!r}.")
    return texts[:, None]
