"""Detection of missing values in arrays of any dtype."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from sklearn.utils._missing import is_scalar_nan


def is_missing(values: np.ndarray) -> np.ndarray:
    """Return which elements are None, NaN, NaT or pandas' NA.

    Parameters
    ----------
    values : ndarray of any shape and dtype

    Returns
    -------
    ndarray of bool, of the same shape
    """
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind in "mM":
        return np.isnat(values)
    if values.dtype.kind != "O":
        return np.zeros(values.shape, dtype=bool)
    flat = [_is_missing_scalar(value) for value in values.ravel()]
    return np.array(flat, dtype=bool).reshape(values.shape)


def _is_missing_scalar(value: Any) -> bool:
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    if isinstance(value, Decimal):
        return value.is_nan()
    # pandas' singletons are recognised by class name; pandas need not be installed
    return value is None or is_scalar_nan(value) or type(value).__name__ in ("NAType", "NaTType")
