"""Choice of the groups of rows that are held out for validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ..columns._columns import read_column
from ..columns._ragged import RaggedRows
from ..tasks import Task, TaskGroup
from ..utils._deal_groups import deal_groups
from ..utils._stratify import quantile_bins
from ._dataset import Dataset
from ._hold_out import HeldOut, held_out, strata
from ._pair_strata import is_wide
from ._sparse_labels import LabelledPairs

# Number of quantile bins by which numbers are stratified.
N_BINS = 5


def check_groups(groups: Any, n_rows: int) -> np.ndarray:
    """Check the group of each row, and return them as an array (n_rows,).

    Raises
    ------
    ValueError
        If there is not one for each row, or one is missing.
    """
    if getattr(groups, "ndim", 1) == 2 and groups.shape[1] == 1:
        groups = np.asarray(groups)[:, 0]
    if not hasattr(groups, "__len__") or isinstance(groups, str | Mapping) or getattr(groups, "ndim", 1) != 1:
        raise ValueError(f"groups should be the group of each row, of shape ({n_rows},), got {groups!r}.")
    if len(groups) != n_rows:
        raise ValueError(f"groups has {len(groups)} entries for {n_rows} rows of X; it should have one for each.")
    column = read_column(groups)
    if column.missing.any():
        raise ValueError(
            f"groups is missing for some rows, first for row {int(column.missing.argmax())}; a row that "
            "belongs to no other needs a separate group."
        )
    return column.values


def number_groups(groups: np.ndarray) -> np.ndarray:
    """Return the number of each row's group; groups are numbered from 0 in the order of their first rows."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups.tolist()], dtype=np.intp)


def hold_out_groups(
    data: Dataset,
    task_groups: Sequence[TaskGroup],
    tasks: Mapping[str, Task],
    groups: np.ndarray,
    n_valid: int,
    generator: torch.Generator,
    n_folds: int = 1,
) -> list[HeldOut]:
    """Draw groups of validation rows, with a proportional share of the labels and classes of each task.

    Numbers are stratified by quantile bins, because groups often differ in their mean.

    Parameters
    ----------
    data : Dataset
        All rows, encoded.
    task_groups : sequence of TaskGroup
        The tasks in the order of the targets of ``data``.
    tasks : mapping of str to Task
    groups : ndarray of shape (n_rows,)
        The group of each row.
    n_valid : int
        Approximate number of rows to hold out.
    generator : torch.Generator
        Source of the order in which groups are drawn.
    n_folds : int, default=1
        Number of draws, which have no group in common.

    Returns
    -------
    list of HeldOut
        One per draw; fewer than ``n_folds`` if there are too few groups.

    Raises
    ------
    ValueError
        If there is only one group.
    """
    numbers = number_groups(groups)
    n_groups = numbers.max() + 1
    if n_groups == 1:
        raise ValueError(
            f"groups: all {len(groups)} rows are in one group, {groups.tolist()[0]!r}. Early stopping holds out "
            "whole groups and needs two or more; leave out groups, or set early_stopping=False."
        )
    if is_wide(task_groups, data.targets, len(data)):
        n_tasks = sum(len(group.names) for group in task_groups)
        raise ValueError(
            f"groups: {n_tasks} tasks are too many to hold out whole groups "
            "with a share of the labels of each; pass validation=GroupShuffleSplit(1, test_size=0.1) of "
            "scikit-learn, which draws groups at random."
        )
    names, columns = zip(*strata(data, task_groups, tasks), strict=True)
    codes = np.column_stack([*columns, *_bins(data, task_groups, tasks)])
    own = codes[:, : len(names)]
    pinned = _pinned(own, numbers)
    n_free = int((~pinned).sum())
    n_draws = min(n_folds, len(data) // n_valid, n_free or n_groups - 1)
    sizes = [n_valid] * n_draws
    if n_draws < n_groups:  # the others are always trained
        sizes.append(max(1, len(data) - n_draws * n_valid))
    allowed = np.ones((n_groups, len(sizes)), dtype=bool)
    if n_free:
        allowed[pinned, :n_draws] = False
    order = torch.randperm(int(n_groups), generator=generator).numpy()
    folds = deal_groups(codes, numbers, sizes, order, allowed)[numbers]
    rows = torch.arange(len(data))
    return [
        held_out(rows[torch.from_numpy(folds != fold)], rows[torch.from_numpy(folds == fold)], names, own)
        for fold in range(n_draws)
    ]


def _pinned(codes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return which groups must be trained: those that have all labels of a task or class."""
    pinned = np.zeros(groups.max() + 1, dtype=bool)
    for column in codes.T:
        pairs = np.unique(np.column_stack([column, groups]), axis=0)
        found = np.bincount(pairs[:, 0])[pairs[:, 0]]
        pinned[pairs[(found == 1) & (pairs[:, 0] > 0), 1]] = True
    return pinned


def _bins(data: Dataset, task_groups: Sequence[TaskGroup], tasks: Mapping[str, Task]) -> Iterator[np.ndarray]:
    """Yield quantile bins of each number, from 1; 0 where it is missing."""
    for group, target, weight in zip(task_groups, data.targets, data.weights, strict=True):
        if isinstance(target, LabelledPairs):
            target, weight = _spread(target)
        if isinstance(target, RaggedRows) or target.dim() != 2:
            continue
        for name, columns in zip(group.names, group.columns, strict=True):
            if not tasks[name].is_regression:
                continue
            values = target[:, columns].double().cpu().numpy()
            known = np.ones(values.shape, bool) if weight is None else (weight[:, columns] > 0).cpu().numpy()
            for number in np.where(known, values, np.nan).T:
                if not np.isnan(number).all():
                    yield quantile_bins(number, N_BINS)


def _spread(labels: LabelledPairs) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the target (n_rows, n_tasks) of labelled pairs, and its weight."""
    target = torch.zeros(len(labels), labels.n_tasks, dtype=labels.target.dtype, device=labels.target.device)
    weight = torch.zeros_like(target)
    where = labels.pairs.row, labels.pairs.column.long()
    target[where], weight[where] = labels.target, labels.labelled.to(weight)
    return target, weight
