"""Cross-validation of groups of rows, stratified by several targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from ..data import check_groups, number_groups
from ..targets import read_targets
from ..utils._deal_groups import deal_groups
from ..utils._types import RowsLike, TargetsLike
from ._split import MultiTaskStratifiedKFold


class MultiTaskStratifiedGroupKFold(MultiTaskStratifiedKFold):
    """K folds of whole groups, stratified by every class, label and missing label of all tasks.

    Rows of one group, for instance those of one patient, are in the same fold. Folds have about as many rows, and
    as many of each class, as the sizes of the groups allow: the chi-square statistic of the counts is minimised by
    a greedy search, then by moves and exchanges of groups. Tasks are stratified as by `MultiTaskStratifiedKFold`;
    scikit-learn's `StratifiedGroupKFold` supports only one target.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    n_bins : int, default=5
        Number of quantile bins of a regression.
    shuffle : bool, default=False
        Whether to assign groups in a random order, which results in different folds. With few groups, some orders
        result in slightly better balanced folds than others.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling; an error without ``shuffle``.

    Warns
    -----
    UserWarning
        If a class is in fewer groups than there are folds.

    See Also
    --------
    MultiTaskStratifiedKFold : Folds of single rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import Targets
    >>> from sklearn_mtl.model_selection import MultiTaskStratifiedGroupKFold
    >>> patient = np.repeat(np.arange(6), 3)
    >>> y = Targets(sick=patient % 2 == 1, age=20.0 + 7.5 * patient)
    >>> folds = MultiTaskStratifiedGroupKFold(n_splits=3).split(np.zeros((18, 1)), y, groups=patient)
    >>> [int(y["sick"][test].sum()) for _, test in folds]
    [3, 3, 3]
    """

    # metadata routing passes groups to split by default
    __metadata_request__split: ClassVar[dict[str, Any]] = {"groups": True}

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
        groups : array-like of shape (n_samples,)
            The group of each row.

        Yields
        ------
        train, test : ndarray of int
            Positions of rows.
        """
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to stratify by.")
        if groups is None:
            raise ValueError(f"{type(self).__name__} requires groups, the group of each row.")
        targets, _ = read_targets(y)
        if X is not None:
            check_consistent_length(X, targets)
        numbers = number_groups(check_groups(groups, len(targets)))
        n_groups = int(numbers.max(initial=-1)) + 1
        if n_groups < self.n_splits:
            raise ValueError(f"n_splits={self.n_splits} requires as many groups, but there are {n_groups}.")
        folds = self._folds(self._all_codes(targets, numbers), numbers)[numbers]
        for fold in range(self.n_splits):
            yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)

    def _folds(self, codes: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Return the fold of each group."""
        order = check_random_state(self.random_state).permutation(groups.max() + 1) if self.shuffle else None
        return deal_groups(codes, groups, np.full(self.n_splits, len(codes) / self.n_splits), order)
