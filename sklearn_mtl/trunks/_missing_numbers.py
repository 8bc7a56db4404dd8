"""Missing numbers of tables: the values that replace them, and the columns that have an indicator of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.sparse import csr_matrix, issparse

from ._scaling import MOST_ROWS

#: an ndarray or a csr_matrix of numbers
Numbers: TypeAlias = Any


class MissingNumbers(NamedTuple):
    """Which columns had missing numbers in fit.

    Parameters
    ----------
    incomplete : ndarray of bool of shape (n_columns,)
        Columns in which some numbers were missing.
    empty : ndarray of bool of shape (n_columns,)
        Columns in which all numbers were missing.
    """

    incomplete: np.ndarray
    empty: np.ndarray

    @classmethod
    def of(cls, X: Numbers) -> MissingNumbers:
        """Count the missing numbers of a table."""
        n_missing = _count(X)
        return cls(n_missing > 0, n_missing == X.shape[0])

    @property
    def told(self) -> np.ndarray:
        """Positions of the columns with an indicator; in other columns it would be constant."""
        return np.flatnonzero(self.incomplete & ~self.empty)


def learn_by_column(
    learn: Callable[[Numbers, np.ndarray | None], Mapping[str, np.ndarray]],
    X: Numbers,
    sample_weight: np.ndarray | None,
    missing: MissingNumbers,
) -> dict[str, np.ndarray]:
    """Learn statistics of the columns from the numbers that are not missing.

    Parameters
    ----------
    learn : callable
        Returns statistics for a table without missing numbers and the weights of its rows. Their first axis is
        that of the columns.
    X : ndarray or csr_matrix of shape (n_rows, n_columns)
    sample_weight : ndarray of shape (n_rows,) or None
    missing : MissingNumbers
        Of X. The columns without any number are learned as a column of zeros.
    """
    if not missing.incomplete.any():
        return dict(learn(X, sample_weight))
    complete = np.flatnonzero(~missing.incomplete)
    parts = [(complete, learn(X[:, complete], sample_weight))] if len(complete) else []
    by_column = X.tocsc() if issparse(X) else X
    for column in np.flatnonzero(missing.incomplete):
        numbers = by_column[:, [column]]
        numbers = numbers.toarray() if issparse(numbers) else numbers
        rows = ~np.isnan(numbers[:, 0])
        weight = None if sample_weight is None else sample_weight[rows]
        numbers = numbers[rows]
        if missing.empty[column]:
            numbers, weight = np.zeros((1, 1)), None
        parts.append((np.array([column]), learn(csr_matrix(numbers) if issparse(X) else numbers, weight)))
    order = np.argsort(np.concatenate([columns for columns, _ in parts]))
    return {name: np.concatenate([learned[name] for _, learned in parts])[order] for name in parts[0][1]}


def medians(X: Numbers, sample_weight: np.ndarray | None, most_rows: int = MOST_ROWS) -> np.ndarray:
    """Compute the weighted median of each column; of two middle values, the larger one.

    Parameters
    ----------
    X : ndarray or csr_matrix of shape (n_rows, n_columns)
        Without missing numbers.
    sample_weight : ndarray of shape (n_rows,) or None
    most_rows : int
        Maximum number of rows of an array to use, at equal distances.
    """
    if not issparse(X):
        step = -(-len(X) // most_rows)
        X, sample_weight = X[::step], None if sample_weight is None else sample_weight[::step]
        if sample_weight is None:
            return np.partition(X, len(X) // 2, axis=0)[len(X) // 2].astype(np.float64)
    weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight / sample_weight.max()
    if not issparse(X):
        return np.array([_median(column, weight) for column in X.T], dtype=np.float64)
    of_entries = np.repeat(weight, np.diff(X.indptr))
    below, above = (np.bincount(X.indices, of_entries * chosen, X.shape[1]) for chosen in (X.data < 0, X.data > 0))
    half, found = weight.sum() / 2, np.zeros(X.shape[1])
    others = np.flatnonzero((below > half) | (above >= half))  # of all others, the median is 0
    for column, numbers in zip(others, X.tocsc()[:, others].T, strict=True):
        found[column] = _median(numbers.toarray().ravel(), weight)
    return found


def _median(numbers: np.ndarray, weight: np.ndarray) -> float:
    order = np.argsort(numbers, kind="stable")
    mass = np.cumsum(weight[order])
    return float(numbers[order][np.searchsorted(mass, mass[-1] / 2, side="right").clip(max=len(mass) - 1)])


def filled(X: Numbers, values: np.ndarray, empty: np.ndarray) -> tuple[Numbers, Numbers | None]:
    """Replace missing numbers by a value for each column, and all numbers of columns that were empty in fit.

    Parameters
    ----------
    X : ndarray or csr_matrix of shape (n_rows, n_columns)
    values : ndarray of shape (n_columns,)
    empty : ndarray of bool of shape (n_columns,)

    Returns
    -------
    numbers : ndarray or csr_matrix
        X itself if nothing was replaced.
    missing : ndarray or csr_matrix of bool, or None
        Which numbers were missing; None if none was.
    """
    entries = X.data if issparse(X) else X
    with np.errstate(over="ignore", invalid="ignore"):
        is_complete = np.isfinite(entries.sum()) or not np.isnan(entries).any()
    if is_complete and not empty.any():
        return X, None
    columns = X.indices if issparse(X) else np.broadcast_to(np.arange(X.shape[1]), X.shape)
    missing = np.isnan(entries)
    replaced = missing | empty[columns]
    numbers = entries.copy()
    with np.errstate(over="ignore"):
        numbers[replaced] = values[columns[replaced]]
    if not issparse(X):
        return numbers, missing
    rows = (csr_matrix((data, X.indices, X.indptr), X.shape) for data in (numbers, missing))
    return next(rows), next(rows)


def _count(X: Numbers) -> np.ndarray:
    """Count the missing numbers of each column."""
    entries = X.data if issparse(X) else X
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(entries.sum()):  # faster than looking at each of them
            return np.zeros(X.shape[1], dtype=int)
    if issparse(X):
        return np.bincount(X.indices[np.isnan(X.data)], minlength=X.shape[1])
    return np.asarray(np.isnan(X).sum(axis=0))
