"""Encoding of scalar values as plain Python values, and of arrays as plain arrays."""

from __future__ import annotations

import base64
import datetime
import decimal
import os
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils.metadata_routing import MetadataRequest

from ..utils._optional import import_optional
from ._dtypes import dtype_of, has_name

# Arrays of these dtypes are stored in safetensors directly, others as arrays of other dtypes.
_DTYPES = ("bool", "uint8", "int8", "int16", "uint16", "float16", "int32", "uint32", "float32", "float64", "int64",
           "uint64")  # fmt: skip
_LAST_CODE_POINT = 0x10FFFF
#: default bit generator of a RandomState, and the size of its state
MERSENNE_TWISTER, N_WORDS = "MT19937", 624
# Representation of scalars of each kind of dtype.
_RAW: dict[str, type] = {
    "b": bool, "i": int, "u": int, "f": float, "c": complex, "U": str, "S": bytes, "m": int, "M": int,
}  # fmt: skip
_TORCH_DTYPES = {
    f"torch.{name}": getattr(torch, name)
    for name in ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
                 "complex64", "complex128")
}  # fmt: skip
_INDEX_DTYPES = ("object", "str", "string", "bool", "int64", "float64")
_DEVICES = ("cpu", "cuda", "mps", "xpu", "hpu", "mtia", "xla", "meta")


class Leaf(NamedTuple):
    """Encoding of the values of a type.

    Parameters
    ----------
    types : type or tuple of types
    pack : callable
        Converts a value to a simpler one.
    unpack : callable
        Inverse of ``pack``; raises any exception for other values.
    """

    types: Any
    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


def _scalar(value: np.generic) -> tuple[str, Any]:
    raw = value.view(np.int64).item() if value.dtype.kind in "mM" else value.item()
    return value.dtype.str, [raw.real, raw.imag] if isinstance(raw, complex) else raw


def _unpack_scalar(packed: Any) -> Any:
    name, raw = packed
    dtype = dtype_of(name)
    if dtype.kind == "c":
        raw = complex(*raw)
    # numpy treats a number as the length of a string or bytes
    if type(raw) is not _RAW.get(dtype.kind):
        raise ValueError("a scalar is invalid")
    if dtype.kind in "mM":
        return np.array(raw, dtype=np.int64).view(dtype)[()]
    return dtype.type(raw)  # the width of a string follows from its value


def _unpack_device(packed: Any) -> torch.device:
    kind, _, number = packed.partition(":")
    if kind not in _DEVICES or not (number.isdecimal() or packed == kind):
        raise ValueError("a device is invalid")
    return torch.device(kind, int(number)) if number else torch.device(kind)


def _pandas(what: str) -> Any:
    return import_optional("pandas", "frames", f"loading a model with {what} of pandas")


def _index(index: Any) -> tuple[list[Any], str, Any]:
    return index.tolist(), str(index.dtype), index.name


def _unpack_index(packed: Any) -> Any:
    labels, dtype, name = packed
    return _pandas("labels").Index(labels, dtype=_INDEX_DTYPES[_INDEX_DTYPES.index(dtype)], name=name)


def _requests(request: MetadataRequest) -> tuple[str, dict[str, dict[str, Any]]]:
    methods = {name: method.requests for name, method in vars(request).items() if name != "owner"}
    owner = request.owner if isinstance(request.owner, str) else type(request.owner).__name__
    return owner, {name: dict(requests) for name, requests in methods.items() if requests}


def _unpack_requests(packed: Any) -> MetadataRequest:
    owner, methods = packed
    request = MetadataRequest(owner=owner)
    for name, requests in methods.items():
        if name not in vars(request) or name == "owner":
            raise ValueError("metadata is requested for a method that does not support it")
        for param, alias in requests.items():
            getattr(request, name).add_request(param=param, alias=alias)
    return request


def _random_state(state: np.random.RandomState) -> tuple:
    return tuple(state.get_state(legacy=True))


def _unpack_random_state(packed: Any) -> np.random.RandomState:
    name, key, position, *_ = packed
    # numpy does not check the position in the state
    if name != MERSENNE_TWISTER or not 0 <= position <= len(key) == N_WORDS:
        raise ValueError("the position of a generator is invalid")
    state = np.random.RandomState(0)
    state.set_state(packed)
    return state


def _bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _unpack_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(value: str) -> str:
    return _bytes(value.encode("utf-8", "surrogatepass"))


def _unpack_text(text: str) -> str:
    return _unpack_bytes(text).decode("utf-8", "surrogatepass")


