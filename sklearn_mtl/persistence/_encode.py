"""Encoding of fitted estimators as JSON and arrays.

None, bools, numbers, text and lists are JSON values. Everything else is an object with one entry, whose key is the
type of its value: ``{"tuple": [1, 2]}``, ``{"tensor": ["_state.weights['bias']", "<f4"]}``.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from enum import Enum
from numbers import Number
from typing import Any

import numpy as np
import torch
from joblib import Memory
from sklearn.base import BaseEstimator
from sklearn.callback import FitCallback
from skorch.callbacks import Callback
from torch import nn

from ..estimator._estimator import MultiTaskNetEstimator
from ._known import CONTAINERS, PACKAGE, Registry, has_name, may_be_attribute
from ._steps import dump_step
from ._values import LEAVES, leaf_of, plain_array

#: maximum nesting depth of containers, for writing and reading
DEEPEST = 50
# Larger integers are not supported by all JSON readers.
_LARGEST = 2**63

# Py_TPFLAGS_HEAPTYPE, the flag of classes that are defined by a class statement.
_DEFINED_IN_PYTHON = 1 << 9

_SURROGATES = re.compile("[\ud800-\udfff]")

_UNSAVABLE: list[tuple[Any, str]] = [
    (Callback, "callbacks are not saved: set callbacks=None first, which leaves the fitted model as it is"),
    (FitCallback, "callbacks are not saved: call set_callbacks() first, which leaves the fitted model as it is"),
    (nn.Module, "a module is not saved: pass a spec or a function that builds it"),
    (torch.Tensor, "a tensor is not saved: convert it to a numpy array"),
    (np.ndarray, "only arrays of class numpy.ndarray with a dtype of numbers, text, dates or objects are saved"),
    (Memory, "pass the path of its folder"),
    (np.random.RandomState, "only a RandomState with the bit generator MT19937 is saved"),
    (np.random.Generator, "use an int or a numpy.random.RandomState"),
    (Enum, "use its value"),
    (Mapping, "convert it to a dict"),
    (Set, "convert it to a set"),
    (str, "convert it to a str"),
    (Sequence, "convert it to a list or a tuple"),
    (Number, "convert it to an int or a float"),
]


class Encoder:
    """Encodes values as JSON, and collects their arrays.

    Parameters
    ----------
    registry : Registry
        Names of classes.

    Attributes
    ----------
    tensors : dict of str to ndarray
        Numeric arrays, by their path.
    steps : dict of str to bytes
        Entries of the file that were written by skops.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._within: list[int] = []
        self.tensors: dict[str, np.ndarray] = {}
        self.steps: dict[str, bytes] = {}

    def encode(self, value: Any, path: str) -> Any:
        """Encode a value as None, bools, numbers, text, lists, and dicts with one entry.

        Parameters
        ----------
        value : object
        path : str
            Path of the value, for names and messages.

        Raises
        ------
        TypeError
            If it cannot be saved; the message has its path and advice.
        """
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind in _PLAIN:
            return _PLAIN[kind](value)
        leaf = leaf_of(value)
        if leaf is not None:
            return {leaf: self.encode(LEAVES[leaf].pack(value), path)}
        if id(value) in self._within or len(self._within) > DEEPEST:
            raise TypeError(f"{path} cannot be saved: it refers to itself, or is nested too deeply.")
        self._within.append(id(value))
        try:
            return self._encode_nested(value, path)
        finally:
            self._within.pop()

    def _encode_nested(self, value: Any, path: str) -> Any:
        kind = type(value)
        if kind is list:
            return self._encode_records(value, path) if _are_records(value) else self._all(value, path)
        if kind is tuple:
            return {"tuple": self._all(value, path)}
        if kind in (set, frozenset):
            encoded = self._all(value, path)
            # the order of sets of strings differs between processes; equal models should make equal files
            return {kind.__name__: sorted(encoded, key=repr)}
        if kind is dict:
            return {"dict": self._pairs(value, path, self.encode)}
        if kind is OrderedDict:
            return {"ordered_dict": self._pairs(value, path, self.encode)}
        if kind is functools.partial:
            parts = [value.func, list(value.args), dict(value.keywords)]
            return {"partial": [self.encode(part, path) for part in parts]}
        if isinstance(value, np.ndarray) and kind in (np.ndarray, np.memmap):
            return self._encode_array(value, path)
        if isinstance(value, type | np.ufunc) or (inspect.isroutine(value) and hasattr(value, "__name__")):
            return self._encode_name(value, path)
        return self._encode_object(value, path)

    def _all(self, values: Any, path: str) -> list[Any]:
        return [self.encode(entry, f"{path}[{number}]") for number, entry in enumerate(values)]

    def _pairs(self, mapping: Mapping, path: str, encode: Callable[[Any, str], Any]) -> list[Any]:
        """Encode keys and entries alternately in one list."""
        if sum(type(key) is float and key != key for key in mapping) > 1:
            raise TypeError(f"{path} cannot be saved: several of its keys are NaN.")
        pairs: list[Any] = []
        for key, entry in mapping.items():
            pairs += [self.encode(key, f"a key of {path}"), encode(entry, f"{path}[{key!r}]")]
        return pairs

    def _encode_records(self, records: list[dict[str, Any]], path: str) -> Any:
        """Encode dicts with the same keys, such as the epochs of a history, column by column."""
        columns = {key: [record[key] for record in records] for key in records[0]}
        encoded = [self._encode_column(values, f"{path}[{key!r}]") for key, values in columns.items()]
        return {"records": [self._all(columns, path), encoded]}

    def _encode_column(self, values: list[Any], path: str) -> Any:
        for kind, dtype in ((float, np.float64), (int, np.int64)):
            fits = kind is float or all(-_LARGEST < value < _LARGEST for value in values if type(value) is int)
            if fits and all(type(value) is kind for value in values):
                return self._encode_array(np.array(values, dtype=dtype), path)
        return self._all(values, path)

    def _encode_array(self, array: np.ndarray, path: str) -> Any:
        if array.dtype == object:
            return {"objects": [list(array.shape), self._all(array.ravel().tolist(), path)]}
        plain = plain_array(array)
        if plain is None:
            raise TypeError(_refusal(array, path))
        name = path.encode("ascii", "backslashreplace").decode("ascii")
        while name in self.tensors:
            name += "'"
        self.tensors[name] = plain
        return {"tensor": [name, array.dtype.str]}

    def _encode_name(self, value: Any, path: str) -> Any:
        """Encode a class or a function by its name; it must exist where the file is loaded."""
        owner = getattr(value, "__self__", None)
        is_bound = owner is not None and not inspect.ismodule(owner)
        if is_bound or not has_name(value):
            raise TypeError(
                f"{path} is {value!r}, which cannot be saved: it has no importable name; "
                "use a class or a function that is defined with def."
            )
        return {"named": self._registry.name_of_value(value)}

    def _encode_object(self, value: Any, path: str) -> Any:
        """Encode an object as the name of its class and its state."""
        cls = type(value)
        name = self._registry.name_of(cls)
        prefix = f"{path}." if path else ""
        if cls in CONTAINERS.values():
            parts = [(key, self._part(entry, f"{prefix}{key}")) for key, entry in vars(value).items()]
            return {"object": [name, {"dict": [item for pair in parts for item in pair]}]}
        if isinstance(value, tuple) and hasattr(cls, "_fields"):
            return {"named_tuple": [name, self._all(value, path)]}
        if not self._registry.is_known(cls) and not _is_plain_object(value):
            raise TypeError(_refusal(value, path))
        state = value.__getstate__()
        if state is None and not vars(value):
            state = {}
        if not isinstance(state, dict):
            raise TypeError(_refusal(value, path))
        pairs: list[Any] = []
        for key, entry in state.items():
            if not may_be_attribute(cls, key):
                raise TypeError(
                    f"{prefix}{key} cannot be saved: it hides an attribute of the class {cls.__name__}."
                )
            # predictors of tasks may be estimators of other packages
            encode = self._part if key == "_task_predictors" and name.startswith(PACKAGE) else self.encode
            pairs += [key, encode(entry, f"{prefix}{key}")]
        return {"object": [name, {"dict": pairs}]}

    def _part(self, value: Any, path: str) -> Any:
        """Encode the content of a scikit-learn container; estimators from other packages are written by skops."""
        kind = type(value)
        if kind is dict:
            return {"dict": self._pairs(value, path, self._part)}
        if kind is list:
            return [self._part(entry, _place(path, entry, number)) for number, entry in enumerate(value)]
        if kind is tuple:  # name, estimator and possibly columns
            return {"tuple": [self._part(entry, path) for entry in value]}
        is_foreign = hasattr(value, "fit") and not isinstance(value, type | MultiTaskNetEstimator)
        if not is_foreign or self._registry.is_known(kind):
            return self.encode(value, path)
        name = f"step-{len(self.steps)}.skops"
        self.steps[name] = dump_step(value, path)
        return {"step": name}


