"""Cross-validation that stratifies several targets at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from .._targets import read_targets
from ..tasks import infer_task
from ..utils._missing import is_missing


class MultiTaskStratifiedKFold(BaseCrossValidator):
    """K folds with about the same share of every class, label and missing label of every task.

    The folds are made by iterative stratification [1]_: the rarest class that is left is dealt out first, each
    row to the fold that lacks it most. Regressions are stratified by quantile bins. Use it as ``cv=``;
    scikit-learn's own stratification takes one target only.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    n_bins : int, default=5
        Quantile bins of a regression.
    shuffle : bool, default=False
        Whether to shuffle the rows first.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling.

    References
    ----------
    .. [1] Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import Targets
    >>> from sklearn_mtl.model_selection import MultiTaskStratifiedKFold
    >>> y = Targets(rare=["no"] * 9 + ["yes"] * 3, number=np.linspace(0.0, 1.0, 12) ** 2)
    >>> folds = MultiTaskStratifiedKFold(n_splits=3).split(np.zeros((12, 1)), y)
    >>> [int((y["rare"][test] == "yes").sum()) for _, test in folds]
    [1, 1, 1]
    """

    def __init__(
        self, n_splits: int = 5, *, n_bins: int = 5, shuffle: bool = False, random_state: Any = None
    ) -> None:
        self.n_splits = n_splits
        self.n_bins = n_bins
        self.shuffle = shuffle
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Give the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not used.

        Returns
        -------
        int
        """
        return self.n_splits

    def _iter_test_indices(self, X: Any = None, y: Any = None, groups: Any = None) -> Iterator[np.ndarray]:
        if y is None:
            raise ValueError("MultiTaskStratifiedKFold needs y: there is nothing to stratify without it.")
        n_rows = _num_samples(X)
        if not 2 <= self.n_splits <= n_rows:
            raise ValueError(f"n_splits={self.n_splits} should be from 2 to the number of rows, {n_rows}.")
        targets, _ = read_targets(y)
        labels = np.hstack([_indicators(values, self.n_bins) for values in targets.values()])
        order = np.arange(n_rows)
        if self.shuffle:
            check_random_state(self.random_state).shuffle(order)
        folds = np.empty(n_rows, dtype=int)
        folds[order] = _deal(labels[order], self.n_splits)
        for fold in range(self.n_splits):
            yield np.flatnonzero(folds == fold)


def _indicators(y: np.ndarray, n_bins: int) -> np.ndarray:
    """Turn a target into indicators (n_rows, n_labels) of its classes, bins or labels, and of what is missing."""
    missing = is_missing(y).reshape(len(y), -1)
    if missing.all():
        return missing
    task = infer_task(y)
    if task.kind == "regression":
        return np.hstack([_bins(column, n_bins) for column in y.reshape(len(y), -1).T] + [missing])
    if y.ndim == 2 or hasattr(task, "threshold"):  # a set of labels
        target, _ = task.fit(y).encode(y)
        return np.hstack([target > 0, missing])
    task.fit(y)
    classes = getattr(task, "classes_", np.empty(0))
    return np.hstack([y[:, None] == classes, missing])


def _bins(column: np.ndarray, n_bins: int) -> np.ndarray:
    values = np.where(is_missing(column), np.nan, column).astype(np.float64)
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, n_bins + 1)[1:-1]))
    return (np.digitize(values, edges)[:, None] == np.arange(len(edges) + 1)) & ~np.isnan(values)[:, None]


def _deal(labels: np.ndarray, n_folds: int) -> np.ndarray:
    """Deal rows out to folds, the rarest label that is left first; return the fold of each row."""
    n_rows = len(labels)
    folds = np.full(n_rows, -1)
    wanted_rows = np.full(n_folds, n_rows / n_folds)
    wanted = np.repeat(labels.sum(axis=0)[None] / n_folds, n_folds, axis=0)
    left = labels.sum(axis=0).astype(float)
    while (left > 0).any():
        rarest = int(np.where(left > 0, left, np.inf).argmin())
        for row in np.flatnonzero(labels[:, rarest] & (folds < 0)):
            fold = np.lexsort((-wanted_rows, -wanted[:, rarest]))[0]
            folds[row] = fold
            wanted_rows[fold] -= 1
            wanted[fold, labels[row]] -= 1
            left -= labels[row]
    for row in np.flatnonzero(folds < 0):
        folds[row] = wanted_rows.argmax()
        wanted_rows[folds[row]] -= 1
    return folds
