"""Choice of the rows that are held out for validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..columns._missing import has_label
from ..columns._ragged import RaggedRows
from ..targets import SparseTargets
from ..tasks import Task, TaskGroup
from ..utils._stratify import deal
from ._dataset import Dataset
from ._pair_strata import columns_of_pairs, hold_out_pairs, is_wide, strata_of_pairs
from ._sparse_labels import LabelledPairs, labels_by_task

# Minimum number of held-out labels of a task that has twice as many: scores such as R2 need two.
FEWEST_HELD_OUT = 2


class LabelCounts(NamedTuple):
    """Numbers of rows with a label of a trained task and a weight above 0.

    Parameters
    ----------
    any_task : int
        Rows with a label of any task.
    best_task : int
        Rows with a label of the task with the most labels.
    """

    any_task: int
    best_task: int


def count_labels(
    targets: Mapping[str, np.ndarray], sample_weight: Mapping[str, np.ndarray] | None, tasks: Sequence[str]
) -> LabelCounts:
    """Count the rows with labels of some tasks."""
    if isinstance(targets, SparseTargets):
        return _count_sparse(targets, sample_weight, tasks)
    labelled = []
    for name in tasks:
        known = has_label(targets[name])
        if sample_weight is not None:
            known &= sample_weight[name] > 0
        if known.all():
            return LabelCounts(len(known), len(known))
        labelled.append(known)
    return LabelCounts(int(np.any(labelled, axis=0).sum()), max(int(known.sum()) for known in labelled))


def _count_sparse(
    targets: SparseTargets, sample_weight: Mapping[str, np.ndarray] | None, tasks: Sequence[str]
) -> LabelCounts:
    any_task, most = np.zeros(len(targets), dtype=bool), 0
    for name, rows in labels_by_task(targets, tasks).items():
        kept = rows if sample_weight is None else rows[sample_weight[name][rows] > 0]
        any_task[kept] = True
        most = max(most, len(kept))
    return LabelCounts(int(any_task.sum()), most)


class HeldOut(NamedTuple):
    """Training rows and validation rows.

    Parameters
    ----------
    train, valid : Tensor of int
    not_validated : list of str
        Tasks without a label in the validation rows.
    not_trained : list of str
        Tasks of which all labels, or all labels of some class, are in the validation rows.
    """

    train: Tensor
    valid: Tensor
    not_validated: list[str]
    not_trained: list[str]


def held_out(train: Tensor, valid: Tensor, names: Sequence[str | None], codes: np.ndarray) -> HeldOut:
    """Find the tasks that a split leaves without labels on one side.

    Parameters
    ----------
    train, valid : Tensor of int
    names : sequence of str or None
        For each column of ``codes``, as yielded by `strata`: the task that has a label, or None for classes of
        the preceding task.
    codes : ndarray of int of shape (n_rows, n_columns)
        0 where there is no label.
    """
    not_validated, not_trained, name = [], [], ""
    for own, column in zip(names, codes.T, strict=True):
        name = own or name
        trained, validated = np.unique(column[train.numpy()]), np.unique(column[valid.numpy()])
        if own and not validated.any():
            not_validated.append(own)
        if np.setdiff1d(validated, [0, *trained]).size:
            not_trained.append(name)
    return HeldOut(train, valid, not_validated, list(dict.fromkeys(not_trained)))


def held_out_of(
    train: Tensor, valid: Tensor, data: Dataset, groups: Sequence[TaskGroup], tasks: Mapping[str, Task]
) -> HeldOut:
    """Find the tasks that a split leaves without labels on one side, from the encoded rows."""
    if not is_wide(groups, data.targets, len(data)):
        names, columns = zip(*strata(data, groups, tasks), strict=True)
        return held_out(train, valid, names, np.column_stack(columns))
    found = strata_of_pairs(groups, data.targets, tasks)
    sides = np.zeros((2, len(data)), dtype=bool)
    sides[0, train.numpy()] = sides[1, valid.numpy()] = True
    lacking = np.unique(found.task[found.without_label_in(*sides)])
    return HeldOut(train, valid, found.not_validated(sides[1]), [found.names[task] for task in lacking])


def hold_out(
    data: Dataset,
    groups: Sequence[TaskGroup],
    tasks: Mapping[str, Task],
    n_valid: int,
    generator: torch.Generator,
    fold: int = 0,
    n_folds: int = 1,
) -> HeldOut:
    """Draw validation rows, with a proportional share of the labels and classes of each task.

    Every class is trained. If ``n_valid`` allows it, a task of two or more labels has at least one on either side.
    Labels of weight 0 do not count. Of thousands of tasks with few labels, rows are drawn at random, and fewer
    than ``n_valid`` are held out if some have the only labels of a class.

    Parameters
    ----------
    data : Dataset
        All rows, encoded.
    groups : sequence of TaskGroup
        The tasks in the order of the targets of ``data``.
    tasks : mapping of str to Task
    n_valid : int
        Rows to hold out.
    generator : torch.Generator
        Source of the order in which rows are drawn.
    fold, n_folds : int
        Number of this draw, and of all draws. Draws are disjoint, except for tasks and classes with fewer labels
        than draws. When all rows have been drawn, the first draw is repeated.
    """
    order = torch.randperm(len(data), generator=generator)
    if is_wide(groups, data.targets, len(data)):
        found = strata_of_pairs(groups, data.targets, tasks)
        number = fold % min(n_folds, len(data) // n_valid)
        return HeldOut(*hold_out_pairs(found, len(data), n_valid, order, number), [])
    names, columns = zip(*strata(data, groups, tasks), strict=True)
    n_draws = min(n_folds, len(data) // n_valid)
    if all(column[0] == 1 and (column == 1).all() for column in columns):  # the rows do not differ
        start = n_valid * (fold % n_draws)
        parts = order[:start], order[start : start + n_valid], order[start + n_valid :]
        return HeldOut(torch.cat([parts[0], parts[2]]).sort().values, parts[1].sort().values, [], [])
    codes = np.column_stack(columns)[order.numpy()]
    sizes = [n_valid] * n_draws + [len(data) - n_draws * n_valid]
    held = deal(codes, sizes) == fold % n_draws
    _mend(held, codes, np.array([name is not None for name in names]))
    valid = torch.from_numpy(held)
    codes[order.numpy()] = codes.copy()  # in the order of the rows
    return held_out(order[~valid].sort().values, order[valid].sort().values, names, codes)


def strata(
    data: Dataset, groups: Sequence[TaskGroup], tasks: Mapping[str, Task]
) -> Iterator[tuple[str | None, np.ndarray]]:
    """Yield the columns to stratify by: for each task its name and whether it has a label, then its classes.

    Classes have the name None; a code is 0 where there is no label.
    """
    for group, target, weight in zip(groups, data.targets, data.weights, strict=True):
        if isinstance(target, LabelledPairs):
            yield from columns_of_pairs(group, target, tasks)
            continue
        for name, columns in zip(group.names, group.columns, strict=True):
            labelled = _labelled(weight, columns, len(data))
            yield name, np.asarray(labelled[:, 0] if labelled.shape[1] == 1 else labelled.any(axis=1), np.int32)
            if not tasks[name].has_strata:
                continue
            classes = target.reshape(len(data), -1)[:, columns].round().to(torch.int32).cpu().numpy() + 1
            for label in (classes * labelled).T:
                yield None, label


def _labelled(weight: Any, columns: slice, n_rows: int) -> np.ndarray:
    """Return which elements of a task have a weighted label, (n_rows, n_elements); for positions, which rows."""
    if weight is None:
        return np.broadcast_to(np.True_, (n_rows, 1))
    if isinstance(weight, RaggedRows):
        row = torch.arange(n_rows).repeat_interleave(weight.lengths.cpu())
        counts = torch.zeros(n_rows).index_add_(0, row, (weight.values[:, columns] > 0).any(dim=1).float().cpu())
        return (counts > 0).numpy()[:, None]
    elements = (weight[..., columns] > 0).cpu().numpy()
    return elements if elements.ndim == 2 else elements.reshape(n_rows, -1).any(axis=1, keepdims=True)


def _mend(held: np.ndarray, codes: np.ndarray, of_task: np.ndarray) -> None:
    """Exchange rows where a task lacks labels on one side, or a class is not trained.

    Parameters
    ----------
    held : ndarray of bool of shape (n_rows,)
        Which rows are held out; changed in place.
    codes : ndarray of int of shape (n_rows, n_columns)
        0 where there is no label.
    of_task : ndarray of bool of shape (n_columns,)
        Columns that state whether a task has a label; the others are classes.
    """
    totals = [np.bincount(column) for column in codes.T]
    for level in range(1, FEWEST_HELD_OUT + 1):
        needs = {
            True: [np.minimum(level, total // 2) * task for total, task in zip(totals, of_task, strict=True)],
            False: [np.minimum(1, total) for total in totals],
        }
        for needed in (*needs[True], *needs[False]):
            needed[0] = 0
        for side in (False, True):
            for column, needed in enumerate(needs[side]):
                counts = np.bincount(codes[held == side, column], minlength=len(needed))
                for code in np.repeat(np.arange(len(needed)), np.maximum(needed - counts, 0)):
                    if not _exchange(held, codes, side, codes[:, column] == code, needs):
                        break  # this side has no spare row, whatever the code


def _exchange(
    held: np.ndarray, codes: np.ndarray, side: bool, wanted: np.ndarray, needs: Mapping[bool, list[np.ndarray]]
) -> bool:
    """Exchange a wanted row of the other side for a spare row of this side, if both exist.

    Return whether this side has a spare row.
    """
    there = np.flatnonzero(wanted & (held != side) & _spare(codes, held != side, needs[not side]))
    here = np.flatnonzero(~wanted & (held == side) & _spare(codes, held == side, needs[side]))
    if len(there) and len(here):
        held[[there[0], here[0]]] = side, not side
    return len(here) > 0


def _spare(codes: np.ndarray, members: np.ndarray, needs: Sequence[np.ndarray]) -> np.ndarray:
    """Return which rows of a side can be exchanged without violating its needs."""
    spare = np.ones(len(codes), dtype=bool)
    for column, needed in zip(codes.T, needs, strict=True):
        counts = np.bincount(column[members], minlength=len(needed))
        spare &= ((needed == 0) | (counts > needed))[column]
    return spare
