"""Inputs by name: entries of a mapping, or columns of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse

from ..columns._arrays import holds_arrays, stack_vectors
from ..utils._types import RowsLike
from ._base import Trunk
from ._choice import choose_single, resolve_single
from ._input_rows import InputRows
from ._mlp import MLP


def read_inputs(X: RowsLike) -> InputRows | nw.DataFrame:
    """Read X as inputs by name.

    Raises
    ------
    TypeError
        If it is neither a mapping nor a frame.
    """
    if isinstance(X, InputRows):
        return X
    if isinstance(X, Mapping) and not issparse(X):
        return InputRows(X)
    frame = nw.from_native(X, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        raise TypeError(
            f"X of MultiInput should be a mapping from name to input, or a frame, got {type(X).__name__}."
        )
    return frame


def names_of(X: InputRows | nw.DataFrame) -> list[str]:
    """Return the names of the inputs of X: the keys of a mapping, or the columns of a frame."""
    return list(X) if isinstance(X, InputRows) else X.columns


def inputs_of(X: InputRows | nw.DataFrame) -> dict[Any, str]:
    """Return the inputs of X: the keys of a mapping, or the object columns of a frame and a table of the rest."""
    if isinstance(X, InputRows):
        return dict.fromkeys(X, "auto")
    of_objects = [name for name in X.columns if holds_arrays(X[name])]
    table = tuple(name for name in X.columns if name not in of_objects)
    return {**dict.fromkeys(of_objects, "auto"), **({table: "auto"} if table else {})}


def trunk_and_column(X: InputRows | nw.DataFrame, key: Any, given: Any) -> tuple[Trunk, Any]:
    """Return the trunk of one input, which may be "auto", and the input."""
    if isinstance(given, str) and given == "auto":
        trunk = MLP() if isinstance(key, tuple) else choose_single(column_of(X, key))
        trunk = choose_single(column_of(X, key, trunk)) if isinstance(trunk, MLP) else trunk
    else:
        trunk = resolve_single(given)
    return trunk, column_of(X, key, trunk)


def column_of(X: InputRows | nw.DataFrame, key: Any, trunk: Trunk | None = None) -> Any:
    """Return one input of X; a table is two-dimensional.

    Raises
    ------
    ValueError
        If X lacks it.
    """
    names = list(key) if isinstance(key, tuple) else [str(key) if isinstance(X, InputRows) else key]
    lacking = [name for name in names if name not in names_of(X)]
    if lacking:
        raise ValueError(f"X lacks the inputs {lacking} of MultiInput; it has {names_of(X)}.")
    is_table = isinstance(key, tuple) or isinstance(trunk, MLP)
    if isinstance(X, nw.DataFrame):
        return stack_vectors(X.select(names).to_native()) if is_table else X[names[0]].to_native()
    if isinstance(key, tuple):
        return _side_by_side([X[name] for name in names], names)
    return _as_table(X[names[0]]) if is_table else X[names[0]]


def _as_table(values: Any) -> Any:
    """Convert 1-D values to a table of one column, and vectors to rows of a table."""
    values = stack_vectors(values)
    native = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(native, nw.Series):
        return native.to_frame().to_native()
    if isinstance(values, nw.DataFrame) or getattr(values, "ndim", None) == 2 or np.ndim(values) != 1:
        return values
    return np.asarray(values).reshape(-1, 1)


def _side_by_side(columns: list[Any], names: list[str]) -> Any:
    """Combine the columns of one table, as a frame if all are Series of one library."""
    series = [nw.from_native(column, allow_series=True, pass_through=True) for column in columns]
    if all(isinstance(one, nw.Series) for one in series):
        frames = [one.rename(name).to_frame() for one, name in zip(series, names, strict=True)]
        return nw.concat(frames, how="horizontal").to_native()
    return np.column_stack([np.asarray(column) for column in columns])
