"""Read the labels of one target as an array, and determine facts about the whole column."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import torch
from scipy.sparse import issparse

from ._columns import objects_of, plain, read_column, unmasked
from ._missing import SCALARS, is_missing

#: Whole numbers with more different values than this are numbers, otherwise they are classes.
MOST_CLASSES = 20
# If this many rows have too many different values, the others are not counted.
_SAMPLE = 1000


class Categories(NamedTuple):
    """The categories of a category dtype.

    Parameters
    ----------
    values : tuple
        All categories, in their order.
    ordered : bool
        Whether this order is meaningful.
    """

    values: tuple[Any, ...]
    ordered: bool


class Facts(NamedTuple):
    """Facts about the labels of a whole column, used to read each part of it.

    Parameters
    ----------
    kind : str
        Kind of the labels: "boolean", "integer", "float", "fraction" (Decimal or Fraction), "text", "category",
        "date", "complex", or "object" for everything else.
    is_binary, is_whole : bool
        Whether all labels are 0 or 1, and whether all are whole numbers.
    n_different : int
        Number of different whole numbers, counted up to one more than `MOST_CLASSES`.
    has_gaps : bool
        Whether some labels are missing.
    """

    kind: str
    is_binary: bool = False
    is_whole: bool = False
    n_different: int = 0
    has_gaps: bool = False


def facts_of(values: np.ndarray, categories: Categories | None = None) -> Facts:
    """Determine the facts about the labels of a column.

    Parameters
    ----------
    values : ndarray of shape (n_samples, ...)
    categories : Categories or None, default=None
        Categories of its dtype.
    """
    if categories is not None:
        return Facts("category")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    kind = _KINDS.get(values.dtype.kind, "object")
    if kind == "object" and values.ndim == 1 and not values.dtype.names:
        return _facts_of_objects(values)
    if kind in ("integer", "float"):
        return _facts_of_numbers(kind, values)
    return Facts(kind)


_KINDS = {
    "b": "boolean", "i": "integer", "u": "integer", "f": "float", "U": "text", "S": "text", "c": "complex",
    "m": "date", "M": "date",
}  # fmt: skip


def _facts_of_objects(values: np.ndarray) -> Facts:
    column = read_column(values)
    types = set(map(type, values[~column.missing]))
    if column.kind != "number":
        kind = "complex" if any(issubclass(of, complex | np.complexfloating) for of in types) else column.kind
        return Facts("text" if kind == "bytes" else kind)
    if any(issubclass(of, Decimal | Fraction) for of in types):
        return Facts("fraction")
    is_integer = bool(types) and all(issubclass(of, int | np.integer) for of in types)
    known = column.values[~column.missing]
    if known.dtype.kind == "O":  # integers that floats cannot represent
        known = known.astype(np.int64)
    facts = _facts_of_numbers("integer" if is_integer else "float", known)
    return facts._replace(has_gaps=bool(column.missing.any()))


def _facts_of_numbers(kind: str, values: np.ndarray) -> Facts:
    if values.ndim == 3 or (values.ndim == 2 and not _may_be_binary(values.ravel()[:_SAMPLE])):
        return Facts(kind)
    missing = is_missing(values)
    known, has_gaps = values[~missing] if missing.any() else values.ravel(), bool(missing.any())
    some = known[:_SAMPLE]  # for most columns the first rows suffice
    is_binary = _may_be_binary(some) and _may_be_binary(known)
    is_whole = kind == "integer" or (_are_whole(some) and _are_whole(known))
    return Facts(kind, is_binary, is_whole, _count_different(known) if is_whole else 0, has_gaps)


def _may_be_binary(values: np.ndarray) -> bool:
    return bool(((values == 0) | (values == 1) | is_missing(values)).all())


def _are_whole(values: np.ndarray) -> bool:
    return bool((np.isfinite(values) & (values == np.floor(values))).all())


def _count_different(values: np.ndarray) -> int:
    first = len(np.unique(values[:_SAMPLE]))
    different = first if first > MOST_CLASSES or len(values) <= _SAMPLE else len(np.unique(values))
    return min(different, MOST_CLASSES + 1)


class Labels(NamedTuple):
    """The labels of one target as an array, and the categories of their dtype, if any."""

    values: np.ndarray
    categories: Categories | None = None


def read_labels(values: Any, name: str) -> Labels:
    """Read the target of one task from any container.

    Parameters
    ----------
    values : array-like of shape (n_samples, ...)
        From numpy, pandas, polars, pyarrow or torch, or a list. Each inner list of
        strings, or of another length than others, is one label.
    name : str
        The task, for messages.

    Raises
    ------
    ValueError
        If it has no rows.
    """
    if type(values) is np.ndarray:
        labels = Labels(values)
    else:
        labels = _read(plain(values), name)
    if labels.values.ndim == 0:
        raise ValueError(f"The target of task {name!r} should have one row per sample, got a scalar instead.")
    return labels


def _read(values: Any, name: str) -> Labels:
    if isinstance(values, np.ma.MaskedArray):
        return Labels(_unmasked(values))
    if issparse(values):
        return Labels(values.toarray())
    native = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(native, nw.Series):
        return _read_series(native)
    if isinstance(native, nw.DataFrame):
        return Labels(native.to_numpy())
    if not hasattr(values, "__array__") and (isinstance(values, str | bytes) or not hasattr(values, "__len__")):
        raise ValueError(f"The target of task {name!r} should be array-like, got {values!r} instead.")
    if isinstance(values, list | tuple):
        return Labels(_from_list(values))
    return Labels(np.asarray(values))


def _unmasked(values: np.ma.MaskedArray) -> np.ndarray:
    """Replace masked values by NaN or None."""
    if values.dtype.kind == "f":
        return np.ma.filled(values, np.nan)
    if not np.ma.getmaskarray(values).any():
        return np.asarray(values.data)
    return unmasked(values)


def _read_series(series: nw.Series) -> Labels:
    dtype = series.dtype
    if isinstance(dtype, nw.Categorical | nw.Enum):
        column = read_column(series)
        values = objects_of(series.to_list())
        values[column.missing] = None
        return Labels(values, Categories(tuple(column.categories or ()), column.ordered))
    if not (dtype.is_integer() or dtype.is_float() or dtype == nw.Boolean):
        return Labels(objects_of(series.to_list()))
    if not series.null_count():
        return Labels(np.asarray(series.to_numpy()))
    if dtype.is_float():
        return Labels(series.cast(nw.Float64).to_numpy().astype(np.float64))
    return Labels(objects_of(series.to_list()))  # as floats, integers could not be distinguished from floats


def _from_list(values: Any) -> np.ndarray:
    if any(isinstance(value, list | tuple) and _holds_text(value) for value in values):
        return objects_of(values)
    if any(isinstance(value, torch.Tensor) for value in values):
        return objects_of(values)
    try:
        array = np.asarray(values)
    except ValueError:  # ragged: one list of labels per row
        return objects_of(values)
    # numpy writes [1, "a"] and [None, "a"] as text or object; keep the labels as they are
    if array.dtype.kind in "US" and any(not isinstance(value, str | bytes) for value in values):
        return np.asarray(values, dtype=object)
    return array


def _holds_text(value: Iterable) -> bool:
    return any(isinstance(entry, str | bytes) for entry in value)


def as_target(values: np.ndarray) -> np.ndarray:
    """Flatten a column (n, 1) to one label per row, and stack rows that are float vectors of one length."""
    if values.ndim == 2 and values.shape[1] == 1:
        return values[:, 0]
    if values.ndim != 1 or values.dtype.kind != "O" or set(map(type, values)) <= SCALARS:
        return values
    missing = is_missing(values)
    given = [plain(value) for value in values[~missing]]
    if not given or not all(_is_vector(value) for value in given):
        return values
    vectors = [np.asarray(value) for value in given]
    if len({len(vector) for vector in vectors}) > 1 or vectors[0].dtype.kind != "f":
        return objects_of([None if gone else plain(value) for value, gone in zip(values, missing, strict=True)])
    block = np.full((len(values), len(vectors[0])), np.nan)
    block[~missing] = vectors
    return block


def _is_vector(value: Any) -> bool:
    """Return whether a label is a 1-D array or a list of floats."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, list) and bool(value) and all(isinstance(entry, float) for entry in value)
