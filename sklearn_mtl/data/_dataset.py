"""Encoded data: tensors that are computed once and then split into batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..architectures import Outputs
from ..columns._ragged import RaggedRows
from ..metrics import Metric
from ..targets import SparseTargets
from ..tasks import Task
from ..tasks._answers import NetworkAnswer
from ..tasks._rating import Reference
from ..trunks import SparseRows
from ..utils._random import Streams
from ._sparse_labels import LabelledPairs, labels_by_task

CPU = torch.device("cpu")
# Number of batches whose rows are sorted by length together.
POOL = 50
# Numbers that are gathered at once on the CPU, for one or several batches.
GATHERED = 65_536


class Batch(NamedTuple):
    """Some rows of a `Dataset`, on the device of the network."""

    inputs: dict[str, Tensor]
    targets: list[Any]
    weights: list[Tensor | None]
    #: positions of the rows in the data of the fit
    rows: Tensor | None = None

    def split(self, sizes: list[int]) -> Iterator[Batch]:
        """Split into batches of the given sizes."""
        inputs = {name: values.split(sizes) for name, values in self.inputs.items()}
        targets = [target.split(sizes) for target in self.targets]
        weights = [None if weight is None else weight.split(sizes) for weight in self.weights]
        rows = None if self.rows is None else self.rows.split(sizes)
        for i in range(len(sizes)):
            yield Batch(
                {name: parts[i] for name, parts in inputs.items()},
                [parts[i] for parts in targets],
                [None if parts is None else parts[i] for parts in weights],
                None if rows is None else rows[i],
            )

    @property
    def n_rows(self) -> int:
        """Number of rows of each member."""
        return len(self.targets[0]) if self.rows is None else self.rows.shape[-1]


@dataclass(frozen=True)
class Dataset:
    """Rows of encoded inputs and targets.

    Parameters
    ----------
    inputs : mapping of str to Tensor, SparseRows or RaggedRows
        Shared by all sets of one fit.
    targets : list of Tensor, RaggedRows or LabelledPairs
        One per group of tasks.
    weights : list of Tensor, RaggedRows or None
        One per group; None if every element is labelled and weighs 1, and for `LabelledPairs`, which have theirs.
    rows : Tensor of int or None, default=None
        Rows of this set; None for all.
    device : torch.device
        Device of the batches.
    """

    inputs: Mapping[str, Any]
    targets: list[Any]
    weights: list[Any]
    rows: Tensor | None = None
    device: torch.device = CPU

    def __len__(self) -> int:
        return len(self.rows) if self.rows is not None else len(self.targets[0])

    @property
    def n_all(self) -> int:
        """Number of rows of all sets of the fit."""
        return len(self.targets[0])

    def subset(self, rows: Tensor) -> Dataset:
        """Return a dataset of some rows, without copying data."""
        return replace(self, rows=rows)

    def to(self, device: torch.device) -> Dataset:
        """Move the data to a device if it fits there; otherwise move batch by batch later."""
        if device.type == "cpu" or not _fits(self, device):
            return replace(self, device=device)
        inputs = {k: v if isinstance(v, SparseRows) else v.to(device) for k, v in self.inputs.items()}
        targets = [target.to(device) for target in self.targets]
        weights = [None if weight is None else weight.to(device) for weight in self.weights]
        return replace(self, inputs=inputs, targets=targets, weights=weights, device=device)

    def batch(self, rows: Tensor) -> Batch:
        """Gather rows by their positions in the data."""
        return Batch(
            {name: take(values, rows, self.device) for name, values in self.inputs.items()},
            [take(target, rows, self.device) for target in self.targets],
            [None if weight is None else take(weight, rows, self.device) for weight in self.weights],
            rows,
        )

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Batch]:
        """Gather batches of rows; small batches together, because each indexing operation has a fixed cost."""
        at_once = 1
        if self.device.type == "cpu" and lengths_of(self.inputs) is None:
            numbers = sum(
                math.prod(values.shape[1:]) for values in self.inputs.values() if isinstance(values, Tensor)
            )
            at_once = max(1, GATHERED // max(1, len(rows[0]) * numbers))
        for start in range(0, len(rows), at_once):
            group = rows[start : start + at_once]
            if len(group) == 1:
                yield self.batch(group[0])
            else:
                yield from self.batch(torch.cat(list(group))).split([len(some) for some in group])

    def shuffled(self, batch_size: int, streams: Streams, epoch: int, fewest: int = 1) -> Batches:
        """Return the batches of an epoch, in an order that the streams and the epoch determine."""
        return BatchIterator(self, batch_size, streams.generator("shuffle", epoch), fewest)

    def everything(self) -> Batch:
        """Gather the targets of all rows, without inputs; all tokens of sequences form one row."""
        rows = self.rows if self.rows is not None else torch.arange(len(self))

        def gathered(values: Any) -> Any:
            if isinstance(values, RaggedRows):
                return values.flat(rows.to(values.values.device))[None].to(self.device)
            return None if values is None else take(values, rows, self.device)

        return Batch({}, [gathered(t) for t in self.targets], [gathered(w) for w in self.weights])


@dataclass(frozen=True)
class ValidationRows:
    """Validation rows, encoded, and with their original labels.

    Parameters
    ----------
    data : Dataset
    labels : mapping of str to ndarray
        Labels by task.
    sample_weight : mapping of str to ndarray or None
        Weights of the rows by task.
    X : object, default=None
        The inputs of rows that are none of the fit; None for rows of the fit.
    """

    data: Dataset
    labels: Mapping[str, np.ndarray]
    sample_weight: Mapping[str, np.ndarray] | None
    X: Any = None
    _references: dict[str, Reference] = field(default_factory=dict, repr=False)

    @property
    def positions(self) -> np.ndarray | None:
        """Positions of the rows among those of the fit; None if they are none of these."""
        return self.data.rows.numpy().copy() if self.X is None and self.data.rows is not None else None

    @property
    def lengths(self) -> Tensor | None:
        """Number of tokens of each row; None if rows have no lengths."""
        lengths = lengths_of(self.data.inputs)
        return lengths if lengths is None or self.data.rows is None else lengths[self.data.rows]

    def as_batch(self, outputs: Mapping[str, Tensor], tasks: Mapping[str, Task]) -> Outputs:
        """Combine the outputs of all rows into one batch; all tokens of sequences form one row."""
        ragged = self.lengths is not None
        long = {name for name, task in tasks.items() if ragged and task.labels_tokens}
        parts = {name: output[None] if name in long else output for name, output in outputs.items()}
        return Outputs.of({name: output.to(self.data.device) for name, output in parts.items()})

    def rate(self, name: str, task: Task, metrics: Sequence[Metric], output: Any) -> dict[str, float]:
        """Score the outputs of a task; NaN without a label of positive weight, or if an output is not finite.

        Of sparse labels, the outputs are those of the labelled rows.
        """
        if not np.isfinite(output.values.numpy() if isinstance(output, RaggedRows) else output).all():
            return {metric.name: math.nan for metric in metrics}
        return self.reference(name, task).rate(metrics, NetworkAnswer(name, task, output))

    def reference(self, name: str, task: Task) -> Reference:
        """Return the labels of a task in the form that its metrics take, which is made once."""
        if name not in self._references or self._references[name].task is not task:
            weight = None if self.sample_weight is None else self.sample_weight[name]
            if isinstance(self.labels, SparseTargets):  # of the labelled rows only
                labels, rows = self.labels.labels_of(name)
                weight = None if weight is None else weight[rows]
            else:
                labels = self.labels[name]
            self._references[name] = Reference(name, task, labels, weight)
        return self._references[name]

    def labelled_rows(self, name: str) -> Tensor:
        """Return the labelled rows of a task of sparse labels."""
        assert isinstance(self.labels, SparseTargets)
        return torch.from_numpy(labels_by_task(self.labels, [name])[name]).long()


class DataSplit(NamedTuple):
    """Training rows, and validation rows or None."""

    train: Dataset
    valid: ValidationRows | None

    @property
    def n_rows(self) -> int:
        """Number of rows of the fit; some may be in neither set."""
        return len(self.train.targets[0])


def take(values: Any, rows: Tensor | slice, device: torch.device) -> Tensor:
    """Gather rows of a tensor, a sparse matrix, or padded `RaggedRows`, on a device."""
    if isinstance(values, SparseRows) or isinstance(rows, slice):
        return moved(values[rows], device)
    if isinstance(values, RaggedRows):
        return moved(values[rows.to(values.values.device)], device)
    if isinstance(values, LabelledPairs):
        return values[rows.to(values.target.device)].to(device)  # type: ignore[return-value]
    return moved(values.index_select(0, rows.to(values.device)), device)


def moved(values: Tensor, device: torch.device) -> Tensor:
    """Move gathered rows to a device: to a GPU from pinned memory, so that it computes meanwhile.

    The process does not wait for the copy. It gathers the next rows while the GPU still computes.
    """
    if device.type == "cuda" and values.device.type == "cpu":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def lengths_of(inputs: Mapping[str, Any]) -> Tensor | None:
    """Return the number of tokens of each row, on the CPU; None if rows have no lengths."""
    lengths: Tensor | None = inputs.get("lengths")
    return None if lengths is None else lengths.cpu()


def positions_per_row(inputs: Mapping[str, Any]) -> float:
    """Return the mean number of tokens or pixels of a row; 1 for a table."""
    lengths = lengths_of(inputs)
    if lengths is not None:
        return float(lengths.double().mean())
    return max(math.prod(v.shape[1:-1]) if isinstance(v, Tensor) and v.dim() > 2 else 1 for v in inputs.values())


class BatchIterator:
    """Iterates over a `Dataset` in shuffled batches.

    Parameters
    ----------
    dataset : Dataset
    batch_size : int
        Rows per batch; the last one may have fewer.
    generator : torch.Generator
        Source of the order.
    fewest : int, default=1
        Minimum rows of a batch; a smaller last batch is joined to the previous one.
    """

    def __init__(self, dataset: Dataset, batch_size: int, generator: torch.Generator, fewest: int = 1) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.generator = generator
        self.fewest = fewest

    def __len__(self) -> int:
        return n_batches(len(self.dataset), self.batch_size, self.fewest)

    def __iter__(self) -> Iterator[Batch]:
        yield from self.dataset.batches(self.batch_rows())

    def batch_rows(self) -> Sequence[Tensor]:
        """Draw the rows of each batch."""
        order = torch.randperm(len(self.dataset), generator=self.generator)
        if self.dataset.rows is not None:
            order = self.dataset.rows[order]
        lengths = lengths_of(self.dataset.inputs)
        if lengths is not None:
            return bucketed(order, lengths, self.batch_size, self.generator, self.fewest)
        return split_batches(order, self.batch_size, self.fewest)


class ShareOfBatches(BatchIterator):
    """Iterates over one share of each batch; all shares together are the batches of a `BatchIterator`.

    A batch with fewer rows than shares leaves some without a row. Such a share has a row that does not count, and
    its ``rows`` are empty.

    Parameters
    ----------
    share, n_shares : int
        Number of the share from 0, and the number of shares.
    *args, **kwargs
        As for `BatchIterator`.
    """

    def __init__(self, share: int, n_shares: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.share, self.n_shares = share, n_shares

    def __iter__(self) -> Iterator[Batch]:
        batches = self.batch_rows()
        shares = [rows.tensor_split(self.n_shares)[self.share] for rows in batches]
        filled = [own if len(own) else rows[:1] for own, rows in zip(shares, batches, strict=True)]
        for own, batch in zip(shares, self.dataset.batches(filled), strict=True):
            yield batch if len(own) else batch._replace(rows=own)


def n_batches(n_rows: int, batch_size: int, fewest: int = 1) -> int:
    """Return the number of batches of `split_batches`."""
    n_left = n_rows % batch_size
    return max(1, n_rows // batch_size) if 0 < n_left < fewest else -(-n_rows // batch_size)


def split_batches(order: Tensor, batch_size: int, fewest: int = 1, dim: int = 0) -> list[Tensor]:
    """Split rows into batches; a last one of fewer than ``fewest`` rows is joined to the previous one."""
    batches = list(order.split(batch_size, dim=dim))
    if len(batches) > 1 and batches[-1].shape[dim] < fewest:
        batches[-2:] = [torch.cat(batches[-2:], dim=dim)]
    return batches


def fewest_rows(network: nn.Module) -> int:
    """Return the minimum rows of a batch: two if a layer normalises over the batch."""
    return 2 if any(isinstance(layer, _BatchNorm) for layer in network.modules()) else 1


def bucketed(
    order: Tensor, lengths: Tensor, batch_size: int, generator: torch.Generator, fewest: int = 1
) -> list[Tensor]:
    """Split rows into batches of similar lengths, in random order.

    Parameters
    ----------
    order : Tensor of int of shape (n,)
        Rows in random order; pools of `POOL` batches of them are sorted by length.
    lengths : Tensor of int
        Number of tokens of each row of the data.
    batch_size : int
    generator : torch.Generator
        Source of the order of the batches.
    fewest : int, default=1
        Minimum rows of a batch.
    """
    batches: list[Tensor] = []
    for pool in split_batches(order, POOL * batch_size, fewest):
        batches += split_batches(pool[torch.argsort(lengths[pool], stable=True)], batch_size, fewest)
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


class Batches(Protocol):
    """Batches of an epoch, whose number is known."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


class OfAllTasks:
    """Batches that train all tasks, as pairs of None and the batch."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[None, Batch]]:
        return ((None, batch) for batch in self.batches)


def _fits(dataset: Dataset, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    tensors = [*dataset.inputs.values(), *dataset.targets, *dataset.weights]
    needed = sum(t.nbytes for t in tensors if isinstance(t, Tensor | RaggedRows | LabelledPairs))
    free, _ = torch.cuda.mem_get_info(device)
    return needed < free / 2