LEAVES: dict[str, Leaf] = {
    "scalar": Leaf(np.generic, _scalar, _unpack_scalar),  # before bytes, because numpy.bytes_ is a subclass
    "bytes": Leaf(bytes, _bytes, _unpack_bytes),
    "slice": Leaf(slice, lambda value: (value.start, value.stop, value.step), lambda parts: slice(*parts)),
    "path": Leaf(pathlib.PurePath, os.fspath, lambda text: pathlib.Path(text)),
    "dtype": Leaf(np.dtype, lambda dtype: dtype.str, dtype_of),
    "device": Leaf(torch.device, str, _unpack_device),
    "torch_dtype": Leaf(torch.dtype, str, _TORCH_DTYPES.__getitem__),
    "decimal": Leaf(decimal.Decimal, str, lambda text: decimal.Decimal(text)),
    "random_state": Leaf(np.random.RandomState, _random_state, _unpack_random_state),
    "metadata_request": Leaf(MetadataRequest, _requests, _unpack_requests),
    # exactly these types, without subclasses
    "date": Leaf((), datetime.date.isoformat, datetime.date.fromisoformat),
    "datetime": Leaf((), datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "timestamp": Leaf((), lambda value: value.asm8, lambda scalar: _pandas("dates").Timestamp(scalar)),
    "interval": Leaf(
        (),
        lambda value: (value.left, value.right, value.closed),
        lambda parts: _pandas("intervals").Interval(*parts),
    ),
    "index": Leaf((), _index, _unpack_index),
    # values that JSON cannot represent
    "float": Leaf((), repr, lambda text: {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}[text]),
    "int": Leaf((), hex, lambda text: int(text, 16)),
    "text": Leaf((), _text, _unpack_text),
}


def leaf_of(value: Any) -> str | None:
    """Return the name of the leaf that encodes a value, if any."""
    if (
        isinstance(value, np.random.RandomState)
        and value.get_state(legacy=False)["bit_generator"] != MERSENNE_TWISTER
    ):
        return None
    if isinstance(value, torch.device) and value.type not in _DEVICES:
        return None
    if isinstance(value, torch.dtype) and str(value) not in _TORCH_DTYPES:
        return None
    if type(value) in (datetime.date, datetime.datetime):
        return type(value).__name__ if getattr(value, "tzinfo", None) is None else None
    if type(value).__module__.startswith("pandas"):
        return _leaf_of_pandas(value)
    dtype = value if isinstance(value, np.dtype) else value.dtype if isinstance(value, np.generic) else None
    if dtype is not None and not (has_name(dtype) if dtype is value else _is_known(dtype)):
        return None
    return next((name for name, leaf in LEAVES.items() if leaf.types and isinstance(value, leaf.types)), None)


def _leaf_of_pandas(value: Any) -> str | None:
    """Return the name of the leaf of pandas objects: column labels and categories."""
    pandas, kind = _pandas("values"), type(value)
    if kind is pandas.Timestamp:
        return "timestamp" if value.tz is None else None
    if kind is pandas.Index:
        return "index" if str(value.dtype) in _INDEX_DTYPES else None
    return "interval" if kind is pandas.Interval else None


def _is_known(dtype: np.dtype) -> bool:
    return dtype.name in _DTYPES or _numbers_of(dtype) is not None


def _numbers_of(dtype: np.dtype) -> np.dtype | None:
    """Return the dtype of the numbers that represent complex numbers, text, dates and durations."""
    by_kind = {"U": np.uint32, "S": np.uint8, "m": np.int64, "M": np.int64}
    if dtype.name in ("complex64", "complex128"):
        return np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)
    return np.dtype(by_kind[dtype.kind]) if dtype.kind in by_kind else None


def plain_array(array: np.ndarray) -> np.ndarray | None:
    """View an array with a dtype that safetensors supports, possibly with one more axis; None if impossible."""
    array = np.ascontiguousarray(array).reshape(array.shape)  # ascontiguousarray adds an axis to 0-D arrays
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.name in _DTYPES:
        return array
    numbers = _numbers_of(array.dtype)
    return None if numbers is None or not array.dtype.itemsize else array[..., None].view(numbers)


def restored_array(plain: np.ndarray, name: str) -> np.ndarray:
    """Undo `plain_array`.

    Parameters
    ----------
    plain : ndarray
    name : str
        The dtype string of the original array.

    Raises
    ------
    ValueError
        If the numbers do not represent such an array.
    """
    dtype = dtype_of(name)
    native = dtype.newbyteorder("=")
    numbers = native if native.name in _DTYPES else _numbers_of(native)
    given = f"an array of dtype {name} is stored with dtype {plain.dtype} and shape {plain.shape}"
    if plain.dtype != numbers:
        raise ValueError(given)
    if numbers == native:
        return plain.astype(dtype, copy=False)
    if plain.ndim == 0 or plain.shape[-1] * plain.itemsize != dtype.itemsize:
        raise ValueError(given)
    if dtype.kind == "U" and plain.size and plain.max() > _LAST_CODE_POINT:
        raise ValueError(f"an array of dtype {name} contains invalid text")
    return plain.view(native)[..., 0].astype(dtype, copy=False)
