"""Targets as an array of rows, for numpy and scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..columns._columns import objects_of
from ..columns._missing import is_missing


class _Text(str):
    """A text that can be sorted among numbers: scikit-learn sorts the labels of an array before it checks them."""

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return str.__lt__(self, other) if isinstance(other, str) else False

    def __gt__(self, other: object) -> bool:
        return str.__gt__(self, other) if isinstance(other, str) else True


def as_rows(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Stack targets to (n_samples, n_tasks), as objects if their types differ."""
    if len(columns) == 1 and columns[0].ndim > 1:
        return columns[0]
    kinds = {column.dtype.kind if column.ndim == 1 else "O" for column in columns}
    if kinds <= set("biuf") or kinds == {"U"}:
        return np.column_stack(columns)
    rows = np.empty((len(columns[0]), len(columns)), dtype=object)
    for number, column in enumerate(columns):
        rows[:, number] = objects_of(column)
        rows[is_missing(rows[:, number]), number] = np.nan
    return objects_of([_sortable(value) for value in rows.flat]).reshape(rows.shape)


def _sortable(value: Any) -> Any:
    """Convert a label to a type that Python can sort among others; numbers of numpy do not compare with text."""
    if isinstance(value, str):
        return _Text(value)
    return value.item() if isinstance(value, np.generic) else value


def different_labels(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return the unique labels of all targets, sorted, without missing ones."""
    found: dict[Any, None] = {}
    for values in columns:
        found |= dict.fromkeys(values[~is_missing(values)].ravel().tolist())
    labels = list(found)
    try:
        labels.sort()
    except TypeError:  # texts and numbers
        labels.sort(key=lambda label: (type(label).__name__, label))
    mixed = len({isinstance(label, str) for label in labels}) > 1
    return objects_of(labels) if mixed else np.array(labels)


def are_equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two targets have equal and equally missing labels."""
    if a.shape != b.shape:
        return False
    absent = is_missing(a)
    if not np.array_equal(absent, is_missing(b)):
        return False
    a, b = a[~absent], b[~absent]
    if a.dtype.kind == b.dtype.kind == "O":  # an element may be an array of labels
        return all(np.array_equal(one, other) for one, other in zip(a, b, strict=True))
    return np.array_equal(a, b)
