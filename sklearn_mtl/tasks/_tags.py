"""Tags as users have them: lists of different lengths, or padded arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..utils._missing import is_missing

MISSING_TAG = -1


@dataclass(frozen=True)
class Tags:
    """Tags of all rows, one row after the other.

    Parameters
    ----------
    labels : ndarray of shape (n_positions,)
        Those of all rows.
    labelled : ndarray of bool of shape (n_positions,)
        Which of them are there.
    lengths : ndarray of int of shape (n_rows,)
        Positions of each row; 0 for a row without tags.
    given : ndarray of bool of shape (n_rows,)
        Which rows have tags at all.
    n_columns : int or None
        Columns of a padded array; None for lists.
    """

    labels: np.ndarray
    labelled: np.ndarray
    lengths: np.ndarray
    given: np.ndarray
    n_columns: int | None

    @property
    def needed(self) -> np.ndarray:
        """Positions that each row needs at least: up to the last one with a label."""
        rows = np.repeat(np.arange(len(self.lengths)), self.lengths)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)
        needed = np.zeros(len(self.lengths), dtype=np.int64)
        np.maximum.at(needed, rows[self.labelled], places[self.labelled] + 1)
        return needed

    def check_lengths(self, lengths: np.ndarray) -> None:
        """Refuse tags that are not as many as the tokens of their row; a padded array may be longer."""
        if len(lengths) != len(self.lengths):
            return  # the number of rows is checked elsewhere, with a message of its own
        needed = self.lengths if self.n_columns is None else self.needed
        wrong = self.given & (needed != lengths if self.n_columns is None else needed > lengths)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"row {row} has {needed[row]} tags for {lengths[row]} tokens")


def read_tags(y: np.ndarray) -> Tags:
    """Read lists of labels, or a padded array.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) of sequences, or (n_rows, n_positions)

    Raises
    ------
    ValueError
        If a row is no sequence of labels.
    """
    if y.ndim == 2:
        n_rows, n_columns = y.shape
        flat = y.ravel()
        labelled = _is_labelled(flat)
        given: np.ndarray = np.any(labelled.reshape(n_rows, n_columns), axis=1)
        return Tags(_plain(flat, labelled), labelled, np.full(n_rows, n_columns), given, n_columns)
    if y.ndim != 1:
        raise ValueError(f"tags are lists of labels or an array (n_samples, n_positions), got shape {y.shape}")
    rows = [_sequence(row, number) for number, row in enumerate(y)]
    lengths = np.array([0 if row is None else len(row) for row in rows], dtype=np.int64)
    labels = [label for row in rows if row is not None for label in row]
    flat = np.empty(len(labels), dtype=object)
    flat[:] = labels
    labelled = _is_labelled(flat)
    given = np.array([row is not None for row in rows], dtype=bool)
    return Tags(_plain(flat, labelled), labelled, lengths, given, None)


def _sequence(row: Any, number: int) -> list | None:
    if isinstance(row, np.ndarray) and row.ndim == 1:
        return row.tolist()
    if isinstance(row, list | tuple):
        return list(row)
    if is_missing(np.array([row], dtype=object))[0]:
        return None
    raise ValueError(f"row {number} is no list of labels, but {row!r}")


def _is_labelled(labels: np.ndarray) -> np.ndarray:
    if labels.dtype.kind in "iu":
        return np.asarray(labels != MISSING_TAG)
    if labels.dtype.kind == "f":
        return np.asarray(~np.isnan(labels) & (labels != MISSING_TAG))
    if labels.dtype.kind == "O":
        missing = is_missing(labels)
        pairs = zip(labels, missing, strict=True)
        # a text is not compared with a number
        return np.array([not (gone or (type(x) is not str and x == MISSING_TAG)) for x, gone in pairs], dtype=bool)
    return np.ones(len(labels), dtype=bool)


def _plain(labels: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Give whole numbers that an array with NaN holds as floats their own type."""
    known = labels[labelled]
    if labels.dtype.kind == "f" and (known == np.round(known)).all():
        return np.where(labelled, labels, MISSING_TAG).astype(np.int64)
    return labels
