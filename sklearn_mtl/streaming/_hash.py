"""A hash of each row by its values, which decides whether it is held out."""

from __future__ import annotations

import hashlib
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ..columns._frame import as_frame


def hash_rows(X: Any) -> np.ndarray:
    """Hash the rows of a frame or an array by the values of their columns, in order.

    Equal rows have equal hashes, whatever file or block they are in; the dtype of numbers has no effect.

    Parameters
    ----------
    X : ndarray or frame of pandas, polars or pyarrow, with n rows

    Returns
    -------
    ndarray of uint64 of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.streaming._hash import hash_rows
    >>> one, other, again = hash_rows(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
    >>> bool(one == again), bool(one == other)
    (True, False)
    """
    frame = as_frame(X)
    n_rows, n_columns = X.shape
    total, product = np.zeros(n_rows, dtype=np.uint64), np.empty(n_rows, dtype=np.uint64)
    # odd multipliers, one for each column: multiplication by one is a bijection of 64-bit numbers
    multipliers = mixed(np.arange(1, n_columns + 1, dtype=np.uint64)) | np.uint64(1)
    for column, multiplier in enumerate(multipliers):
        values = X[:, column] if frame is None else frame.column(column)
        bits = _bits_of(values)
        # floats that are small integers differ in their upper half only
        np.right_shift(bits, np.uint64(32), out=product)
        product ^= bits
        product *= multiplier
        total += product
    return mixed(total)


def shares_of(hashes: np.ndarray) -> np.ndarray:
    """Map hashes to numbers from 0 to 1, float64."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


def mixed(values: np.ndarray) -> np.ndarray:
    """Mix the bits of 64-bit numbers; the finalizer of splitmix64.

    References
    ----------
    Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
    """
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def _bits_of(values: Any) -> np.ndarray:
    """Return numbers as the bits of floats, and everything else as digests of its values."""
    if isinstance(values, np.ndarray):
        numbers = values
    elif values.dtype.is_numeric() or values.dtype == nw.Boolean:
        numbers = values.cast(nw.Float64).to_numpy()
    else:
        return _digests(values)
    # without a negative zero; a copy only if it is needed
    return np.ascontiguousarray(np.asarray(numbers, dtype=np.float64) + 0.0).view(np.uint64)


def _digests(series: Any) -> np.ndarray:
    if isinstance(series.dtype, nw.String | nw.Categorical | nw.Enum):
        array = series.cast(nw.String).to_arrow()
        encoded = array.dictionary_encode()
        known = np.array([_digest(value) for value in (*encoded.dictionary.to_pylist(), None)], dtype=np.uint64)
        return known[encoded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)]
    return np.array([_digest(value) for value in series.to_list()], dtype=np.uint64)


def _digest(value: Any) -> int:
    return int.from_bytes(hashlib.blake2b(repr(value).encode(), digest_size=8).digest(), "little")
