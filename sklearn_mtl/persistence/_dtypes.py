"""Names of dtypes in files.

numpy accepts almost any string as a dtype, and evaluates some of them. So strings from a file are not passed to
it: simple dtypes are looked up, and the others are built from a number and a known word.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np

_SIMPLE = (
    np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.float16,
    np.float32, np.float64, np.longdouble, np.complex64, np.complex128, np.clongdouble, np.object_,
)  # fmt: skip
_LISTED = {dtype.str: dtype for kind in _SIMPLE for dtype in (np.dtype(kind), np.dtype(kind).newbyteorder())}
_TEXT = re.compile(r"[<>|]([US])(\d{1,9})", re.ASCII)
_TIME = re.compile(r"[<>]([mM])8(?:\[([1-9]\d{0,8})?([a-zA-Z]{1,2})\])?", re.ASCII)
_TEXTS = {"U": np.str_, "S": np.bytes_}
_TIMES = {"M": "datetime64", "m": "timedelta64"}
_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")


def dtype_of(name: Any) -> np.dtype:
    """Return the dtype with a given attribute ``str``.

    Raises
    ------
    ValueError
        If the dtype does not exist, or has fields or shapes.

    Examples
    --------
    >>> from sklearn_mtl.persistence._dtypes import dtype_of
    >>> dtype_of("<M8[25s]")
    dtype('<M8[25s]')
    """
    dtype = _made(name) if type(name) is str else None
    if dtype is None or dtype.str != name:
        raise ValueError("a dtype is invalid")
    return dtype


def has_name(dtype: np.dtype) -> bool:
    """Return whether `dtype_of` supports a dtype."""
    try:
        return dtype_of(dtype.str) == dtype
    except ValueError:
        return False


def _made(name: str) -> np.dtype | None:
    if name in _LISTED:
        return _LISTED[name]
    order: Literal["<", ">"] = ">" if name[:1] == ">" else "<"
    if text := _TEXT.fullmatch(name):
        return np.dtype((_TEXTS[text[1]], int(text[2]))).newbyteorder(order)
    if (time := _TIME.fullmatch(name)) and (time[3] is None or time[3] in _UNITS):
        unit = "" if time[3] is None else f"[{int(time[2] or 1)}{_UNITS[_UNITS.index(time[3])]}]"
        return np.dtype(f"{_TIMES[time[1]]}{unit}").newbyteorder(order)
    return None