def _place(path: str, entry: Any, number: int) -> str:
    """Return the path of a list entry, with its name if it is a named step."""
    is_step = type(entry) is tuple and entry and type(entry[0]) is str
    return f"{path}[{(entry[0] if is_step else number)!r}]"


def _are_records(values: list[Any]) -> bool:
    if len(values) < 2 or not all(type(value) is dict for value in values):
        return False
    keys = list(values[0])
    return bool(keys) and all(type(key) is str for key in keys) and all(list(value) == keys for value in values)


def _plain_int(value: int) -> Any:
    return value if -_LARGEST < value < _LARGEST else {"int": hex(value)}


def _plain_float(value: float) -> Any:
    return value if math.isfinite(value) else {"float": repr(value)}


def _plain_text(value: str) -> Any:
    # JSON would merge two separate surrogates into one character
    return value if value.isascii() or not _SURROGATES.search(value) else {"text": LEAVES["text"].pack(value)}


_PLAIN: dict[type, Any] = {int: _plain_int, float: _plain_float, str: _plain_text}


def _is_plain_object(value: Any) -> bool:
    """Return whether the state of an object consists of its attributes only."""
    cls = type(value)
    unsavable = tuple(kind for kind, _ in _UNSAVABLE if kind not in (Mapping, Set, Sequence))
    if isinstance(value, unsavable) or hasattr(value, "__array__") or not hasattr(value, "__dict__"):
        return False
    # subclasses of dict or str and classes defined in C have other state
    if not all(base is object or base.__flags__ & _DEFINED_IN_PYTHON for base in cls.__mro__):
        return False
    # a class with its own pickling or construction has other state
    own = [name for name in ("__reduce__", "__reduce_ex__") if getattr(cls, name) is not getattr(object, name)]
    own += [name for name in ("__getnewargs__", "__getnewargs_ex__") if hasattr(cls, name)]
    return isinstance(value, BaseEstimator) or not own


def _refusal(value: Any, path: str) -> str:
    cls = type(value)
    reason = next((reason for kind, reason in _UNSAVABLE if isinstance(value, kind)), None)
    if reason is None and hasattr(value, "__array__"):
        reason = "convert it to a numpy array or a list"
    reason = reason or (
        "it is not a number, text, array, list or dict, nor an object of these; convert it, or save with joblib"
    )
    return f"{path} is a {cls.__module__}.{cls.__qualname__}, which cannot be saved: {reason}."
