"""Decoding of JSON and arrays to fitted estimators, without importing a class or calling a constructor."""

from __future__ import annotations

import functools
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..columns._columns import objects_of
from ..estimator._estimator import MultiTaskNetEstimator
from ..exceptions import ModelFileError
from ..model import check_arrays, current_state, parts_of
from ._allocation import AllocationLimit, WithoutMemory
from ._encode import DEEPEST
from ._known import CONTAINERS, PACKAGE, Registry, may_be_attribute
from ._values import LEAVES, restored_array

# Maximum numbers of layers, units and members that even small files may have.
_LARGE_SIZE = 2**16
_ROOMS_OF_SIZES = {f"{PACKAGE}.trunks", f"{PACKAGE}.architectures", f"{PACKAGE}.training"}
# A unit has at least one weight.
_BYTES_PER_UNIT = 4

# Memory for building a network in addition to a multiple of the file size, for small tensors that are not weights.
# Trusted external modules may have larger ones.
_SMALL_CHANGE, _CHANGE_OF_OTHERS = 2**20, 2**26

# Bytes of Python values, counted twice: parsed and decoded.
_CHUNK = 2**16
_PER_TEXT, _PER_CONTAINER, _PER_VALUE, _PER_FILE = 110, 120, 64, 1000


class Tagged(NamedTuple):
    """A JSON object, which has one entry."""

    tag: str
    value: Any


def parse(text: bytes) -> Any:
    """Read JSON whose objects have one entry each.

    Raises
    ------
    ValueError, RecursionError
        If it has another form.
    """
    return json.loads(text.decode("ascii"), object_pairs_hook=_tagged, parse_constant=_refuse_constant)


def memory_of(text: bytes) -> int:
    """Return an upper bound of the bytes of the Python values of JSON text, without parsing it."""
    n_texts = n_containers = n_commas = parity = 0
    if b"\\" in text:  # a quotation mark may be part of a string
        text = text.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
    for start in range(0, len(text), _CHUNK):
        letters = np.frombuffer(text, np.uint8, min(_CHUNK, len(text) - start), start)
        marks = np.cumsum(letters == ord('"')) + parity
        outside = letters[marks % 2 == 0]
        n_containers += int(np.isin(outside, (ord("["), ord("{"))).sum())
        n_commas += int((outside == ord(",")).sum())
        n_texts += int(marks[-1] - parity)  # begin and end
        parity = int(marks[-1]) % 2
    n_values = n_commas + n_containers
    return _PER_FILE + len(text) + _PER_TEXT * n_texts // 2 + _PER_CONTAINER * n_containers + _PER_VALUE * n_values


def _tagged(pairs: list[tuple[str, Any]]) -> Tagged:
    ((tag, value),) = pairs
    return Tagged(tag, value)


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


