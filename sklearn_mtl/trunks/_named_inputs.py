"""Inputs by name: those of a mapping, or the columns of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ._base import Trunk
from ._choice import choose_single, holds_objects, resolve_single
from ._mlp import MLP


def names_of(X: Any) -> dict[Any, str]:
    """Give the inputs of X: the keys of a mapping; of a frame its columns of objects, the others as a table."""
    if isinstance(X, Mapping):
        return dict.fromkeys(X, "auto")
    frame = _as_frame(X)
    of_objects = [name for name in frame.columns if holds_objects(frame[name])]
    table = tuple(name for name in frame.columns if name not in of_objects)
    return {**dict.fromkeys(of_objects, "auto"), **({table: "auto"} if table else {})}


def trunk_and_column(X: Any, key: Any, given: Any) -> tuple[Trunk, Any]:
    if given == "auto":
        trunk = MLP() if isinstance(key, tuple) else choose_single(column_of(X, key))
        trunk = choose_single(column_of(X, key, trunk)) if isinstance(trunk, MLP) else trunk
    else:
        trunk = resolve_single(given)
    return trunk, column_of(X, key, trunk)


def column_of(X: Any, key: Any, trunk: Trunk | None = None) -> Any:
    """Give one input of X; a table is two-dimensional."""
    names = list(key) if isinstance(key, tuple) else [key]
    is_table = isinstance(key, tuple) or isinstance(trunk, MLP)
    if isinstance(X, Mapping):
        _require(names, list(X))
        if isinstance(key, tuple):
            return np.column_stack([np.asarray(X[name]) for name in names])
        column = X[key]
        return np.asarray(column).reshape(-1, 1) if is_table and np.ndim(column) == 1 else column
    frame = _as_frame(X)
    _require(names, frame.columns)
    return (frame.select(names) if is_table else frame[key]).to_native()


def _as_frame(X: Any) -> nw.DataFrame:
    frame = nw.from_native(X, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        raise TypeError(
            f"X of MultiInput should be a mapping from name to input, or a frame, got {type(X).__name__}."
        )
    return frame


def _require(names: Sequence[str], known: Sequence[str]) -> None:
    lacking = [name for name in names if name not in known]
    if lacking:
        raise ValueError(f"X lacks the inputs {lacking} of MultiInput; it has {list(known)}.")
