"""Means and standard deviations of columns, block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Moments:
    """Means and standard deviations of the numbers of columns, which may be missing.

    Blocks are joined by the formula of Chan, Golub and LeVeque [1]_, so no digits are lost to large means.

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
        self.count, self.mean, self._squares = np.zeros((3, n_columns))

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
            sums = numbers.sum(axis=0)
            missing = None
            count = np.full(len(at), float(len(numbers)))
            if not np.isfinite(sums).all():
                missing = np.isnan(numbers)
                self._refuse_infinite(at, numbers, name_of)
                count = (~missing).sum(axis=0).astype(np.float64)
                numbers = np.where(missing, 0.0, numbers)
                sums = numbers.sum(axis=0)
            mean = sums / np.maximum(count, 1)
            away = numbers - mean
            if missing is not None:
                away[missing] = 0.0
            squares = np.einsum("ij,ij->j", away, away)
            self._join(at, count, mean, squares)
        return missing if missing is not None and missing.any() else None

    def _join(self, at: np.ndarray, count: np.ndarray, mean: np.ndarray, squares: np.ndarray) -> None:
        total = self.count[at] + count
        share = count / np.maximum(total, 1)
        step = mean - self.mean[at]
        self._squares[at] += squares + step**2 * self.count[at] * share
        self.mean[at] += step * share
        self.count[at] = total

    @staticmethod
    def _refuse_infinite(at: np.ndarray, numbers: np.ndarray, name_of: Callable[[int], Any]) -> None:
        where = np.isinf(numbers).any(axis=0)
        if where.any():
            raise ValueError(f"column {name_of(int(at[where.argmax()]))!r} of X contains infinity.")

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of each column, (n_columns,); NaN for a column without numbers."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.sqrt(self._squares / self.count))
