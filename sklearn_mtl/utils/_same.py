"""Equality of parameter values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np
from torch import Tensor, nn


def same(first: Any, second: Any) -> bool:
    """Return whether two parameters are equal; specs are compared by class and parameters, fitted or not.

    Functions are equal if they are defined at the same place, and modules if they have the same structure, because
    both are copied with the specs that hold them. Values that cannot be compared are not equal.

    Examples
    --------
    >>> from sklearn_mtl.trunks import MLP
    >>> from sklearn_mtl.utils._same import same
    >>> same(MLP((8,)), MLP([8])), same(MLP((8,)), MLP((9,)))
    (True, False)
    """
    if first is second:
        return True
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, np.ndarray | Tensor) or isinstance(second, np.ndarray | Tensor):
        return _same_arrays(first, second)
    if is_spec(first) and is_spec(second):
        return type(first) is type(second) and same(first.get_params(deep=False), second.get_params(deep=False))
    if isinstance(first, FunctionType) and isinstance(second, FunctionType):
        return _place(first) == _place(second)
    if isinstance(first, partial) and isinstance(second, partial):
        return same([first.func, first.args, first.keywords], [second.func, second.args, second.keywords])
    if isinstance(first, nn.Module) and isinstance(second, nn.Module):
        return type(first) is type(second) and repr(first) == repr(second)
    try:
        return bool(first == second) or bool(first != first and second != second)
    except (TypeError, ValueError):
        return False


def is_spec(value: Any) -> bool:
    """Return whether a value is an object with parameters, such as a spec or an estimator."""
    return hasattr(value, "get_params") and not isinstance(value, type)


def _same_arrays(first: Any, second: Any) -> bool:
    if any(isinstance(value, str) or value is None for value in (first, second)):
        return False
    return np.array_equal(np.asarray(first), np.asarray(second))


def _place(function: FunctionType) -> tuple[str, str, bytes, tuple]:
    code = function.__code__
    return function.__module__, function.__qualname__, code.co_code, code.co_names
