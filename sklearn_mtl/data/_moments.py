"""Means and standard deviations of columns, block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Moments:
    """Means and standard deviations of the numbers of columns, which may be missing.

    Blocks are joined by the formula of Chan, Golub and LeVeque [1]_. Numbers are taken relative to the first one
    of their column, so no digits are lost to large means. ``partial_fit`` of scikit-learn's `StandardScaler` would
    not do: it stays NaN for a column whose first block has no number.

    Parameters
    ----------
    n_columns : int

    References
    ----------
    .. [1] Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance: Analysis and Recommendations",
       The American Statistician, 1983.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.data._moments import Moments
    >>> moments = Moments(1)
    >>> for block in ([[1.0], [2.0]], [[float("nan")], [6.0]]):
    ...     _ = moments.add([0], np.array(block))
    >>> moments.mean.tolist(), moments.deviation.round(3).tolist()
    ([3.0], [2.16])
    """

    def __init__(self, n_columns: int) -> None:
        self.n_columns = n_columns
        self.count, self._mean, self._squares = np.zeros((3, n_columns))
        self._first = np.full(n_columns, np.nan)

    def add(
        self, columns: Sequence[int], numbers: np.ndarray, name_of: Callable[[int], Any] = int
    ) -> np.ndarray | None:
        """Add the numbers (n_rows, k) of some columns; return which are missing, or None if none is.

        Raises
        ------
        ValueError
            If a number is infinite.
        """
        if not len(columns):
            return None
        at = np.asarray(columns)
        with np.errstate(over="ignore", invalid="ignore"):
            missing = None
            if not np.isfinite(numbers.sum(axis=0)).all():
                missing = np.isnan(numbers)
                self._refuse_infinite(at, numbers, name_of)
            self._find_first(at, numbers, missing)
            away = numbers - np.nan_to_num(self._first[at])
            count = np.full(len(at), float(len(numbers)))
            if missing is not None:
                count -= missing.sum(axis=0)
                away[missing] = 0.0
            mean = away.sum(axis=0) / np.maximum(count, 1)
            away -= mean
            if missing is not None:
                away[missing] = 0.0
            self._join(at, count, mean, np.einsum("ij,ij->j", away, away))
        return missing if missing is not None and missing.any() else None

    def _find_first(self, at: np.ndarray, numbers: np.ndarray, missing: np.ndarray | None) -> None:
        for place in np.flatnonzero(np.isnan(self._first[at])):
            there = np.ones(len(numbers), dtype=bool) if missing is None else ~missing[:, place]
            if there.any():
                self._first[at[place]] = numbers[there.argmax(), place]

    def _join(self, at: np.ndarray, count: np.ndarray, mean: np.ndarray, squares: np.ndarray) -> None:
        total = self.count[at] + count
        share = count / np.maximum(total, 1)
        step = mean - self._mean[at]
        self._squares[at] += squares + step**2 * self.count[at] * share
        self._mean[at] += step * share
        self.count[at] = total

    @staticmethod
    def _refuse_infinite(at: np.ndarray, numbers: np.ndarray, name_of: Callable[[int], Any]) -> None:
        where = np.isinf(numbers).any(axis=0)
        if where.any():
            raise ValueError(f"column {name_of(int(at[where.argmax()]))!r} of X contains infinity.")

    @property
    def mean(self) -> np.ndarray:
        """Mean of each column, (n_columns,); NaN for a column without numbers."""
        return np.asarray(self._first + self._mean)

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of each column, (n_columns,); NaN for a column without numbers."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.sqrt(self._squares / self.count))
