"""The heads of several tasks on one representation, fused into one product where they can be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from ..tasks import Task, group_tasks
from ..trunks import Representation
from ..utils._layers import Linear, affine
from ..utils._random import Streams
from ._outputs import Outputs


class Heads(nn.Module):
    """Task heads, held by position, so that a task may have any name.

    Linear heads are rows of one weight matrix: one product serves all of them. Idle tasks have a matrix of
    their own, so that training never touches it.

    Parameters
    ----------
    tasks : mapping of str to Task
        Fitted tasks.
    in_features : int
        Width of the representation.
    streams : Streams
        Each head starts from a generator of its task's name.
    idle : collection of str, default=()
        Tasks that are not trained.
    """

    def __init__(
        self, tasks: Mapping[str, Task], in_features: int, streams: Streams, idle: Collection[str] = ()
    ) -> None:
        super().__init__()
        heads = {
            name: task.head(in_features, streams.generator("head", _seed_name(name)))
            for name, task in tasks.items()
        }
        linear_heads = {name: head for name, head in heads.items() if isinstance(head, Linear)}
        groups = [[n for n in linear_heads if n not in idle], [n for n in linear_heads if n in idle]]
        # grouped apart: an idle task must not change the order of the others
        self.names = [_side_by_side({name: tasks[name] for name in names}) for names in groups if names]
        self.products = nn.ModuleList(FusedLinear([linear_heads[name] for name in names]) for names in self.names)
        self.widths = [[linear_heads[name].out_features for name in names] for names in self.names]
        self.single_names = [name for name in heads if name not in linear_heads]
        self.singles = nn.ModuleList(heads[name] for name in self.single_names)
        self.levels = {name: task.level for name, task in tasks.items()}

    def forward(self, representation: Representation, tasks: Sequence[str]) -> Outputs:
        blocks: list[tuple[list[str], list[int], Tensor]] = []
        for names, widths, product in zip(self.names, self.widths, self.products, strict=True):
            wanted = [position for position, name in enumerate(names) if name in tasks]
            if wanted:
                tensor = product(representation.sample, wanted)
                blocks.append(([names[i] for i in wanted], [widths[i] for i in wanted], tensor))
        for name, head in zip(self.single_names, self.singles, strict=True):
            if name in tasks:
                level = self.levels[name]
                output = head(representation.sample if level == "sample" else representation.token)
                blocks.append(([name], [output.shape[-1]], output))
        return Outputs(blocks)


class FusedLinear(nn.Module):
    """Several affine maps of one input as one product.

    Parameters
    ----------
    heads : sequence of nn.Linear
        Maps of the same width of input; their weights are copied.
    """

    def __init__(self, heads: Sequence[Linear]) -> None:
        super().__init__()
        self.widths = [head.out_features for head in heads]
        self.starts = [0, *accumulate(self.widths)]
        self.weight = nn.Parameter(torch.cat([head.weight.detach() for head in heads]))
        self.bias = nn.Parameter(torch.cat([head.bias.detach() for head in heads]))

    def forward(self, x: Tensor, wanted: Sequence[int]) -> Tensor:
        if len(wanted) == len(self.widths):
            return affine(x, self.weight, self.bias)
        rows = torch.cat([torch.arange(self.starts[i], self.starts[i + 1]) for i in wanted]).to(x.device)
        return affine(x, self.weight.index_select(-2, rows), self.bias.index_select(-1, rows))


def _side_by_side(tasks: Mapping[str, Task]) -> list[str]:
    """Order tasks so that those whose losses are computed together have their rows together."""
    return [name for group in group_tasks(tasks) for name in group.names]


def _seed_name(name: str) -> str:
    # a 1-D y and the same y as a column of a 2-D array are one fit under two names
    return "0" if name == "y" else name
