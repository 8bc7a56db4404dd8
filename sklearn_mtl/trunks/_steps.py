"""Sequences of numbers: rows of different lengths, each step with the same features."""

from __future__ import annotations

from collections.abc import Sequence
from reprlib import repr as shortened
from typing import Any

import numpy as np


def is_numeric(row: Any) -> bool:
    """Tell whether a row of X is meant as a sequence of numbers, not of tokens."""
    if isinstance(row, np.ndarray):
        return row.dtype.kind in "biuf"
    return isinstance(row, list | tuple) and len(row) > 0 and isinstance(row[0], list | tuple | np.ndarray)


def numeric_sequences(rows: Sequence[Any], n_features: int | None = None) -> list[np.ndarray]:
    """Give each row as an array of shape (L_i, F), without the padding: steps at the end that are all NaN.

    Parameters
    ----------
    rows : sequence of array-like of shape (L, F)
    n_features : int or None, default=None
        F, as fit learned it; None for that of the first row.

    Raises
    ------
    TypeError
        With the number of the row, if it is no sequence of numbers.
    ValueError
        With the number of the row, if it has another shape, no steps, or entries that are missing or infinite.
    """
    if isinstance(rows, np.ndarray) and rows.ndim == 2:
        raise ValueError(
            f"X has the shape {rows.shape}; sequences of numbers have the shape (n_samples, n_steps, n_features): "
            "pass X[..., None] for one feature. Numbers of tokens are not supported; pass the tokens as text."
        )
    sequences: list[np.ndarray] = []
    for number, row in enumerate(rows):
        sequence = _as_array(row, number)
        n_features = sequence.shape[1] if n_features is None else n_features
        if sequence.shape[1] != n_features:
            raise ValueError(f"row {number} of X has {sequence.shape[1]} features; expected {n_features}.")
        sequences.append(sequence)
    return sequences


def _as_array(row: Any, number: int) -> np.ndarray:
    try:
        array = np.asarray(row)
        sequence = array if array.dtype.kind == "f" else array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"row {number} of X is {shortened(row)}; expected numbers of shape (L, F).") from error
    if sequence.ndim != 2 or sequence.shape[1] == 0:
        raise ValueError(
            f"row {number} of X has the shape {sequence.shape}; a sequence of numbers has the shape "
            "(n_steps, n_features)."
        )
    there = np.flatnonzero(~np.isnan(sequence).all(axis=1))
    if len(there) == 0:
        raise ValueError(f"row {number} of X is an empty sequence; a row needs at least one step.")
    sequence = sequence[: there[-1] + 1]
    if not np.isfinite(sequence).all():
        raise ValueError(f"row {number} of X contains NaN or infinity before the end of its sequence.")
    return sequence
