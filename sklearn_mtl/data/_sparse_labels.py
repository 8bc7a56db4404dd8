"""Encoded labels of many tasks with few labels each: the labelled pairs of a row and a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from ..nn._pairs import Pairs
from ..targets import SparseTargets
from ..tasks import Encoded, Task, TaskGroup


class LabelledPairs:
    """The labels of some rows for the tasks of a group, which stand for a target (n_rows, n_tasks) and its weight.

    Parameters
    ----------
    pairs : Pairs
        The labelled rows and tasks.
    target : Tensor of shape (n_pairs,)
        Target of each pair, as of ``encode``.
    weight : Tensor of shape (n_pairs,) or None
        Weight of each pair; None if each weighs 1.
    n_tasks : int
    """

    def __init__(self, pairs: Pairs, target: Tensor, weight: Tensor | None, n_tasks: int) -> None:
        self.pairs, self.target, self.weight, self.n_tasks = pairs, target, weight, n_tasks

    def __len__(self) -> int:
        return self.pairs.n_rows

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        parts = [self.pairs.ends, self.pairs.column, self.target, self.weight]
        return sum(part.nbytes for part in parts if part is not None)

    @cached_property
    def mass(self) -> Tensor:
        """Sum of the weights of each task, (n_tasks,)."""
        weight = torch.ones_like(self.target) if self.weight is None else self.weight
        return self.sums(weight)

    def sums(self, values: Tensor) -> Tensor:
        """Sum values (..., n_pairs) by task, (..., n_tasks)."""
        return values.new_zeros(*values.shape[:-1], self.n_tasks).index_add(-1, self.pairs.column, values)

    @property
    def labelled(self) -> Tensor:
        """Which pairs have a weight above 0, (n_pairs,)."""
        return torch.ones_like(self.target, dtype=torch.bool) if self.weight is None else self.weight > 0

    def to(self, device: torch.device) -> LabelledPairs:
        """Move to a device."""
        weight = None if self.weight is None else self.weight.to(device)
        pairs = Pairs(self.pairs.ends.to(device), self.pairs.column.to(device))
        return LabelledPairs(pairs, self.target.to(device), weight, self.n_tasks)

    def __getitem__(self, rows: Tensor | slice) -> LabelledPairs:
        """Return the labels of some rows, in their order."""
        ends, places = self.places(rows)
        weight = None if self.weight is None else self.weight.index_select(0, places)
        column = self.pairs.column.index_select(0, places).long()
        return LabelledPairs(Pairs(ends, column), self.target.index_select(0, places), weight, self.n_tasks)

    def places(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return the ends of the pairs of some rows, and the numbers of these pairs."""
        ends = self.pairs.ends
        if isinstance(rows, slice):
            rows = torch.arange(*rows.indices(len(self)), device=ends.device)
        first = ends.index_select(0, rows)
        counts = ends.index_select(0, rows + 1) - first
        new = torch.cat([ends.new_zeros(1), counts.cumsum(0)])
        within = torch.repeat_interleave(first - new[:-1], counts)
        return new, within + torch.arange(len(within), device=ends.device)

    def chunk(self, rows: slice) -> Pairs:
        """Return the pairs of consecutive rows."""
        ends = self.pairs.ends[rows.start : rows.stop + 1]
        column = self.pairs.column[int(ends[0]) : int(ends[-1])]
        return Pairs(ends - ends[0], column.long())

    def by_task(self, names: Sequence[str], outputs: Tensor) -> dict[str, Tensor]:
        """Return the outputs (..., n_pairs) of each task, (..., n_labelled, 1), in the order of its rows."""
        column = self.pairs.column.cpu()
        order = torch.argsort(column, stable=True)
        counts = torch.bincount(column, minlength=self.n_tasks).tolist()
        parts = outputs.index_select(-1, order).unsqueeze(-1).split(counts, dim=-2)
        return dict(zip(names, parts, strict=True))

    def split(self, sizes: Sequence[int]) -> list[LabelledPairs]:
        """Split the rows into parts of the given sizes."""
        stops = np.cumsum(sizes).tolist()
        parts = []
        for size, stop in zip(sizes, stops, strict=True):
            ends = self.pairs.ends[stop - size : stop + 1]
            own = slice(int(ends[0]), int(ends[-1]))
            weight = None if self.weight is None else self.weight[own]
            parts.append(
                LabelledPairs(
                    Pairs(ends - ends[0], self.pairs.column[own]), self.target[own], weight, self.n_tasks
                )
            )
        return parts


