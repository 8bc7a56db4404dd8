"""A split that holds out the last rows, for rows in temporal order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils.validation import _num_samples

from ..utils._types import RowsLike, TargetsLike
from ..utils._warn import warn


class LastRows(BaseCrossValidator):
    """One split: the last rows are held out, the rows before them are for training.

    It is meant for rows in temporal order, as ``validation`` of an estimator or ``cv`` of a search. scikit-learn's
    `TimeSeriesSplit` returns several such splits.

    Parameters
    ----------
    test_size : float in (0, 1) or int >= 1, default=0.1
        Share or number of the rows that are held out; a share is rounded up.
    gap : int >= 0, default=0
        Number of rows between training and held-out rows that are left out, for instance because their targets
        overlap.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.model_selection import LastRows
    >>> [(train, test)] = LastRows(0.2, gap=1).split(np.zeros((10, 1)))
    >>> train, test
    (array([0, 1, 2, 3, 4, 5, 6]), array([8, 9]))
    """

    test_size: float
    gap: int

    def __init__(self, test_size: float = 0.1, *, gap: int = 0) -> None:
        is_count = isinstance(test_size, Integral) and not isinstance(test_size, bool)
        is_share = isinstance(test_size, Real) and not isinstance(test_size, Integral) and 0 < test_size < 1
        if not (is_share or (is_count and test_size >= 1)):
            raise ValueError(
                f"test_size={test_size!r} should be a float between 0 and 1, or a number of rows of at least 1."
            )
        if not isinstance(gap, Integral) or isinstance(gap, bool) or gap < 0:
            raise ValueError(f"gap={gap!r} should be a number of rows of at least 0.")
        self.test_size = test_size
        self.gap = gap

    def split(
        self, X: RowsLike, y: TargetsLike = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the training and test rows.

        Parameters
        ----------
        X : object of n_samples rows
            Only its length matters.
        y : object, default=None
            Not used.
        groups : object, default=None
            Not used; rows of one group are not kept together.

        Yields
        ------
        train, test : ndarray of int
            Positions of rows.
        """
        if groups is not None:
            warn("The groups parameter is ignored by LastRows: groups are not kept together.")
        n_rows = _num_samples(X)
        n_test = self.test_size if isinstance(self.test_size, Integral) else math.ceil(self.test_size * n_rows)
        n_train = n_rows - int(n_test) - self.gap
        if n_train < 1:
            raise ValueError(
                f"LastRows(test_size={self.test_size!r}, gap={self.gap}) leaves no row of {n_rows} for training."
            )
        yield np.arange(n_train), np.arange(n_train + self.gap, n_rows)

    def get_n_splits(self, X: RowsLike = None, y: TargetsLike = None, groups: Any = None) -> int:
        """Return the number of splits, which is one.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not used.

        Returns
        -------
        int
        """
        return 1
