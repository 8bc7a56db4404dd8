"""The training and validation rows of the members of a stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from scipy.sparse import vstack
from torch import Tensor

from ..trunks import SparseRows
from ..utils._random import Streams
from ._dataset import Batch, Dataset, DataSplit, split_batches


class StackedData:
    """Concatenated encoded rows of all splits, and the rows of each member.

    Parameters
    ----------
    splits : sequence of DataSplit
        One per member; members of one fold share a split.
    device : torch.device
    """

    def __init__(self, splits: Sequence[DataSplit], device: torch.device) -> None:
        different = list({id(split): split for split in splits}.values())
        watched = [split.valid.data for split in different if split.valid is not None]
        # splits may share encoded rows
        sets = [*(split.train for split in different), *watched]
        stores = list({id(dataset.inputs): dataset for dataset in sets}.values())
        counts = [len(store.targets[0]) for store in stores]
        starts = {id(store.inputs): sum(counts[:position]) for position, store in enumerate(stores)}
        self.device = device
        self.split_of = [next(i for i, other in enumerate(different) if other is split) for split in splits]
        self.train_rows = [_rows(split.train) + starts[id(split.train.inputs)] for split in different]
        self.valid_rows = [_rows(dataset) + starts[id(dataset.inputs)] for dataset in watched]
        self.inputs = {
            name: _joined([dataset.inputs[name] for dataset in stores], device) for name in stores[0].inputs
        }
        groups = range(len(stores[0].targets))
        self.targets = [_joined([dataset.targets[group] for dataset in stores], device) for group in groups]
        self.weights = [
            _joined_weights([dataset.weights[g] for dataset in stores], stores, g, device) for g in groups
        ]

    def training_orders(
        self, members: Sequence[int], seeds: Sequence[int], epoch: int
    ) -> tuple[Tensor, Tensor | None]:
        """Return the training rows (M, n) of each member in the order of an epoch, (1, n) where all have the same.

        With which of them count, as of `validation_rows`.
        """
        orders: dict[tuple[int, int], Tensor] = {}
        for member, seed in zip(members, seeds, strict=True):
            key = (self.split_of[member], seed)
            if key not in orders:
                rows = self.train_rows[key[0]]
                orders[key] = rows[torch.randperm(len(rows), generator=Streams(seed).generator("shuffle", epoch))]
        if len(orders) == 1:
            return next(iter(orders.values()))[None].to(self.device), None
        return self._padded([orders[self.split_of[m], s] for m, s in zip(members, seeds, strict=True)])

    def validation_rows(self, members: Sequence[int]) -> tuple[Tensor, Tensor | None]:
        """Return for each member the rows to validate on, (M, n), or (1, n) where all have the same.

        With which of them count, (M, n), where members have different numbers of rows; None where all do.
        """
        splits = [self.split_of[member] for member in members]
        if len(set(splits)) == 1:
            return self.valid_rows[splits[0]][None].to(self.device), None
        return self._padded([self.valid_rows[split] for split in splits])

    def _padded(self, rows: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        lengths = torch.tensor([len(some) for some in rows])
        counts = torch.arange(int(lengths.max())) < lengths[:, None]
        padded = torch.zeros(counts.shape, dtype=torch.int64)
        padded[counts] = torch.cat(rows)
        return padded.to(self.device), None if bool(counts.all()) else counts.to(self.device)

    def batch(self, rows: Tensor) -> Batch:
        """Gather inputs, targets and weights (M, B, ...) of rows (M, B)."""
        return Batch(self.inputs_of(rows), *self.targets_of(rows), rows)

    def inputs_of(self, rows: Tensor) -> dict[str, Tensor]:
        """Gather inputs (M, B, ...)."""
        return {name: self._gather(values, rows) for name, values in self.inputs.items()}

    def targets_of(self, rows: Tensor) -> tuple[list[Tensor], list[Tensor | None]]:
        """Gather targets and weights (M, B, ...)."""
        targets = [self._gather(target, rows) for target in self.targets]
        return targets, [None if weight is None else self._gather(weight, rows) for weight in self.weights]

    def _gather(self, values: Any, rows: Tensor) -> Tensor:
        if isinstance(values, SparseRows):
            return values[rows.flatten().cpu()].view(*rows.shape, -1).to(self.device)
        return values.index_select(0, rows.flatten()).view(*rows.shape, *values.shape[1:])


class StackedBatches:
    """Iterates over the batches of an epoch of stacked members.

    Parameters
    ----------
    data : StackedData
    orders : Tensor of int of shape (M, n) or (1, n)
        Rows of each member, in order.
    batch_size : int
    fewest : int
        Minimum rows of a batch.
    counts : Tensor of bool of shape (M, n) or None, default=None
        Which rows count; None if all do.
    positions : sequence of bool, default=()
        For each group of tasks, whether it labels positions of a row; used where some rows do not count.
    """

    def __init__(
        self,
        data: StackedData,
        orders: Tensor,
        batch_size: int,
        fewest: int,
        counts: Tensor | None = None,
        positions: Sequence[bool] = (),
    ) -> None:
        self.data, self.positions = data, positions
        self.rows = split_batches(orders, batch_size, fewest, dim=1)
        parts = [None] * len(self.rows) if counts is None else split_batches(counts, batch_size, fewest, dim=1)
        self.counts = [None if part is None or bool(part.all()) else part for part in parts]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[None, Batch]]:
        for rows, counts in zip(self.rows, self.counts, strict=True):
            batch = self.data.batch(rows)
            if counts is not None:
                weights = of_rows_that_count(counts, self.positions, batch.targets, batch.weights)
                batch = batch._replace(weights=weights)
            yield None, batch


def of_rows_that_count(
    counts: Tensor, positions: Sequence[bool], targets: Sequence[Tensor], weights: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Return the weights of each group of tasks, with 0 for the rows (M, n) that do not count.

    Parameters
    ----------
    counts : Tensor of bool of shape (M, n)
    positions : sequence of bool
        For each group, whether it labels positions of a row.
    targets, weights : sequence of Tensor (M, n, ...)
        One per group; a weight is None if every element is labelled and weighs 1.
    """
    counted: list[Tensor | None] = []
    for labels_positions, target, weight in zip(positions, targets, weights, strict=True):
        shape = target.shape if labels_positions else counts.shape
        given = torch.ones(*shape, 1, device=counts.device) if weight is None else weight
        counted.append(given * counts.reshape(*counts.shape, *[1] * (given.dim() - 2)))
    return counted


def _rows(dataset: Dataset) -> Tensor:
    return torch.arange(len(dataset)) if dataset.rows is None else dataset.rows


def _joined(values: Sequence[Any], device: torch.device) -> Any:
    if isinstance(values[0], SparseRows):
        return (
            values[0]
            if len(values) == 1
            else SparseRows(vstack([v.matrix for v in values], format="csr"), values[0].encode)
        )
    if len(values) == 1:
        return values[0].to(device)
    return torch.cat(list(values)).to(device)


def _joined_weights(
    weights: Sequence[Tensor | None], sets: Sequence[Any], group: int, device: Any
) -> Tensor | None:
    """Join weights; missing ones are 1 if other splits have weights."""
    width = next((weight.shape[1] for weight in weights if weight is not None), None)
    if width is None:
        return None
    filled = [
        torch.ones(len(dataset.targets[group]), width, dtype=next(w for w in weights if w is not None).dtype)
        if weight is None
        else weight.cpu()
        for weight, dataset in zip(weights, sets, strict=True)
    ]
    return _joined(filled, device)
