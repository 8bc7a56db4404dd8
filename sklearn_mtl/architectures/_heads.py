"""The heads of several tasks, fused into one product if possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate

import torch
from torch import Tensor, nn

from ..nn._layers import Linear, affine, at_positions
from ..tasks import Task, group_tasks
from ..trunks import Representation
from ..utils._random import Streams
from ._cuts import HeadsCut
from ._outputs import Outputs, Product
from ._views import Views


class Heads(nn.Module):
    """Task heads, stored by position, so that a task may have any name.

    Linear heads are rows of one weight matrix: one product computes all heads that read the same representation,
    and one batched product computes all heads of equal width that read separate views.

    Parameters
    ----------
    tasks : mapping of str to Task
        Fitted tasks.
    in_features : int
        Width of the representation.
    streams : Streams
        Each head draws its initial weights from a generator of its task.
    grid : (int, int) or None, default=None
        Height and width of the feature map whose positions are the tokens of an image.

    Raises
    ------
    TypeError
        If the head of a task is not a module.
    ValueError
        If the number of outputs of a head is not the one of its task.
    """

    products: Sequence[FusedLinear]

    def __init__(
        self,
        tasks: Mapping[str, Task],
        in_features: int,
        streams: Streams,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.task_names = list(tasks)
        heads = {
            name: task.head(in_features, streams.generator("head", streams.of_task(name)), grid)
            for name, task in tasks.items()
        }
        self.labels_positions = {name: task.labels_positions for name, task in tasks.items()}
        self.widths = {name: task.n_outputs_ for name, task in tasks.items()}
        for name, head in heads.items():
            if not isinstance(head, nn.Module):
                raise TypeError(f"task {name!r} has no head: head returned {head!r}, expected a module.")
            self._check_width(name, getattr(head, "out_features", self.widths[name]))
        linear = {name: head for name, head in heads.items() if isinstance(head, Linear)}
        fused = [name for name in fused_order(tasks) if name in linear]
        of_rows = [name for name in fused if not tasks[name].labels_positions]
        of_positions = [name for name in fused if tasks[name].labels_positions]
        self.names = [names for names in (of_rows, of_positions) if names]
        products = [FusedLinear([linear[name] for name in names]) for names in self.names]
        self.products = nn.ModuleList(products)  # type: ignore[assignment]
        self.single_names = [name for name in heads if name not in linear]
        self.singles = nn.ModuleList(heads[name] for name in self.single_names)

    def needed(self, tasks: Sequence[str]) -> list[str]:
        """Return the tasks whose views are needed for the outputs of some tasks."""
        if list(tasks) == self.task_names:
            return self.task_names
        wanted = set(tasks)
        return [name for name in self.task_names if name in wanted]

    def plain_product(self, tasks: Sequence[str]) -> tuple[list[str], FusedLinear] | None:
        """Return the one product that computes all tasks from rows, with their names; None if there is none."""
        if len(self.names) != 1 or not len(self.names[0]) == len(tasks) == len(self.task_names):
            return None
        names = self.names[0]
        return None if self.labels_positions[names[0]] else (names, self.products[0])

    def forward(self, views: Views, tasks: Sequence[str]) -> Outputs:
        plain = self.plain_product(tasks) if views.names is None else None
        if plain is not None:
            names, product = plain
            # the outputs of tasks with few labels need not all be computed
            lazy = Product(views.representation.sample, product.weight, product.bias)
            return Outputs([(names, product.widths, lazy)], views.penalty)
        wanted_tasks = set(tasks)
        blocks: list[tuple[list[str], list[int], Tensor]] = []
        for names, product in zip(self.names, self.products, strict=True):
            wanted = [position for position, name in enumerate(names) if name in wanted_tasks]
            if wanted:
                chosen = [names[i] for i in wanted]
                compute = partial(product.forward if views.names is None else product.each, wanted=wanted)
                vectors = self._read(chosen[0], views.of(chosen))
                output = at_positions(compute, vectors) if self.labels_positions[chosen[0]] else compute(vectors)
                blocks.append((chosen, [product.widths[i] for i in wanted], output))
        for name, head in zip(self.single_names, self.singles, strict=True):
            if name in wanted_tasks:
                output = head(self._read(name, views.of_one(name)))
                self._check_width(name, output.shape[-1])
                blocks.append(([name], [output.shape[-1]], output))
        return Outputs(blocks, views.penalty)

    def _read(self, name: str, view: Representation) -> Tensor:
        """Return the vectors (..., B, D) of rows that a task reads, or those of tokens, (..., B, L, D)."""
        if not self.labels_positions[name]:
            return view.sample
        assert view.token is not None, "a fit refuses tasks of positions where the trunk has none"
        return view.token

    def _check_width(self, name: str, width: int) -> None:
        if width != self.widths[name]:
            raise ValueError(f"the head of task {name!r} has {width} outputs, expected {self.widths[name]}.")

    def are_linear(self, tasks: Sequence[str]) -> bool:
        """Return whether one product computes all of the given tasks, for rows."""
        return len(self.names) == 1 and set(tasks) <= set(self.names[0]) and not self.labels_positions[tasks[0]]

    def forward_cut(self, views: Views, tasks: Sequence[str]) -> Outputs:
        """Compute ``forward`` for linear heads on the same representation, with a cut at the representation."""
        product, names = self.products[0], self.names[0]
        wanted = [position for position, name in enumerate(names) if name in tasks]
        chosen, widths = [names[i] for i in wanted], [product.widths[i] for i in wanted]
        cut = HeadsCut(views.representation.sample, *product.rows_of(wanted), chosen, widths)
        return Outputs([(chosen, widths, cut.outputs)], views.penalty, cut)

    def weights(self) -> dict[str, Tensor]:
        """Return the weight (..., K, D) of each linear head."""
        return {
            name: weight
            for names, product in zip(self.names, self.products, strict=True)
            for name, weight in zip(names, product.weight.split(product.widths, dim=-2), strict=True)
        }


class FusedLinear(nn.Module):
    """Several linear layers as one product.

    Parameters
    ----------
    heads : sequence of nn.Linear
        Layers with the same input width; their weights are copied.
    """

    def __init__(self, heads: Sequence[Linear]) -> None:
        super().__init__()
        self.widths = [head.out_features for head in heads]
        self.starts = [0, *accumulate(self.widths)]
        self.weight = nn.Parameter(torch.cat([head.weight.detach() for head in heads]))
        self.bias = nn.Parameter(torch.cat([head.bias.detach() for head in heads]))

    def forward(self, x: Tensor, wanted: Sequence[int]) -> Tensor:
        """Map vectors (..., N, in) by the wanted layers, with concatenated outputs."""
        if self.training or len(wanted) == len(self.widths):
            return affine(x, *self.rows_of(wanted))
        # the whole product, because one of fewer columns may round differently
        return affine(x, self.weight, self.bias).index_select(-1, self._columns(wanted))

    def each(self, x: Tensor, wanted: Sequence[int]) -> Tensor:
        """Map vectors (..., T, ..., N, in), one entry per wanted layer, to (..., ..., N, sum of out)."""
        weight, bias = self.rows_of(wanted)
        widths = [self.widths[i] for i in wanted]
        tokens = x.shape[-3:-1] if x.dim() - weight.dim() >= 2 else None
        if tokens is not None:
            x = x.flatten(-3, -2)
        if len(set(widths)) == 1:
            shape = (len(widths), widths[0])
            out = affine(x, weight.unflatten(-2, shape), bias.unflatten(-1, shape)).transpose(-3, -2).flatten(-2)
        else:
            parts = zip(x.unbind(-3), weight.split(widths, dim=-2), bias.split(widths, dim=-1), strict=True)
            out = torch.cat([affine(*part) for part in parts], dim=-1)
        return out if tokens is None else out.unflatten(-2, tokens)

    def rows_of(self, wanted: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return weight and bias of some of the layers."""
        if len(wanted) == len(self.widths):
            return self.weight, self.bias
        rows = self._columns(wanted)
        return self.weight.index_select(-2, rows), self.bias.index_select(-1, rows)

    def _columns(self, wanted: Sequence[int]) -> Tensor:
        """Return the numbers of the outputs of some of the layers."""
        columns = [torch.arange(self.starts[i], self.starts[i + 1]) for i in wanted]
        return torch.cat(columns).to(self.weight.device)


def fused_order(tasks: Mapping[str, Task]) -> list[str]:
    """Order tasks so that those whose losses are computed together are adjacent."""
    return [name for group in group_tasks(tasks) for name in group.names]
