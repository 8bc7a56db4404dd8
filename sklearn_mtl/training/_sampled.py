"""Batches of one task each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from ..data._dataset import CPU, Batch, Dataset, n_batches, split_batches, take
from ..model._objective import Objective
from ..sampling import TaskSampling
from ..utils._random import Streams


class SampledBatches:
    """Iterates over batches of rows with a label of one task, which a sampling chooses.

    The number of steps of an epoch is the sum of the numbers of batches of the tasks. A task that is drawn more
    often goes through its rows again, in a new order.

    Parameters
    ----------
    dataset : Dataset
    objective : Objective
        Its tasks, and where their labels are.
    sampling : TaskSampling
    batch_size : int
        Rows per batch; the last batch of a task may be smaller.
    progress : ndarray of shape (T,)
        See `TaskSampling.plan`.
    streams : Streams
    epoch : int
        Together with the streams it determines the tasks and row orders.
    fewest : int, default=1
        Minimum number of rows of a batch.
    """

    def __init__(
        self,
        dataset: Dataset,
        objective: Objective,
        sampling: TaskSampling,
        batch_size: int,
        progress: np.ndarray,
        streams: Streams,
        epoch: int,
        fewest: int = 1,
    ) -> None:
        self.dataset = dataset
        self.objective = objective
        self.batch_size = batch_size
        self.fewest = fewest
        self.streams, self.epoch = streams, epoch
        self.rows = labelled_rows(dataset, objective)
        sizes = torch.tensor([float(len(rows)) for rows in self.rows])
        sizes[list(objective.taken_out)] = 0
        self.n_steps = int(sum(n_batches(int(size), batch_size, fewest) for size in sizes))
        generator = streams.generator("tasks", epoch)
        self.plan: Tensor = sampling.plan(sizes, torch.as_tensor(progress), self.n_steps, generator)

    def __len__(self) -> int:
        return self.n_steps

    def __iter__(self) -> Iterator[tuple[str, Batch]]:
        orders = [self._batches_of(task) for task in range(len(self.rows))]
        for task in self.plan.tolist():
            yield self.objective.names[task], self.dataset.batch(next(orders[task]))

    def _batches_of(self, task: int) -> Iterator[Tensor]:
        rows, rounds = self.rows[task], 0
        while True:
            # seeded by position, so that names of tasks have no effect
            generator = self.streams.generator("shuffle", self.epoch, task, rounds)
            order = rows[torch.randperm(len(rows), generator=generator)]
            yield from split_batches(order, self.batch_size, self.fewest)
            rounds += 1


def _any_position(labelled: Tensor) -> Tensor:
    return labelled.reshape(len(labelled), -1, labelled.shape[-1]).any(dim=1)


def labelled_rows(dataset: Dataset, objective: Objective) -> Sequence[Tensor]:
    """Return the labelled rows of each task, in the order of the losses."""
    rows = torch.arange(len(dataset)) if dataset.rows is None else dataset.rows
    found = []
    for group, weight in zip(objective.groups, dataset.weights, strict=True):
        # a row needs a label of only one token or pixel
        labelled = None if weight is None else _any_position(take(weight, rows, CPU) > 0)
        for columns in group.columns:
            found.append(rows if labelled is None else rows[labelled[:, columns].any(dim=1)])
    return found
