"""One column of values, read by its values and not by its container."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import torch

from ._missing import is_missing

# Whole numbers up to this one are exact as floats.
EXACT = 2**53

# Types of objects of each kind; the first match decides.
_KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("boolean", (bool, np.bool_)),
    ("date", (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)),
    ("number", (Real, Decimal, Fraction)),
    ("text", (str,)),
    ("bytes", (bytes,)),
)
# Names of pandas classes that are dates; pandas need not be installed.
_DATES = {"Period", "Timestamp", "Timedelta", "DateOffset"}


class Column(NamedTuple):
    """The values of a column.

    Parameters
    ----------
    kind : {"boolean", "number", "text", "bytes", "category", "date", "object"}
        The kind of all values that are not missing. "object" is everything else, including a mixture of text and
        numbers; a column without any value is "number".
    values : ndarray of shape (n,)
        For "boolean" bool, for "number" integers or floats, otherwise objects. With missing values: floats with
        NaN for "number" (objects with None if an integer would be rounded), otherwise objects with None.
    missing : ndarray of bool of shape (n,)
        Which values are missing: None, NaN, NaT, pandas' NA, or masked.
    categories : list or None
        All categories of a "category" column, in their order.
    ordered : bool
        Whether this order is meaningful.
    """

    kind: str
    values: np.ndarray
    missing: np.ndarray
    categories: list[Any] | None = None
    ordered: bool = False


def plain(values: Any) -> Any:
    """Convert tensors, arrow arrays and pandas arrays to types that numpy and narwhals read."""
    if isinstance(values, torch.Tensor):
        return _array_of(values)
    pyarrow, pandas = sys.modules.get("pyarrow"), sys.modules.get("pandas")
    if pyarrow is not None and isinstance(values, pyarrow.Array):
        return pyarrow.chunked_array([values])
    if pandas is None or isinstance(values, np.ndarray):
        return values
    if isinstance(values, pandas.api.extensions.ExtensionArray | pandas.Index):
        values = pandas.Series(values)
    if isinstance(values, pandas.Series) and isinstance(values.dtype, pandas.SparseDtype):
        return values.sparse.to_dense()
    if isinstance(values, pandas.Series) and str(values.dtype).startswith("dictionary<"):  # categories of arrow
        return values.astype(object).astype("category")
    return values


def read_column(values: Any) -> Column:
    """Read one column of any container by its values.

    Parameters
    ----------
    values : array-like or narwhals Series of shape (n,)
        Of numpy (masked arrays included), pandas, polars or pyarrow, a list, or a tensor of torch.

    Returns
    -------
    Column
    """
    values = plain(nw.to_native(values, pass_through=True))
    if isinstance(values, np.ma.MaskedArray):
        return _read_objects(unmasked(values)) if values.mask.any() else read_column(values.data)
    native = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(native, nw.Series):
        return _read_series(native)
    array = values if isinstance(values, np.ndarray) else objects_of(values)
    return _read_objects(array) if array.dtype.kind in "OSU" else _read_array(array)


def _read_series(series: nw.Series) -> Column:
    dtype = series.dtype
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return _read_categories(series)
    if dtype.is_temporal():
        return _read_objects(objects_of(series.to_list()), "date")
    if (dtype.is_integer() or dtype.is_float() or dtype == nw.Boolean) and not series.null_count():
        return _read_array(np.asarray(series.to_numpy()))
    return _read_objects(objects_of(series.to_list()))


def _read_categories(series: nw.Series) -> Column:
    found = read_column(objects_of(series.to_list()))
    values = found.values.astype(object)
    values[found.missing] = None
    categories = series.cat.get_categories().to_list()
    return Column("category", values, found.missing, categories, isinstance(series.dtype, nw.Enum))


def _read_array(array: np.ndarray) -> Column:
    if array.dtype.kind in "mM":
        return _read_objects(array.astype(object), "date")
    if array.dtype.kind == "c":
        return Column("object", array.astype(object), np.isnan(array))
    return Column("boolean" if array.dtype.kind == "b" else "number", array, is_missing(array))


def _read_objects(values: np.ndarray, kind: str | None = None) -> Column:
    values = values.astype(object)
    missing = is_missing(values)
    values[missing] = None
    kind = kind or kind_of(set(map(type, values[~missing])))
    if kind == "number":
        return Column(kind, _numbers(values, missing), missing)
    if kind == "boolean" and not missing.any():
        values = values.astype(bool)
    return Column(kind, values, missing)


def kind_of(types: Iterable[type]) -> str:
    """Return the kind of a column for the types of its values; see `Column`."""
    kinds = {_kind_of_type(of) for of in types}
    if len(kinds) == 1:
        return kinds.pop()
    return "number" if kinds <= {"number", "boolean"} else "object"


def _kind_of_type(of: type) -> str:
    if of.__name__ in _DATES:
        return "date"
    return next((kind for kind, types in _KINDS if issubclass(of, types)), "object")


def _numbers(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Convert number objects to integers or floats, with NaN for missing ones."""
    known = values[~missing]
    is_whole = all(issubclass(of, int | np.integer) for of in set(map(type, known.tolist())))
    largest = max(map(abs, map(int, known.tolist())), default=0) if is_whole else 0
    if is_whole and not missing.any() and largest < 2**63:
        return values.astype(np.int64)
    if is_whole and missing.any() and EXACT < largest < 2**63:
        return values
    numbers = np.full(len(values), np.nan)
    numbers[~missing] = known.astype(np.float64)
    return numbers


def _array_of(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach().cpu()
    dense = tensor if tensor.layout == torch.strided else tensor.to_dense()
    # numpy has no bfloat16
    return np.asarray(dense.float() if dense.dtype == torch.bfloat16 else dense.resolve_conj().resolve_neg())


def unmasked(values: np.ma.MaskedArray) -> np.ndarray:
    """Replace masked values by None."""
    objects = values.data.astype(object)
    objects[np.ma.getmaskarray(values)] = None
    return objects


def objects_of(values: Any) -> np.ndarray:
    """Put values into a 1-D object array, including lists of equal length."""
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # a slice cannot take a 2-D array
        array[row] = value
    return array
