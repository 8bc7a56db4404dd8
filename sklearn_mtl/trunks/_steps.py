"""Sequences of numbers: rows of different lengths, each step with the same features."""

from __future__ import annotations

from collections.abc import Sequence
from reprlib import repr as shortened
from typing import Any, NamedTuple

import numpy as np

from ..columns._arrays import as_array


class Steps(NamedTuple):
    """Concatenated steps of all rows.

    Parameters
    ----------
    values : ndarray of float of shape (n_steps, n_features)
    lengths : ndarray of int64 of shape (n_rows,)
        Number of steps of each row.
    """

    values: np.ndarray
    lengths: np.ndarray


def is_numeric(row: Any) -> bool:
    """Return whether a row of X is a sequence of numbers, not of tokens."""
    if isinstance(row, np.ndarray):
        return row.dtype.kind in "biuf"
    return isinstance(row, list | tuple) and len(row) > 0 and isinstance(row[0], list | tuple | np.ndarray)


def read_steps(rows: Sequence[Any], n_features: int | None = None, dtype: Any = np.float64) -> Steps:
    """Concatenate sequences of numbers without padding, which is steps of only NaN at the end.

    Parameters
    ----------
    rows : sequence of array-like of shape (L, F)
    n_features : int or None, default=None
        F of fit; None for that of the first row.
    dtype : numpy dtype, default=float64
        Dtype of the result.

    Raises
    ------
    TypeError
        If a row is not a sequence of numbers; the message names the row.
    ValueError
        If a row has another shape, or missing or infinite entries; the message names the row.
    """
    arrays = _arrays(rows, n_features)
    lengths = np.fromiter(map(len, arrays), np.int64, len(arrays))
    values = np.concatenate(arrays)
    first = lengths.cumsum() - lengths
    steps = np.arange(len(values)) - np.repeat(first, lengths)
    last, there = np.full(len(arrays), -1), lengths > 0
    if there.any():
        there_last = np.maximum.reduceat(np.where(np.isnan(values).all(axis=1), -1, steps), first[there])
        last[there] = there_last
    with np.errstate(over="ignore"):  # too large numbers become infinite and are rejected
        values = values[steps <= np.repeat(last, lengths)].astype(dtype, copy=False)
    row = np.repeat(np.arange(len(arrays)), last + 1)
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise ValueError(f"row {row[~finite][0]} of X contains NaN or infinity before the end of its sequence.")
    return Steps(values, last + 1)


def _arrays(rows: Sequence[Any], n_features: int | None) -> Sequence[np.ndarray]:
    if isinstance(rows, np.ndarray) and rows.ndim == 2:
        raise ValueError(
            f"X has the shape {rows.shape}; sequences of numbers have the shape (n_samples, n_steps, n_features): "
            "pass X[..., None] for one feature. Token ids are not supported; pass the tokens as text."
        )
    if isinstance(rows, np.ndarray) and rows.ndim == 3:
        _as_array(rows[0], 0, n_features)
        return rows if rows.dtype.kind == "f" else rows.astype(np.float64)
    arrays: list[np.ndarray | None] = []
    for number, row in enumerate(rows):
        arrays.append(None if np.size(row) == 0 else _as_array(row, number, n_features))
        n_features = n_features if arrays[-1] is None else arrays[-1].shape[1]
    if n_features is None:
        raise ValueError("X has only empty sequences; at least one row needs steps.")
    nothing = np.empty((0, n_features))
    return [nothing if array is None else array for array in arrays]


def _as_array(row: Any, number: int, n_features: int | None) -> np.ndarray:
    try:
        array = as_array(row)
        array = array if array.dtype.kind == "f" else array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"row {number} of X is {shortened(row)}; expected numbers of shape (L, F).") from error
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(
            f"row {number} of X has the shape {array.shape}; a sequence of numbers has the shape "
            "(n_steps, n_features)."
        )
    if n_features is not None and array.shape[1] != n_features:
        raise ValueError(f"row {number} of X has {array.shape[1]} features; expected {n_features}.")
    return array
