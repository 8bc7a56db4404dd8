"""Copies of networks whose inputs can be anywhere between a baseline and the rows.

The place on the way is a *switch* for each part of a row that is explained: a column, a token, or a number of an
image. At 0 the part is that of the baseline, at 1 that of the row. Numbers move along a straight line. What is
looked up, such as a category or a word, moves along the straight line between the two embeddings. By the chain
rule, the integrated gradient of a switch is the sum of those of all numbers that it moves.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..architectures import Network
from ..trunks import MultiInput, Trunk
from ..utils._random import Streams

#: names of the switch, and of an input of the baseline, among the inputs of a stem
SWITCH, START = "switch", "start "


class Path(ABC):
    """How the inputs of one stem follow the switch."""

    def moves(self, name: str, values: Tensor) -> bool:
        """Return whether an input itself moves; of others the stem's output does."""
        return values.is_floating_point()

    def spread(self, name: str, switch: Tensor) -> Tensor:
        """Return the switch of each number of an input."""
        return switch

    @abstractmethod
    def at_stem(self, switch: Tensor) -> Tensor:
        """Return the switch of each entry of the stem's output (..., B, positions, W); it may broadcast."""

    def output(self, stem: Callable[[dict[str, Any]], Any], inputs: Mapping[str, Tensor]) -> Any:
        """Compute the output of a stem for inputs that contain the switch and those of the baseline."""
        switch = inputs[SWITCH]
        end = {name: values for name, values in inputs.items() if name != SWITCH and not name.startswith(START)}
        start = {name: inputs.get(START + name, values) for name, values in end.items()}
        moved = {
            name: start[name] + self.spread(name, switch) * (values - start[name])
            for name, values in end.items()
            if self.moves(name, values)
        }
        last = stem({**end, **moved})
        if len(moved) + ("lengths" in end) == len(end):
            return last
        first = stem({**start, **moved})
        return last._replace(values=first.values + self.at_stem(switch) * (last.values - first.values))


class Numbers(Path):
    """Each number has its own switch: steps of numbers, images, and rows of a module."""

    def at_stem(self, switch: Tensor) -> Tensor:
        return switch


class Tokens(Path):
    """Each token has a switch."""

    def at_stem(self, switch: Tensor) -> Tensor:
        return switch.unsqueeze(-1)


class TableColumns(Path):
    """Each column has a switch.

    Parameters
    ----------
    of_inputs : mapping of str to Tensor of int
        The column of each number of an input.
    of_stem : Tensor of int
        The column of each entry of the stem's output.
    has_ranks : bool
        Whether the stem ranks numbers. What it makes of a number then moves along a straight line, because ranks
        rise too unevenly between two numbers for a numerical integral.
    """

    def __init__(self, of_inputs: Mapping[str, Tensor], of_stem: Tensor, has_ranks: bool) -> None:
        self.of_inputs, self.of_stem, self.has_ranks = dict(of_inputs), of_stem, has_ranks

    def moves(self, name: str, values: Tensor) -> bool:
        return super().moves(name, values) and not self.has_ranks

    def spread(self, name: str, switch: Tensor) -> Tensor:
        return switch[..., self.of_inputs[name].to(switch.device)]

    def at_stem(self, switch: Tensor) -> Tensor:
        return switch[..., self.of_stem.to(switch.device)]


class _Moving:
    """Added to the class of a stem, so that it reads the switch."""

    path: Path

    def forward(self, inputs: Mapping[str, Any]) -> Any:
        stem: Any = super().forward  # type: ignore[misc]
        return self.path.output(stem, inputs) if SWITCH in inputs else stem(inputs)


def with_moving_stems(network: Network, trunk: Trunk, paths: Sequence[Path]) -> Network:
    """Return a copy of a network, with the same tensors, whose stems read the switch.

    Parameters
    ----------
    network : Network
        It is not changed: other threads may predict with it.
    trunk : Trunk
        Fitted.
    paths : sequence of Path
        One for the trunk, or of a `MultiInput` one for each input.

    Raises
    ------
    TypeError
        If the network, which may be of an architecture of the user's own, does not use the stem.
    """
    tensors = [*network.parameters(), *network.buffers()]
    moving: Network = copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})
    kind = type(trunk.stem(Streams(0)))
    found = [module for module in moving.modules() if type(module) is kind]
    if not found:
        raise TypeError(
            f"integrated_gradients: {type(network).__name__} does not use the stem of {type(trunk).__name__}, "
            "whose inputs are moved."
        )
    for module in found:
        stems = list(module.stems) if isinstance(trunk, MultiInput) else [module]  # type: ignore[arg-type]
        for stem, path in zip(stems, paths, strict=True):
            _move(stem, path)
    return moving


def _move(stem: nn.Module, path: Path) -> None:
    # the class of the copy is changed, because its tensors must keep their names
    stem.__class__ = type(f"Moving{type(stem).__name__}", (_Moving, type(stem)), {})
    stem.path = path  # type: ignore[assignment]


def as_long(positions: Any) -> Tensor:
    """Return positions as a tensor."""
    return torch.as_tensor(positions, dtype=torch.int64)
