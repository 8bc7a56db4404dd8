"""Folds of the rows with real labels, and what a round changes for the rows that it did not learn."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from ..columns._missing import is_missing
from ..data import number_groups
from ..tasks import Task
from ..utils._deal_groups import deal_groups
from ..utils._stratify import deal, quantile_bins
from ._rows import FitRows

# Number of quantile bins by which numbers are stratified.
_N_BINS = 5


def deal_folds(
    rows: FitRows, tasks: Mapping[str, Task], taught: Collection[str], n_folds: int, seed: int
) -> np.ndarray:
    """Deal the rows with real labels of some tasks to folds, stratified by all tasks.

    Rows of one group are in one fold. A row stays in training, whatever the fold, if it has a label of a task of
    which there are too few: fewer labelled rows or groups than folds.

    Parameters
    ----------
    rows : FitRows
    tasks : mapping of str to Task
        All tasks, fitted.
    taught : collection of str
        The tasks whose held-out labels will be compared.
    n_folds : int
    seed : int
        Of the order in which rows are dealt.

    Returns
    -------
    ndarray of int of shape (n_rows,)
        The fold that holds out each row; -1 for rows that are never held out.
    """
    n_rows = len(rows.y)
    groups = np.arange(n_rows) if rows.groups is None else number_groups(rows.groups)
    labelled = {name: rows.labelled(name) & (rows.weight(name) > 0) for name in tasks}
    scarce = [labelled[name] for name in tasks if not has_enough_labels(rows, name, n_folds)]
    stays = np.isin(groups, groups[np.any(scarce, axis=0)]) if scarce else np.zeros(n_rows, dtype=bool)
    wanted = np.any([labelled[name] for name in taught], axis=0)
    dealt = np.flatnonzero(np.isin(groups, groups[wanted]) & ~stays)
    folds = np.full(n_rows, -1)
    if len(np.unique(groups[dealt])) >= n_folds:
        codes = [_codes(rows.y[name][dealt], labelled[name][dealt], task) for name, task in tasks.items()]
        given = None if rows.groups is None else groups[dealt]
        folds[dealt] = _dealt(np.column_stack(codes), given, n_folds, seed)
    for each in labelled.values():
        if len(np.unique(folds[each])) == 1:  # no fold may hold out all labels of a task
            folds[np.isin(groups, groups[each])] = -1
    return folds


def has_enough_labels(rows: FitRows, task: str, n_folds: int) -> bool:
    """Return whether each fold can hold out a labelled row or group of a task."""
    groups = np.arange(len(rows.y)) if rows.groups is None else rows.groups
    return len(set(groups[rows.labelled(task) & (rows.weight(task) > 0)].tolist())) >= n_folds


def _dealt(codes: np.ndarray, groups: np.ndarray | None, n_folds: int, seed: int) -> np.ndarray:
    """Return the fold of each row of codes (n_rows, n_columns)."""
    random = np.random.default_rng(seed)
    if groups is not None:
        numbers = number_groups(groups)
        order = random.permutation(int(numbers.max()) + 1)
        return deal_groups(codes, numbers, np.full(n_folds, len(codes) / n_folds), order)[numbers]
    order = random.permutation(len(codes))
    sizes = np.full(n_folds, len(codes) // n_folds)
    sizes[: len(codes) % n_folds] += 1
    folds = np.empty(len(codes), dtype=np.intp)
    folds[order] = deal(codes[order], sizes)
    return folds


def _codes(labels: np.ndarray, labelled: np.ndarray, task: Task) -> np.ndarray:
    """Return the strata of a task, (n_rows, n_columns) from 0, which is a missing label."""
    if labelled.any() and task.is_regression and labels.dtype.kind in "iuf":
        numbers = np.where(is_missing(labels), np.nan, labels).astype(np.float64).reshape(len(labels), -1)
        return np.column_stack([quantile_bins(column, _N_BINS) for column in numbers.T])
    if labelled.any() and task.has_strata:
        target, weight = task.encode(labels)
        if target.ndim == 1:
            target = target[:, None]
        return np.asarray(np.where(weight > 0, np.round(target) + 1, 0), dtype=np.intp)
    return labelled[:, None].astype(np.intp)


class Comparison(NamedTuple):
    """Losses of a task for held-out real labels, before and after a round.

    Parameters
    ----------
    before, after : float
        Weighted means over the labelled rows.
    standard_error : float
        Of the mean of the paired differences; infinite with fewer than two rows or groups.
    """

    before: float
    after: float
    standard_error: float

    def is_gain(self, margin: float) -> bool:
        """Return whether the loss is lower by more than so many standard errors."""
        return self.before - self.after > margin * self.standard_error

    def is_harm(self, margin: float) -> bool:
        """Return whether the loss is higher by more than so many standard errors."""
        return self.after - self.before > margin * self.standard_error


def compare(before: np.ndarray, after: np.ndarray, weights: np.ndarray, groups: np.ndarray | None) -> Comparison:
    """Compare the losses of the same rows; rows of one group count as one observation.

    Parameters
    ----------
    before, after : ndarray of shape (n_rows,)
        NaN for rows without a label.
    weights : ndarray of shape (n_rows,)
    groups : ndarray of shape (n_rows,), or None

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.semi_supervised._folds import compare
    >>> compare(np.array([0.5, 0.7, np.nan]), np.array([0.4, 0.4, np.nan]), np.ones(3), None).is_gain(margin=1.0)
    True
    """
    known = ~np.isnan(before) & ~np.isnan(after) & (weights > 0)
    if not known.any():
        return Comparison(np.nan, np.nan, np.inf)
    before, after, weights = before[known], after[known], weights[known]
    means = [float(np.average(losses, weights=weights)) for losses in (before, after)]
    deviations = weights * (after - before - (means[1] - means[0]))
    numbers = np.arange(len(deviations)) if groups is None else number_groups(groups[known])
    sums = np.bincount(numbers, weights=deviations)
    n = len(sums)
    error = np.sqrt((sums**2).sum() * n / (n - 1)) / weights.sum() if n > 1 else np.inf
    return Comparison(means[0], means[1], float(error))