def encode_pairs(
    group: TaskGroup,
    encoded: Mapping[str, Encoded],
    rows: Mapping[str, np.ndarray],
    n_rows: int,
    dtype: torch.dtype,
) -> LabelledPairs:
    """Join the encoded labels of the tasks of a group.

    Parameters
    ----------
    group : TaskGroup
        Its tasks are computed by column.
    encoded : mapping of str to Encoded
        Of the labelled rows of each task, (n_labelled, 1).
    rows : mapping of str to ndarray
        The labelled rows of each task.
    n_rows : int
    dtype : torch.dtype
    """
    pairs, order = _join([rows[name] for name in group.names], n_rows)
    target = np.concatenate([encoded[name].target[:, 0] for name in group.names])[order]
    weight = np.concatenate([encoded[name].weight[:, 0] for name in group.names])[order]
    weights = None if (weight == 1).all() else torch.from_numpy(weight).to(dtype)
    return LabelledPairs(pairs, torch.from_numpy(target).to(dtype), weights, len(group.names))


def labelled_pairs(targets: SparseTargets, names: Sequence[str]) -> LabelledPairs:
    """Return the labelled pairs of some tasks, without their labels."""
    pairs, order = _join(list(labels_by_task(targets, names).values()), len(targets))
    return LabelledPairs(pairs, torch.zeros(len(order)), None, len(names))


def _join(rows: Sequence[np.ndarray], n_rows: int) -> tuple[Pairs, np.ndarray]:
    """Sort the labelled rows of each task by row, and return the order of the labels."""
    ends = np.cumsum([0, *map(len, rows)])
    row = np.concatenate(rows)
    by_row = sparse.csc_array((np.arange(len(row)), row, ends), shape=(n_rows, len(rows))).tocsr()
    pairs = Pairs(torch.from_numpy(by_row.indptr.astype(np.int64)), torch.from_numpy(by_row.indices))
    return pairs, by_row.data


def labels_by_task(targets: SparseTargets, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the labelled rows of some tasks."""
    return {name: np.asarray(targets.labels_of(name)[1]) for name in names}


def is_computed_by_pairs(targets: Mapping[str, np.ndarray], group: TaskGroup) -> bool:
    """Return whether the labels of a group are encoded as pairs."""
    return isinstance(targets, SparseTargets) and group.by_column


def refuse_wide(tasks: Mapping[str, Task], groups: Sequence[TaskGroup]) -> None:
    """Refuse many tasks whose outputs cannot be computed by pairs."""
    alone = [name for group in groups if not group.by_column for name in group.names]
    if len(alone) > MOST_DENSE:
        first = alone[0]
        classes = getattr(tasks[first], "classes_", ())
        have = f" of {len(classes)} classes" if len(classes) else ""
        raise ValueError(
            f"{len(alone)} tasks such as {first!r}, a {type(tasks[first]).__name__}{have}, need arrays of all "
            f"rows; of Targets.from_sparse and from_long at most {MOST_DENSE} may. Others have two classes, or "
            f"are numbers with one output: state tasks={{{first!r}: 'regression'}}, or "
            "Classification(classes=[0, 1]) for a task of which only one class is labelled."
        )


#: tasks of sparse labels that are computed for all rows, because their outputs belong together
MOST_DENSE = 1000
