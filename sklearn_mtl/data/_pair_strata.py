"""Held-out rows of many tasks with few labels: drawn at random, without a column for each task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..tasks import Task, TaskGroup
from ._sparse_labels import LabelledPairs

#: codes (n_rows, n_columns) of sparse labels that are stratified by; more are drawn at random
MOST_CODES = 20_000_000


class Strata(NamedTuple):
    """The codes of all labelled pairs: one for each task, and one for each class of it.

    Parameters
    ----------
    names : list of str
        The tasks.
    row, task, code : ndarray of int of shape (n_pairs,)
        The row, the number of the task, and the number of the class, 0 for numbers.
    """

    names: list[str]
    row: np.ndarray
    task: np.ndarray
    code: np.ndarray

    def not_validated(self, valid: np.ndarray) -> list[str]:
        """Return the tasks without a label in the validation rows, a mask (n_rows,)."""
        found = np.bincount(self.task[valid[self.row]], minlength=len(self.names))
        return [self.names[i] for i in np.flatnonzero(found == 0)]

    def without_label_in(self, train: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Return the pairs of validation rows whose task and class no training row has."""
        classes = self.task.astype(np.int64) * (self.code.max(initial=0) + 1) + self.code
        trained = np.zeros(classes.max(initial=0) + 1, dtype=bool)
        trained[classes[train[self.row]]] = True
        return np.flatnonzero(valid[self.row] & ~trained[classes])


def is_wide(groups: Sequence[TaskGroup], targets: Sequence[object], n_rows: int) -> bool:
    """Return whether the labels are pairs of too many tasks to stratify by each of them."""
    n_tasks = sum(len(group.names) for group in groups)
    return any(isinstance(target, LabelledPairs) for target in targets) and 2 * n_tasks * n_rows > MOST_CODES


def strata_of_pairs(groups: Sequence[TaskGroup], targets: Sequence[object], tasks: Mapping[str, Task]) -> Strata:
    """Collect the codes of the labelled pairs; tasks that are not computed by pairs are left out."""
    names: list[str] = []
    parts: list[tuple[np.ndarray, ...]] = []
    for group, target in zip(groups, targets, strict=True):
        if isinstance(target, LabelledPairs):
            there = target.labelled.cpu().numpy()
            row, task = (part.cpu().numpy()[there] for part in (target.pairs.row, target.pairs.column))
            has_classes = np.array([tasks[name].has_strata for name in group.names])
            code = np.where(has_classes[task], target.target.round().cpu().numpy()[there], 0).astype(np.int32)
            parts.append((row, task + len(names), code))
            names += group.names
    row, task, code = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Strata(names, row, task, code)


def hold_out_pairs(
    strata: Strata, n_rows: int, n_valid: int, order: Tensor, fold: int
) -> tuple[Tensor, Tensor, list[str]]:
    """Draw validation rows at random; rows with the only labels of a task or class are trained.

    Returns
    -------
    train, valid : Tensor of int
    not_validated : list of str
        Tasks without a label in the validation rows.
    """
    start = n_valid * fold
    valid = np.zeros(n_rows, dtype=bool)
    valid[order[start : start + n_valid].numpy()] = True
    valid[strata.row[strata.without_label_in(~valid, valid)]] = False
    rows = torch.arange(n_rows)
    held = torch.from_numpy(valid)
    return rows[~held], rows[held], strata.not_validated(valid)


def columns_of_pairs(
    group: TaskGroup, target: LabelledPairs, tasks: Mapping[str, Task]
) -> Iterator[tuple[str | None, np.ndarray]]:
    """Yield for each task of a group whether a row has a label, then its classes, as `strata` does."""
    there = target.labelled.cpu().numpy()
    row, column = (part.cpu().numpy()[there] for part in (target.pairs.row, target.pairs.column))
    order = np.argsort(column, kind="stable")
    ends = np.searchsorted(column[order], np.arange(target.n_tasks + 1))
    codes = target.target.round().to(torch.int32).cpu().numpy()[there] + 1
    for number, name in enumerate(group.names):
        own = order[ends[number] : ends[number + 1]]
        labelled = np.zeros(len(target), dtype=np.int32)
        labelled[row[own]] = 1
        yield name, labelled
        if tasks[name].has_strata:
            classes = np.zeros(len(target), dtype=np.int32)
            classes[row[own]] = codes[own]
            yield None, classes
