"""Stratified distribution of groups of rows to folds, by all classes of all targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

# Groups of a fold that are compared with those of another one, and exchanges that are made at most.
_MOST_COMPARED = 200
_MOST_CHANGES = 500
# Orders that are tried beside the first one, with up to so many groups.
_N_STARTS = 8
_FEW_GROUPS = 100


def deal_groups(
    codes: np.ndarray,
    groups: np.ndarray,
    sizes: Sequence[int] | np.ndarray,
    order: np.ndarray | None = None,
    allowed: np.ndarray | None = None,
) -> np.ndarray:
    r"""Distribute whole groups of rows to folds, such that each fold has its share of rows and of each class.

    What is minimised is the chi-square statistic of the counts, :math:`\sum_{f, c} (n_{fc} - e_{fc})^2 / e_{fc}`
    over folds and classes of all columns, where :math:`e_{fc}` is the share of a fold of its size; the number of
    rows counts as one more class, with the weight of all columns together. Groups are assigned one after the
    other where they cost least. Then single groups are moved, and pairs exchanged, as long as this helps.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows, n_columns)
        Class of each row in each column, from 0.
    groups : ndarray of int of shape (n_rows,)
        Group of each row, from 0 to ``n_groups - 1``.
    sizes : array-like of int of shape (n_folds,)
        Number of rows that each fold should have, above 0. There are at least as many groups as folds.
    order : ndarray of int of shape (n_groups,) or None, default=None
        Order in which groups are assigned; None begins with the largest, and takes the best of several orders if
        there are few groups.
    allowed : ndarray of bool of shape (n_groups, n_folds) or None, default=None
        Where each group may go; None for everywhere.

    Returns
    -------
    ndarray of int of shape (n_groups,)
        The fold of each group. No fold is empty, as far as ``allowed`` lets groups move.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.utils._deal_groups import deal_groups
    >>> labels, groups = np.array([[0], [0], [1], [1], [0], [1]]), np.array([0, 0, 1, 1, 2, 2])
    >>> deal_groups(labels, groups, sizes=[4, 2])
    array([0, 0, 1])
    """
    counts, n_columns = _counts(codes, groups), codes.shape[1]
    share = np.asarray(sizes, dtype=float) / np.sum(sizes)
    if order is not None:
        return _dealt(counts, n_columns, share, order, allowed).fold_of
    weight = np.asarray((counts.power(2) @ (1 / counts.sum(axis=0))).ravel())
    orders = [np.argsort(-weight, kind="stable")]
    if len(weight) <= _FEW_GROUPS:  # where the start matters most, several cost little
        random = np.random.default_rng(0)
        orders += [random.permutation(len(weight)) for _ in range(_N_STARTS)]
    dealt = [_dealt(counts, n_columns, share, order, allowed) for order in orders]
    return min(dealt, key=lambda dealing: dealing.cost).fold_of


def _dealt(
    counts: csr_array, n_columns: int, share: np.ndarray, order: np.ndarray, allowed: np.ndarray | None
) -> _Dealing:
    dealing = _Dealing(counts, n_columns, share, allowed)
    dealing.assign(order)
    dealing.fill()
    for _ in range(_MOST_CHANGES):
        if not (dealing.move() or dealing.exchange()):
            break
    return dealing


def _counts(codes: np.ndarray, groups: np.ndarray) -> csr_array:
    """Count the rows of each group, in the first column, and those of each class of each column of codes."""
    widths = codes.max(axis=0, initial=0).astype(np.intp) + 1
    first = np.cumsum(widths) - widths + 1
    strata = np.column_stack([np.zeros(len(codes), dtype=np.intp), codes + first]).ravel()
    rows = np.repeat(groups, codes.shape[1] + 1)
    counts = csr_array((np.ones(len(rows)), (rows, strata)), shape=(groups.max() + 1, 1 + widths.sum()))
    counts.sum_duplicates()
    return counts[:, np.flatnonzero(counts.sum(axis=0))]


class _Dealing:
    """Groups that are distributed to folds, and how much the counts of folds differ from their shares."""

    def __init__(self, counts: csr_array, n_columns: int, share: np.ndarray, allowed: np.ndarray | None) -> None:
        self.counts, self.squares, n_groups = counts, counts.power(2), counts.shape[0]
        expected = np.outer(share, counts.sum(axis=0))
        self.excess, self.weight = -expected, 1 / expected
        self.weight[:, 0] *= n_columns
        self.fold_of = np.full(n_groups, -1)
        self.allowed = np.ones((n_groups, len(share)), dtype=bool) if allowed is None else allowed

    @property
    def cost(self) -> float:
        """The statistic."""
        return float((self.excess**2 * self.weight).sum())

    def assign(self, order: np.ndarray) -> None:
        """Put each group where it costs least."""
        starts, strata, values = self.counts.indptr, self.counts.indices, self.counts.data
        for group in order:
            own = slice(starts[group], starts[group + 1])
            places, number = strata[own], values[own]
            excess, weight = self.excess[:, places], self.weight[:, places]
            cost = ((2 * excess + number) * number * weight).sum(axis=1)
            fold = int(np.where(self.allowed[group], cost, np.inf).argmin())
            self.fold_of[group] = fold
            self.excess[fold, places] += number

    def fill(self) -> None:
        """Move groups into folds that have none."""
        n_folds = len(self.excess)
        for empty in np.flatnonzero(np.bincount(self.fold_of, minlength=n_folds) == 0):
            costs = self._costs_of_moves()[:, empty]
            group = int(costs.argmin())
            if np.isfinite(costs[group]):
                self._put(group, int(empty))

    def move(self) -> bool:
        """Move the group whose move helps most; return whether one does."""
        costs = self._costs_of_moves()
        group, fold = np.unravel_index(costs.argmin(), costs.shape)
        if costs[group, fold] >= -1e-9:
            return False
        self._put(int(group), int(fold))
        return True

    def exchange(self) -> bool:
        """Exchange the pair of groups whose exchange helps most; return whether one does."""
        costs = self._costs_of_moves(may_empty=True)
        members = [np.flatnonzero(self.fold_of == fold)[:_MOST_COMPARED] for fold in range(len(self.excess))]
        rows = [self.counts[places].toarray() for places in members]
        best: tuple[float, Any] = (-1e-9, None)
        for first in range(len(members)):
            for second in range(first + 1, len(members)):
                ours, theirs = members[first], members[second]
                if not len(ours) or not len(theirs):
                    continue
                shared = (rows[first] * (self.weight[first] + self.weight[second])) @ rows[second].T
                both = costs[ours, second][:, None] + costs[theirs, first] - 2 * shared
                place = np.unravel_index(both.argmin(), both.shape)
                if both[place] < best[0]:
                    best = float(both[place]), (ours[place[0]], theirs[place[1]])
        if best[1] is None:
            return False
        one, other = best[1]
        folds = int(self.fold_of[one]), int(self.fold_of[other])
        self._put(one, folds[1])
        self._put(other, folds[0])
        return True

    def _costs_of_moves(self, may_empty: bool = False) -> np.ndarray:
        """Return how the statistic changes if a group goes to a fold, (n_groups, n_folds); inf for its own."""
        linear = 2 * (self.counts @ (self.excess * self.weight).T)
        square = self.squares @ self.weight.T
        here = np.arange(len(self.fold_of)), self.fold_of
        costs = linear + square + (square[here] - linear[here])[:, None]
        costs[~self.allowed] = np.inf
        costs[here] = np.inf
        if not may_empty:
            alone = np.bincount(self.fold_of, minlength=len(self.excess)) == 1
            costs[alone[self.fold_of]] = np.inf
        return costs

    def _put(self, group: int, fold: int) -> None:
        row = self.counts[[group]].toarray().ravel()
        self.excess[self.fold_of[group]] -= row
        self.excess[fold] += row
        self.fold_of[group] = fold
