"""Resolution of the parameter ``trunk``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scipy.sparse import issparse

from ..columns._arrays import holds_arrays
from ..columns._frame import as_frame
from ..utils._types import RowsLike
from ._base import Trunk
from ._choice import choose_single, resolve_single
from ._multi_input import MultiInput


def resolve_trunk(trunk: Trunk | str | Callable[..., Any], X: RowsLike = None) -> Trunk:
    """Return the trunk for a shorthand; return a trunk unchanged.

    Parameters
    ----------
    trunk : Trunk, str, or class or function that makes a module
        "auto" is chosen for X by shape and dtype.
    X : object, default=None
        X of ``fit``; without it "auto" is the trunk for tables.
    """
    if isinstance(trunk, str) and trunk == "auto" and X is not None:
        return MultiInput() if _has_several_inputs(X) else choose_single(X)
    return resolve_single(trunk, {"multi_input": MultiInput})


def allows_nan(trunk: Trunk | str | Callable[..., Any]) -> bool:
    """Return whether a trunk or shorthand allows missing numbers in X; False for an invalid trunk."""
    try:
        return resolve_trunk(trunk).allows_nan
    except (TypeError, ValueError):  # fit raises the error
        return False


def _has_several_inputs(X: RowsLike) -> bool:
    """Return whether X is a mapping of inputs, or a frame with a column of lists or arrays."""
    if issparse(X):  # some sparse matrices are mappings
        return False
    if isinstance(X, Mapping):
        return True
    frame = as_frame(X)
    return frame is not None and any(holds_arrays(frame.column(position)) for position in frame.of_unknown_kind())