class Decoder:
    """Decodes the output of `Encoder`.

    Parameters
    ----------
    registry : Registry
        Allowed classes.
    tensors : mapping of str to ndarray
        The numeric arrays; each is used once.
    load_step : callable
        Returns the pipeline step of an entry of the file.
    size : int
        Bytes of the file; no layer can have more units.
    room : int
        Maximum bytes of values that are not arrays.

    Raises
    ------
    ModelFileError
        From `decode`, for invalid values; other exceptions are possible too.
    """

    def __init__(
        self,
        registry: Registry,
        tensors: Mapping[str, np.ndarray],
        load_step: Callable[[str], Any],
        size: int,
        room: int,
    ) -> None:
        self._room = room
        self._registry = registry
        self._tensors = dict(tensors)
        self._load_step = load_step
        self._largest = max(size // _BYTES_PER_UNIT, _LARGE_SIZE)
        # networks that are stacked exist twice for a moment
        change = _CHANGE_OF_OTHERS if registry.trusted else _SMALL_CHANGE
        largest = max((array.nbytes for array in tensors.values()), default=0)
        self._limit = AllocationLimit(2 * size + change, largest + change)
        self._depth = 0

    @property
    def unused(self) -> list[str]:
        """Return the names of the arrays that have not been used."""
        return list(self._tensors)

    def decode(self, encoded: Any) -> Any:
        """Decode None, bools, numbers, text, lists and tagged values."""
        if type(encoded) is Tagged:
            self._depth += 1
            if self._depth > 2 * DEEPEST:
                raise ModelFileError("its values are nested too deeply")
            value = self._decode_tagged(*encoded)
            self._depth -= 1
            return value
        return self._all(encoded) if type(encoded) is list else encoded

    def _all(self, encoded: Any) -> list[Any]:
        if type(encoded) is not list:
            raise ModelFileError(f"it has a {type(encoded).__name__} instead of a list")
        return [self.decode(entry) for entry in encoded]

    def _decode_tagged(self, tag: str, value: Any) -> Any:
        if tag in LEAVES:
            return LEAVES[tag].unpack(self.decode(value))
        if tag not in _TAGS:
            raise ModelFileError(f"it holds {tag[:100]!r}, which this version does not know")
        return _TAGS[tag](self, value)

    def _tuple(self, value: Any) -> tuple:
        return tuple(self._all(value))

    def _set(self, value: Any) -> set:
        return set(self._all(value))

    def _frozenset(self, value: Any) -> frozenset:
        return frozenset(self._all(value))

    def _dict(self, value: Any) -> dict:
        keys_and_entries = self._all(value)
        keys, entries = keys_and_entries[::2], keys_and_entries[1::2]
        pairs = dict(zip(keys, entries, strict=True))
        if len(pairs) < len(keys):
            raise ModelFileError("a dict has a key twice")
        return pairs

    def _ordered_dict(self, value: Any) -> OrderedDict:
        return OrderedDict(self._dict(value))

    def _partial(self, value: Any) -> functools.partial:
        function, args, keywords = self._all(value)
        if isinstance(function, functools.partial) or type(keywords) is not dict:
            raise ModelFileError("a partial function is invalid")
        return functools.partial(function, *args, **keywords)

    def _records(self, value: Any) -> list[dict[str, Any]]:
        keys, columns = map(self._all, value)
        if len(set(keys)) != len(columns) or not columns or not all(type(key) is str for key in keys):
            raise ModelFileError("records have invalid keys or columns")
        n_rows = len(columns[0])
        self._room -= n_rows * (_PER_CONTAINER + _PER_TEXT * len(columns))
        if self._room < 0:
            raise ModelFileError("its values would take too much memory")
        lists = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]
        return [dict(zip(keys, row, strict=True)) for row in zip(*lists, strict=True)]

    def _tensor(self, value: Any) -> np.ndarray:
        name, dtype = value
        if name not in self._tensors:
            raise ModelFileError(f"the array {name[:100]!r} is missing or used twice")
        return restored_array(self._tensors.pop(name), dtype)

    def _objects(self, value: Any) -> np.ndarray:
        shape, entries = value
        return objects_of(self._all(entries)).reshape([int(size) for size in shape])

    def _named(self, value: Any) -> Any:
        return self._registry.value_of(value)

    def _step(self, value: Any) -> Any:
        return self._load_step(value)

    def _named_tuple(self, value: Any) -> Any:
        name, entries = value
        cls = self._registry.class_of(name)
        if not (issubclass(cls, tuple) and len(entries) == len(getattr(cls, "_fields", ()))):
            raise ModelFileError(f"{name[:100]} has different entries")
        return tuple.__new__(cls, self._all(entries))

    def _object(self, value: Any) -> Any:
        name, encoded = value
        cls = self._registry.class_of(name)
        state = self.decode(encoded)
        if type(state) is not dict or issubclass(cls, tuple):
            raise ModelFileError(f"{name[:100]} has no attributes")
        self._check_attributes(cls, state)
        made: Any = object.__new__(cls)
        if isinstance(made, MultiTaskNetEstimator):
            self._set_state(made, state)
        elif hasattr(cls, "__setstate__") and cls not in CONTAINERS.values():
            made.__setstate__(state)
        else:
            vars(made).update(state)
        return made

    def _set_state(self, estimator: MultiTaskNetEstimator, state: dict[str, Any]) -> None:
        """Check the size of the network of an estimator, then build it."""
        if state.get("_state") is not None:
            state["_state"] = current_state(state["_state"])
            for part in parts_of(state["_state"]):
                _check_shapes(part)
        with self._limit:
            estimator.__setstate__(state)

    def _check_attributes(self, cls: type, state: dict[Any, Any]) -> None:
        """Raise ModelFileError for attributes that would hide methods, and for sizes too large for the file."""
        for name, value in state.items():
            if not may_be_attribute(cls, name):
                raise ModelFileError(f"{str(name)[:100]} of {cls.__name__} is not an attribute")
            if self._is_size(cls, name):
                self._check_size(value, f"{name} of {cls.__name__}")

    def _is_size(self, cls: type, name: str) -> bool:
        """Return whether a number is a count of units, layers or entries, and not a label or a seed."""
        room = self._registry.name_of(cls).rpartition(".")[0]
        if room == f"{PACKAGE}.tasks":
            return name.endswith("_")
        return name != "seed" and room in _ROOMS_OF_SIZES

    def _check_size(self, value: Any, name: str) -> None:
        for size in value if isinstance(value, list | tuple) else (value,):
            if isinstance(size, int | np.integer) and abs(int(size)) > self._largest:
                raise ModelFileError(f"{name} is {size}, which is too large for its arrays")


def _check_shapes(saved: Mapping[str, Any]) -> None:
    """Check the shapes of the weights against the network, before it is built.

    External modules may not support the meta device; they are limited by `AllocationLimit`.
    """
    try:
        with WithoutMemory():
            expected = saved["blueprint"].network().state_dict()
    except Exception:
        return
    check_arrays(saved["weights"], expected, "weights")


_TAGS: dict[str, Callable[[Decoder, Any], Any]] = {
    "tuple": Decoder._tuple,
    "set": Decoder._set,
    "frozenset": Decoder._frozenset,
    "dict": Decoder._dict,
    "ordered_dict": Decoder._ordered_dict,
    "partial": Decoder._partial,
    "records": Decoder._records,
    "tensor": Decoder._tensor,
    "objects": Decoder._objects,
    "named": Decoder._named,
    "step": Decoder._step,
    "named_tuple": Decoder._named_tuple,
    "object": Decoder._object,
}
