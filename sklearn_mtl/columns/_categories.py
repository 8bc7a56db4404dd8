"""The categories of one column and their codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ._columns import Column, kind_of
from ._missing import is_missing

#: code of a category that was not seen in fit; the others count from 1
UNSEEN = 0

_NAMES = {"number": "numbers", "text": "text", "bytes": "bytes", "date": "dates", "object": "objects"}


class Levels(NamedTuple):
    """The unique values of a column, and the value of each row.

    Parameters
    ----------
    values : list
    of_rows : ndarray of int64 of shape (n,)
        Position in ``values``; -1 for a missing value.
    """

    values: list[Any]
    of_rows: np.ndarray


def levels_of(column: Column, name: Any) -> Levels:
    """Find the unique values of a column.

    Raises
    ------
    ValueError
        If a value cannot be a category; the message names the column.
    """
    index = np.full(len(column.values), -1)
    known = column.values[~column.missing] if column.missing.any() else column.values
    if known.dtype.kind == "O":
        try:
            position = {value: number for number, value in enumerate(dict.fromkeys(known.tolist()))}
        except TypeError as error:
            raise ValueError(
                f"column {name!r} of X holds {type(known[0]).__name__} objects, which cannot be categories."
            ) from error
        index[~column.missing] = np.fromiter(map(position.__getitem__, known.tolist()), np.int64, len(known))
        return Levels(list(position), index)
    if known.dtype.kind == "f" and np.isinf(known).any():
        raise ValueError(f"column {name!r} of X contains infinity, which cannot be a category.")
    values, index[~column.missing] = np.unique(known, return_inverse=True)
    return Levels(values.tolist(), index)


class Categories:
    """The categories of one column at fit; equal values of different types are one category.

    Parameters
    ----------
    values : list
        Sorted. The code of the first one is 1.
    has_missing : bool
        Whether values were missing; these have the last code.
    """

    def __init__(self, values: Sequence[Any], has_missing: bool) -> None:
        self.values = list(values)
        self.has_missing = has_missing
        self.kind = _kind(self.values)
        self.codes = {value: code for code, value in enumerate(self.values, 1)}

    @classmethod
    def fit(cls, levels: Levels, name: Any) -> Categories:
        """Learn the categories of a column.

        Raises
        ------
        ValueError
            If they do not have one sortable type; the message names the column.
        """
        used = _used(levels)
        if _kind(used) == "object" and len(set(map(type, used))) > 1:
            raise ValueError(
                f"categories of column {name!r} of X must have one type; it mixes text, numbers or other types."
            )
        try:
            return cls(sorted(used), bool((levels.of_rows < 0).any()))
        except TypeError as error:
            raise ValueError(
                f"categories of column {name!r} of X must have one sortable type, for instance text."
            ) from error

    @classmethod
    def from_array(cls, values: np.ndarray) -> Categories:
        """Restore them from an array of `to_array`."""
        missing = is_missing(values)
        return cls(values[~missing].tolist(), bool(missing.any()))

    def to_array(self) -> np.ndarray:
        """Return the values, followed by None if values were missing."""
        array = np.empty(len(self.values) + self.has_missing, dtype=object)
        array[: len(self.values)] = self.values
        return array

    def __len__(self) -> int:
        """Return the number of codes, including the code of unseen categories."""
        return 1 + len(self.values) + self.has_missing

    def encode(self, levels: Levels, name: Any) -> np.ndarray:
        """Return the code of each row, int64 of shape (n,).

        Raises
        ------
        ValueError
            If none of the values has the type seen in fit; the message names the column.
        """
        missing = len(self) - 1 if self.has_missing else UNSEEN
        # the index -1 selects the last entry
        codes = np.array([*(self.codes.get(value, UNSEEN) for value in levels.values), missing], dtype=np.int64)
        if self.values and not codes[:-1].any():
            self._refuse_other_kinds(_used(levels), name)
        return codes[levels.of_rows]

    def _refuse_other_kinds(self, values: list[Any], name: Any) -> None:
        kinds = {_kind([value]) for value in values}
        if kinds and self.kind not in kinds:
            raise ValueError(
                f"column {name!r} of X has {' and '.join(sorted(_NAMES[kind] for kind in kinds))}, but had "
                f"{_NAMES[self.kind]} in fit, such as {self.values[0]!r}; convert it to {_NAMES[self.kind]}."
            )


def _used(levels: Levels) -> list[Any]:
    there = np.bincount(levels.of_rows + 1, minlength=len(levels.values) + 1)[1:] > 0
    return [value for value, used in zip(levels.values, there.tolist(), strict=True) if used]


def _kind(values: Sequence[Any]) -> str:
    kind = kind_of(set(map(type, values)))
    return "number" if kind == "boolean" else kind
