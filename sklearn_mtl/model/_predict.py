"""Prediction with a network in evaluation mode, chunk by chunk; thread-safe."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ..architectures import Network
from ..columns._ragged import RaggedRows
from ..data._dataset import lengths_of, positions_per_row, take
from ..nn._pairs import Pairs
from ..tasks import Task
from ..utils._memory import explain_out_of_memory
from ..utils._threads import threads_for
from ._one_by_one import OneByOne

# Rows per chunk: large enough for the products, small enough for the cache.
CHUNK = 2048
# The rows of a table are filled up to a multiple of this: for few rows, and for those that are left over at the
# end, matrix products use other routines, which sum in another order.
MULTIPLE = 32
# Numbers of images, or tokens of sequences, per chunk; the activations are many times as large.
CHUNK_NUMBERS = 2_000_000
CHUNK_TOKENS = 32_768
# Advice if a chunk does not fit into memory.
HELPS = "predict fewer rows at a time, or use device='cpu'"
# Number of weights of each network, counted once.
_WEIGHTS: WeakKeyDictionary[Network, int] = WeakKeyDictionary()


def predict_outputs(
    network: Network,
    inputs: Mapping[str, Any],
    tasks: Mapping[str, Task],
    device: torch.device,
    rows: Tensor | None = None,
    only_best: bool = False,
) -> dict[str, Tensor]:
    """Compute the outputs (..., n, positions, K) of some tasks, on the CPU.

    For tasks of tokens, rows of different lengths are concatenated: (..., n_tokens, K).

    Parameters
    ----------
    network : Network
        In evaluation mode; it is not modified.
    inputs : mapping of str to Tensor, SparseRows or RaggedRows
        Encoded inputs.
    tasks : mapping of str to Task
        The fitted tasks to compute.
    device : torch.device
        Device of the network.
    rows : Tensor of int or None, default=None
        Rows to predict; None for all.
    only_best : bool, default=False
        Whether to compute two columns for a task of very many classes, see `Outputs.whole_blocks`.
    """
    names = list(tasks)
    layout: dict[str, tuple[Sequence[str], Sequence[int]]] = {}

    def by_block(batch: dict[str, Tensor]) -> dict[str, Tensor]:
        # the outputs of thousands of tasks are few tensors, which are split once
        blocks = network(batch, names).whole_blocks(only_best)
        layout.update({tasks[0]: (tasks, widths) for tasks, widths, _ in blocks})
        return {tasks[0]: values for tasks, _, values in blocks}

    axes = {name: task.position_axes for name, task in tasks.items()}
    found = _by_chunks(network, by_block, inputs, device, rows, axes)
    by_task = {
        name: part
        for first, values in found.items()
        for name, part in zip(layout[first][0], values.split(list(layout[first][1]), dim=-1), strict=True)
    }
    return {name: by_task[name] for name in names}


@torch.inference_mode()
def predict_pairs(
    network: Network,
    inputs: Mapping[str, Any],
    groups: Sequence[tuple[Sequence[str], Callable[[slice], Pairs]]],
    device: torch.device,
    rows: Tensor | None = None,
) -> list[Tensor]:
    """Compute the outputs (..., n_pairs) of the labelled rows of many tasks of width 1, on the CPU.

    Parameters
    ----------
    network : Network
        In evaluation mode; it is not modified. The members of a `OneByOne` are an axis of the result.
    inputs : mapping of str to Tensor or SparseRows
        Encoded inputs.
    groups : sequence of (sequence of str, callable)
        Tasks, and a function that returns the pairs of a chunk of the rows and these tasks.
    device : torch.device
        Device of the network.
    rows : Tensor of int or None, default=None
        Rows to predict; None for all.
    """
    if isinstance(network, OneByOne):
        each = [predict_pairs(member, inputs, groups, device, rows) for member in network.each]
        return [torch.stack(parts) for parts in zip(*each, strict=True)]
    n_rows = len(next(iter(inputs.values()))) if rows is None else len(rows)
    numbers = torch.arange(n_rows) if rows is None else rows
    names = [name for group, _ in groups for name in group]
    parts: list[list[Tensor]] = [[] for _ in groups]
    lengths = lengths_of(inputs)
    longest = 1 if lengths is None else int(lengths[numbers].max())
    size = min(_chunk_size(inputs), max(1, CHUNK_TOKENS // max(longest, 1)))
    for start in range(0, n_rows, size):
        chunk = slice(start, min(start + size, n_rows))
        work = _n_weights(network) * min(n_rows, size) * positions_per_row(inputs)
        with threads_for(work), explain_out_of_memory("computing outputs", HELPS):
            batch = {name: take(values, numbers[chunk], device) for name, values in inputs.items()}
            outputs = network(batch, names)
            for (group, pairs_of), collected in zip(groups, parts, strict=True):
                collected.append(outputs.at(group, pairs_of(chunk)).cpu())
    return [torch.cat(collected, dim=-1) for collected in parts]


def average_members(outputs: Mapping[str, Tensor], tasks: Mapping[str, Task]) -> dict[str, Tensor]:
    """Average the outputs (M, B, K) of an ensemble, as each task defines it."""
    return {name: torch.from_numpy(task.average(outputs[name].numpy())) for name, task in tasks.items()}


def predict_representation(network: Network, inputs: Mapping[str, Any], device: torch.device) -> Tensor:
    """Compute the representation (n_samples, D) that the tasks share, on the CPU."""

    def represent(batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sample": network.represent(batch).sample}

    return _by_chunks(network, represent, inputs, device)["sample"]


def predict_gates(
    network: Network, inputs: Mapping[str, Any], tasks: Sequence[str], device: torch.device
) -> dict[str, Tensor]:
    """Compute the gate weights (n_samples, n_weights) of each row, by task, on the CPU."""
    return _by_chunks(network, lambda batch: network.gate_weights(batch, tasks), inputs, device)


def by_row(output: Tensor, task: Task, lengths: Tensor | None) -> Any:
    """Return the outputs of one task as an array (..., n, positions, K), or `RaggedRows` if rows have lengths."""
    if lengths is None or not task.labels_tokens:
        return output.numpy()
    return RaggedRows(output, lengths)


@torch.inference_mode()
def _by_chunks(
    network: Network,
    compute: Callable[[dict[str, Tensor]], Mapping[str, Tensor]],
    inputs: Mapping[str, Any],
    device: torch.device,
    rows: Tensor | None = None,
    position_axes: Mapping[str, int] | None = None,
) -> dict[str, Tensor]:
    n_rows = len(next(iter(inputs.values()))) if rows is None else len(rows)
    lengths = lengths_of(inputs)
    if lengths is not None and rows is not None:
        lengths = lengths[rows]
    collected: dict[str, _Collected] = {}
    work = _n_weights(network) * min(n_rows, CHUNK) * positions_per_row(inputs)
    for chunk in _chunks(inputs, n_rows, lengths):
        picked = chunk if rows is None else rows[chunk]
        # the number of threads depends on the work only, so that rounding is reproducible
        with threads_for(work), explain_out_of_memory("computing outputs", HELPS):
            batch = {name: take(values, picked, device) for name, values in inputs.items()}
            part = _like_many(compute, batch, position_axes)
        if len(part) and _is_whole(chunk, n_rows) and lengths is None:
            return {name: output.cpu() for name, output in part.items()}
        for name, output in part.items():
            if name not in collected:
                axes = 0 if position_axes is None else position_axes[name]
                collected[name] = _Collected(output, axes, n_rows, lengths if axes else None)
            collected[name].put(chunk, output)
    return {name: results.values for name, results in collected.items()}


def _like_many(
    compute: Callable[[dict[str, Tensor]], Mapping[str, Tensor]],
    batch: dict[str, Tensor],
    position_axes: Mapping[str, int] | None,
) -> Mapping[str, Tensor]:
    """Compute outputs; those of few rows of a table are equal to the bit to those among more rows."""
    n_rows = len(next(iter(batch.values())))
    if n_rows % MULTIPLE == 0 or any(values.dim() != 2 for values in batch.values()):
        return compute(batch)
    repeated = _repeated(n_rows, next(iter(batch.values())).device)
    outputs = compute({name: values[repeated] for name, values in batch.items()})
    axes = {name: 0 if position_axes is None else position_axes[name] for name in outputs}
    return {name: output.narrow(-2 - axes[name], 0, n_rows) for name, output in outputs.items()}


@lru_cache(maxsize=64)
def _repeated(n_rows: int, device: torch.device) -> Tensor:
    """Return the numbers of a multiple of rows; the last row is repeated."""
    return torch.arange(-(-n_rows // MULTIPLE) * MULTIPLE, device=device).clamp(max=n_rows - 1)


def _n_weights(network: Network) -> int:
    if network not in _WEIGHTS:
        _WEIGHTS[network] = sum(parameter.numel() for parameter in network.parameters())
    return _WEIGHTS[network]


def _chunks(inputs: Mapping[str, Any], n_rows: int, lengths: Tensor | None) -> Iterator[slice | Tensor]:
    """Yield the rows of each chunk; rows of similar lengths share a chunk."""
    if lengths is None:
        size = _chunk_size(inputs)
        yield from (slice(start, start + size) for start in range(0, n_rows, size))
        return
    order = torch.argsort(lengths, stable=True, descending=True)
    while len(order):
        size = max(1, min(CHUNK, CHUNK_TOKENS // max(int(lengths[order[0]]), 1)))
        yield order[:size]
        order = order[size:]


def _chunk_size(inputs: Mapping[str, Any]) -> int:
    """Return how many rows without lengths are computed at once."""
    images = [math.prod(v.shape[1:]) for v in inputs.values() if isinstance(v, Tensor) and v.dim() > 2]
    return max(1, min(CHUNK, CHUNK_NUMBERS // max([1, *images])))


def _is_whole(chunk: slice | Tensor, n_rows: int) -> bool:
    return isinstance(chunk, slice) and chunk.stop >= n_rows and chunk.start == 0


class _Collected:
    """The outputs of one task for all rows, written chunk by chunk.

    Parameters
    ----------
    first : Tensor of shape (..., B, positions, K)
        Outputs of the first chunk.
    axes : int
        Number of axes of positions.
    n_rows : int
    lengths : Tensor of int of shape (n_rows,) or None
        Number of tokens of each row, for outputs of tokens if rows have lengths.
    """

    def __init__(self, first: Tensor, axes: int, n_rows: int, lengths: Tensor | None) -> None:
        self.axes, self.lengths = axes, lengths
        row_axis = first.dim() - 2 - axes
        if lengths is None:
            shape = (*first.shape[:row_axis], n_rows, *first.shape[row_axis + 1 :])
        else:
            self.starts = lengths.cumsum(0) - lengths
            shape = (*first.shape[:row_axis], int(lengths.sum()), first.shape[-1])
        self.row_axis = row_axis
        self.values = first.new_empty(shape, device="cpu")

    def put(self, chunk: slice | Tensor, output: Tensor) -> None:
        """Write the outputs of some rows."""
        where: tuple[Any, ...] = (slice(None),) * self.row_axis
        if self.lengths is None:
            self.values[(*where, chunk)] = output.cpu()
            return
        lengths, starts = self.lengths[chunk], self.starts[chunk]
        steps = torch.arange(output.shape[-2])
        there = steps < lengths[:, None]
        self.values[(*where, (starts[:, None] + steps)[there])] = output.cpu()[(*where, there)]
