"""Arrays in the format of safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from safetensors import numpy as safetensors

_CODES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "float16": "F16", "int32": "I32",
    "uint32": "U32", "float32": "F32", "float64": "F64", "int64": "I64", "uint64": "U64",
}  # fmt: skip


def tensor_pieces(arrays: Mapping[str, np.ndarray]) -> Iterator[Any]:
    """Yield the bytes of a safetensors file piece by piece, to save memory.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        In C order and native byte order.

    Yields
    ------
    bytes-like
    """
    # the widest numbers first, so that all are aligned
    ordered = sorted(arrays.items(), key=lambda entry: -entry[1].itemsize)
    header: dict[str, Any] = {}
    start = 0
    for name, array in ordered:
        end = start + array.nbytes
        header[name] = {"dtype": _CODES[array.dtype.name], "shape": array.shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for _, array in ordered:
        little = array if np.little_endian else array.byteswap()
        if array.size:
            yield little.reshape(-1).view(np.uint8).data


def load_tensors(content: bytes) -> dict[str, np.ndarray]:
    """Read arrays; safetensors checks the header against the size of the content."""
    return safetensors.load(content)
