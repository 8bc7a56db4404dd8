"""Read tags from lists, texts or padded arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..columns._columns import objects_of
from ..columns._missing import is_missing
from ._position_labels import CUSTOMARY_LABEL, MISSING_LABEL, are_labelled

#: labels that stand for a missing label
IGNORED_TAGS = (MISSING_LABEL, CUSTOMARY_LABEL)


@dataclass(frozen=True)
class Tags:
    """Concatenated tags of all rows.

    Parameters
    ----------
    labels : ndarray of shape (n_positions,)
        Labels of all rows.
    labelled : ndarray of bool of shape (n_positions,)
        Which labels are not missing.
    lengths : ndarray of int of shape (n_rows,)
        Number of positions of each row; 0 for a row without tags.
    given : ndarray of bool of shape (n_rows,)
        Which rows have tags.
    n_columns : int or None
        Number of columns of a padded array; None for lists.
    """

    labels: np.ndarray
    labelled: np.ndarray
    lengths: np.ndarray
    given: np.ndarray
    n_columns: int | None

    @property
    def needed(self) -> np.ndarray:
        """Number of positions of each row up to the last labelled one."""
        rows = np.repeat(np.arange(len(self.lengths)), self.lengths)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)
        needed = np.zeros(len(self.lengths), dtype=np.int64)
        np.maximum.at(needed, rows[self.labelled], places[self.labelled] + 1)
        return needed

    def check_lengths(self, lengths: np.ndarray) -> None:
        """Check that each row has as many tags as tokens; a padded array may be longer."""
        if len(lengths) != len(self.lengths):
            return  # the number of rows is checked elsewhere, with its own message
        needed = self.lengths if self.n_columns is None else self.needed
        wrong = self.given & (needed != lengths if self.n_columns is None else needed > lengths)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"row {row} has {needed[row]} tags for {lengths[row]} tokens")


def are_written_tags(y: np.ndarray, lengths: np.ndarray | None) -> bool:
    """Return whether a target is a string for each sequence, whose words are the tags of its tokens."""
    if lengths is None or y.ndim != 1 or y.dtype.kind not in "OU":
        return False
    known = np.flatnonzero(~is_missing(y))
    if not all(isinstance(y[row], str) for row in known):
        return False
    found = np.array([len(y[row].split()) for row in known])
    if len(found) == 0 or found.max() < 2 or (found != lengths[known]).any():
        return False
    # a class of two words for a sentence of two words is not tags
    return len(set(found.tolist())) > 1 or all(_is_scheme(word) for row in known for word in y[row].split())


def _is_scheme(word: str) -> bool:
    return word == "O" or word[:2] in ("B-", "I-", "E-", "S-")


def are_padded_tags(y: np.ndarray, lengths: np.ndarray | None) -> bool:
    """Return whether a target is whole floats (n_rows, n_positions), padded with NaN."""
    if lengths is None or y.ndim != 2 or y.dtype.kind != "f" or len(lengths) != len(y):
        return False
    there = ~np.isnan(y)
    if there.all() or not (y[there] == np.rint(y[there])).all():
        return False
    return bool((read_tags(y).needed == lengths).mean() > 0.5)


def refuse_numbers_of_steps(y: np.ndarray, lengths: np.ndarray) -> None:
    """Raise for lists of fractional numbers, one for each step of a sequence.

    Raises
    ------
    ValueError
    """
    if y.ndim != 1 or y.dtype.kind != "O":
        return
    rows = [(number, row) for number, row in enumerate(y) if isinstance(row, list | tuple | np.ndarray)]
    if not rows or sum(np.ndim(row) == 1 and len(row) == lengths[number] for number, row in rows) <= len(rows) / 2:
        return
    if any(isinstance(label, float | np.floating) and label % 1 for _, row in rows for label in row):
        raise ValueError(
            "the target has a number for each step of a sequence, which is not supported; use classes (texts or "
            "integers) for steps, or one number for each row"
        )


def read_tags(y: np.ndarray, ignored: tuple[int, ...] = IGNORED_TAGS) -> Tags:
    """Read lists of labels, texts of labels separated by spaces, or a padded array.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) of sequences, or (n_rows, n_positions)
    ignored : tuple of int, default=`IGNORED_TAGS`
        Labels that stand for a missing label.

    Raises
    ------
    ValueError
        If a row is not a sequence of labels.
    """
    if y.ndim == 2:
        n_rows, n_columns = y.shape
        flat = y.ravel()
        labelled = are_labelled(flat, ignored)
        given: np.ndarray = np.any(labelled.reshape(n_rows, n_columns), axis=1)
        return Tags(_plain(flat, labelled), labelled, np.full(n_rows, n_columns), given, n_columns)
    if y.ndim != 1:
        raise ValueError(
            f"tags should be lists of labels or an array (n_samples, n_positions), got shape {y.shape}"
        )
    rows = [_sequence(row, number) for number, row in enumerate(y)]
    lengths = np.array([0 if row is None else len(row) for row in rows], dtype=np.int64)
    flat = objects_of([label for row in rows if row is not None for label in row])
    labelled = are_labelled(flat, ignored)
    given = np.array([row is not None for row in rows], dtype=bool)
    return Tags(_plain(flat, labelled), labelled, lengths, given, None)


def _sequence(row: Any, number: int) -> list | None:
    if isinstance(row, np.ndarray) and row.ndim == 1:
        return row.tolist()
    if isinstance(row, list | tuple):
        return list(row)
    if isinstance(row, str):
        return row.split()
    if is_missing(np.array([row], dtype=object))[0]:
        return None
    raise ValueError(f"row {number} should be a list of labels, got {row!r}")


def _plain(labels: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Convert whole floats of an array with NaN to integers."""
    known = labels[labelled]
    if labels.dtype.kind == "f" and (known == np.round(known)).all():
        return np.where(labelled, labels, MISSING_LABEL).astype(np.int64)
    return labels
