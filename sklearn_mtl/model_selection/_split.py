"""Cross-validation stratified by several targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from ..columns._labels import Facts
from ..columns._missing import is_missing
from ..targets import Targets, read_targets
from ..tasks import MultilabelClassification, Survival, infer_task
from ..utils._stratify import deal, quantile_bins
from ..utils._types import RowsLike, TargetsLike
from ..utils._warn import warn


class MultiTaskStratifiedKFold(KFold):
    """K folds stratified by every class, label and missing label of all tasks.

    The folds are made by iterative stratification [1]_: the rarest remaining class is distributed first. Rows with
    the same labels keep their order, so without ``shuffle`` neighbouring rows of one class are in one fold, as
    with scikit-learn's `StratifiedKFold`. Regressions are stratified by quantile bins, censored times by the
    event, tags of tokens as sets, and labels of pixels by whether a row has any. Use it as
    ``cv=``; scikit-learn's own stratification supports only one target.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    n_bins : int, default=5
        Number of quantile bins of a regression.
    shuffle : bool, default=False
        Whether to shuffle the rows first.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling; an error without ``shuffle``.

    Warns
    -----
    UserWarning
        If a class has fewer rows than there are folds, or if ``groups`` are passed, which are not kept together.

    See Also
    --------
    MultiTaskStratifiedGroupKFold : Folds of whole groups of rows.

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
        super().__init__(n_splits, shuffle=shuffle, random_state=random_state)
        self.n_bins = n_bins

    def split(
        self, X: RowsLike = None, y: TargetsLike = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the training and test rows of each fold.

        Parameters
        ----------
        X : object of n_samples rows or None, default=None
            Only its length matters.
        y : Targets, mapping, frame or array-like of n_samples rows
            The labels to stratify by.
        groups : object, default=None
            Not used; rows of one group are not kept together.

        Yields
        ------
        train, test : ndarray of int
            Positions of rows.
        """
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to stratify by.")
        if groups is not None:
            warn(
                f"The groups parameter is ignored by {type(self).__name__}: groups are not kept together.",
            )
        targets, _ = read_targets(y)
        if X is not None:
            check_consistent_length(X, targets)
        yield from super().split(np.empty(len(targets)), targets)

    def _iter_test_indices(
        self, X: RowsLike = None, y: TargetsLike = None, groups: Any = None
    ) -> Iterator[np.ndarray]:
        n_rows, order = len(y), np.arange(len(y))
        codes = self._all_codes(y)
        if self.shuffle:
            check_random_state(self.random_state).shuffle(order)
        sizes = np.full(self.n_splits, n_rows // self.n_splits)
        sizes[: n_rows % self.n_splits] += 1
        folds = np.empty(n_rows, dtype=np.intp)
        folds[order] = deal(codes[order], sizes)
        for fold in range(self.n_splits):
            yield np.flatnonzero(folds == fold)

    def _all_codes(self, y: Targets, groups: np.ndarray | None = None) -> np.ndarray:
        """Return all targets as codes; ``groups`` are kept together."""
        return np.column_stack([self._codes(name, values, y.facts_of(name), groups) for name, values in y.items()])

    def _codes(self, name: str, y: np.ndarray, facts: Facts, groups: np.ndarray | None) -> np.ndarray:
        """Return a target as codes (n_rows, n_columns) of classes, bins or labels, with 0 for a missing label."""
        missing = is_missing(y)
        if missing.all() or _are_of_pixels(y, missing):
            return np.asarray(~missing.reshape(len(y), -1).all(axis=1, keepdims=True), dtype=np.intp)
        try:
            task = infer_task(y, facts=facts)
            if task.is_regression:
                numbers = np.where(missing, np.nan, y).astype(np.float64).reshape(len(y), -1)
                return np.column_stack([quantile_bins(column, self.n_bins) for column in numbers.T])
            if isinstance(task, Survival):
                target, weight = task.fit(y).encode(y)
                return np.where(weight > 0, target[:, :1] + 1, 0).astype(np.intp)
            if isinstance(task, MultilabelClassification):
                target, weight = task.fit(y).encode(y)
                return np.where(weight > 0, target + 1, 0).astype(np.intp)
        except (TypeError, ValueError) as error:
            raise ValueError(f"task {name!r}: {error}") from error
        codes = _numbered(y, missing)
        units, what = codes, "rows"
        if groups is not None:
            units, what = np.unique(np.column_stack([codes, groups]), axis=0)[:, 0], "groups"
        fewest = np.bincount(units)[1:].min()
        if fewest < self.n_splits:
            warn(
                f"The rarest class of task {name!r} has {fewest} {what}, fewer than n_splits={self.n_splits}: "
                "some folds have no test rows of this class.",
            )
        return codes[:, None]


def _are_of_pixels(y: np.ndarray, missing: np.ndarray) -> bool:
    """Return whether labels are arrays with more than one axis."""
    return y.ndim > 2 or (y.ndim == 1 and y.dtype == object and np.ndim(y[~missing][0]) > 1)


def _numbered(y: np.ndarray, missing: np.ndarray) -> np.ndarray:
    numbers: dict[Any, int] = {}
    labels = zip(y.tolist(), missing, strict=True)
    return np.array([0 if gone else numbers.setdefault(label, len(numbers) + 1) for label, gone in labels])
