"""Training rows that are read block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..utils._random import Streams
from ._dataset import Batch, Dataset, n_batches, split_batches


@dataclass(frozen=True, kw_only=True)
class StreamedRows(Dataset):
    """Training rows of a stream. The inputs, targets and weights are those of a sample of its rows.

    Parameters
    ----------
    pools : callable
        Returns an iterator over the training rows of an epoch, as sets that each fit into memory.
    count : callable
        Returns the number of training rows of an epoch.
    """

    pools: Callable[[int], Iterator[Dataset]]
    count: Callable[[int], int]

    def __len__(self) -> int:
        return self.count(0)

    @property
    def n_all(self) -> int:
        return self.count(0)

    def shuffled(self, batch_size: int, streams: Streams, epoch: int, fewest: int = 1) -> StreamedBatches:
        return StreamedBatches(self.pools(epoch), self.count(epoch), batch_size, streams, epoch, fewest)


class StreamedBatches:
    """Iterates over shuffled batches of an epoch of a stream.

    The rows that a set leaves over are joined with the first ones of the next set. The batches of a stream of one
    set are those of a `BatchIterator`.

    Parameters
    ----------
    pools : iterator of Dataset
    n_rows : int
        Number of their rows.
    batch_size, fewest : int
        Rows per batch, and minimum rows of the last one.
    streams : Streams
    epoch : int
        Together with the streams it determines the order.
    """

    def __init__(
        self,
        pools: Iterator[Dataset],
        n_rows: int,
        batch_size: int,
        streams: Streams,
        epoch: int,
        fewest: int = 1,
    ) -> None:
        self.pools, self.n_rows, self.batch_size, self.fewest = pools, n_rows, batch_size, fewest
        self.streams, self.epoch = streams, epoch

    def __len__(self) -> int:
        return n_batches(self.n_rows, self.batch_size, self.fewest)

    def __iter__(self) -> Iterator[Batch]:
        last: Batch | None = None  # the last batch may have to take some rows more
        for batch in self._batches():
            if last is not None and batch.n_rows < self.fewest:
                last = joined(last, batch)
                continue
            if last is not None:
                yield last
            last = batch
        if last is not None:
            yield last

    def _batches(self) -> Iterator[Batch]:
        left: Batch | None = None
        n_rows = 0
        for number, pool in enumerate(self.pools):
            n_rows += len(pool)
            generator = self.streams.generator("shuffle", self.epoch, *([number] if number else []))
            order = torch.randperm(len(pool), generator=generator)
            order = order if pool.rows is None else pool.rows[order]
            if left is not None:
                missing = self.batch_size - left.n_rows
                left = joined(left, pool.batch(order[:missing]))
                order = order[missing:]
                if left.n_rows < self.batch_size:
                    continue
                yield left
                left = None
            parts = split_batches(order, self.batch_size) if len(order) else []
            if parts and len(parts[-1]) < self.batch_size:
                left = pool.batch(parts.pop())
            if parts:
                yield from pool.batches(parts)
            del pool
        if left is not None:
            yield left
        if n_rows != self.n_rows:
            raise ValueError(
                f"the source of the stream has changed: it had {self.n_rows} rows to train on in the first pass, "
                f"and {n_rows} in epoch {self.epoch + 1}. It must yield the same rows each time."
            )


def joined(one: Batch, other: Batch) -> Batch:
    """Join the rows of two batches."""
    inputs = {name: torch.cat([values, other.inputs[name]]) for name, values in one.inputs.items()}
    targets = [torch.cat(pair) for pair in zip(one.targets, other.targets, strict=True)]
    weights = [
        None if weight is None or more is None else torch.cat([weight, more])
        for weight, more in zip(one.weights, other.weights, strict=True)
    ]
    rows = None if one.rows is None or other.rows is None else torch.cat([one.rows, other.rows])
    return Batch(inputs, targets, weights, rows)


class Pool:
    """Collects encoded blocks in tensors that are allocated once.

    Parameters
    ----------
    like : Dataset
        Rows of the stream: their weights are None where those of all rows are 1.
    n_rows : int
        Room for so many rows.
    """

    def __init__(self, like: Dataset, n_rows: int) -> None:
        self.like, self.n_rows, self.filled = like, n_rows, 0
        self.train: list[Tensor] = []

        def room(values: Any) -> Any:
            return None if values is None else values.new_empty((n_rows, *values.shape[1:]), device="cpu")

        self.inputs = {name: room(values) for name, values in like.inputs.items()}
        self.targets = [room(target) for target in like.targets]
        self.weights = [room(weight) for weight in like.weights]

    def has_room(self, n_rows: int) -> bool:
        """Return whether so many rows more fit in; an empty pool takes them in any case."""
        return self.filled + n_rows <= self.n_rows

    def add(self, block: Dataset, train: Tensor) -> None:
        """Add the rows of a block, and the positions in it of those to train on."""
        here = slice(self.filled, self.filled + len(block))
        for name, values in block.inputs.items():
            self.inputs[name][here] = values
        for room, values in zip(self.targets, block.targets, strict=True):
            room[here] = values
        for room, values in zip(self.weights, block.weights, strict=True):
            if room is None and values is not None:
                raise ValueError("the source of the stream has changed: labels are missing that were there.")
            if room is not None:
                room[here] = 1.0 if values is None else values
        self.train.append(train + self.filled)
        self.filled += len(block)

    def rows(self) -> Dataset:
        """Return the rows to train on."""
        whole = slice(0, self.filled)
        return Dataset(
            {name: values[whole] for name, values in self.inputs.items()},
            [target[whole] for target in self.targets],
            [None if weight is None else weight[whole] for weight in self.weights],
            torch.cat(self.train),
        ).to(self.like.device)
