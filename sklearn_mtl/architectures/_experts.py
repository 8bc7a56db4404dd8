"""Levels of experts, shared and private."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..diagram._flow import Node
from ..trunks import Representation, StemOutput, StemOutputs, Trunk
from ..utils._random import Streams
from ._bodies import Bodies
from ._units import LinearBank, positions
from ._views import Views, map_vectors


class Experts(nn.Module):
    """Experts of one level: bodies of the trunk in the first level, a layer of the same width with ReLU in others.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    names : sequence of str or (str, int)
        One for each expert; it seeds the initial weights.
    streams : Streams
    level : int
        Counted from 0.
    """

    def __init__(self, trunk: Trunk, names: Sequence[Any], streams: Streams, level: int) -> None:
        super().__init__()
        self.names = tuple(names)
        width = trunk.width_
        self.experts: nn.Module = (
            Bodies(trunk, streams, [streams.of_task(name) for name in names])
            if level == 0
            else LinearBank(names, width, width, streams, "expert", level)
        )

    def forward(self, x: Any, chosen: Sequence[Any] | None = None) -> Representation:
        """Compute representations (..., E, B, D) from the output of the stem or of the previous level."""
        if isinstance(self.experts, Bodies):
            return self.experts(x, positions(self.names, chosen))
        return map_vectors(x, lambda vectors: torch.relu(self.experts(vectors, chosen)))


class LevelInput(NamedTuple):
    """Inputs of the experts and gates of a level.

    Parameters
    ----------
    experts : StemOutput of (..., 1, B, ..., W), StemOutputs, or Representation of (..., T, B, D)
        Output of the stem, shared by all tasks, or of the previous level, by task.
    gates : Tensor of shape (..., 1, B, W) or (..., T, B, D)
        One vector per row.
    """

    experts: Any
    gates: Tensor

    @classmethod
    def of(cls, representation: Representation) -> LevelInput:
        """Build the input from the output of the previous level."""
        return cls(representation, representation.sample)

    @classmethod
    def of_stem(cls, x: StemOutput | StemOutputs) -> LevelInput:
        """Build the input of the first level from the output of the stem."""
        return cls(x.shared(), x.mean().unsqueeze(-3))

    def for_tasks(self, names: Sequence[str], tasks: Sequence[str]) -> LevelInput:
        """Select the inputs of some tasks; ``names`` are the tasks along the axis."""
        if not isinstance(self.experts, Representation):
            return self
        return LevelInput.of(Views(tuple(names), self.experts).of(tasks))

    def for_experts(self, n_each: int) -> Any:
        """Return the inputs of the experts of each task, ``n_each`` per task."""
        if not isinstance(self.experts, Representation) or n_each == 1:
            return self.experts
        sample, token, mask = self.experts
        return Representation(
            sample.repeat_interleave(n_each, dim=-3),
            None if token is None else token.repeat_interleave(n_each, dim=-4),
            mask,
        )


def private_names(tasks: Sequence[str], n_each: int) -> list[tuple[str, int]]:
    """Return the names of the private experts, task by task."""
    return [(name, number) for name in tasks for number in range(n_each)]


def private_nodes(tasks: Sequence[str], n_each: int, level: int) -> dict[str, list[Node]]:
    """Return the nodes of the private experts of a level, by task."""
    return {
        task: [Node(f"expert {level} {i} {task}", f"{task} {i}", "private") for i in range(n_each)]
        for task in tasks
    }
