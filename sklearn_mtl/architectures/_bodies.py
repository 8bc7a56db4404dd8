"""Several stems or bodies of one trunk, stacked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..nn._stacking import SideBySide, has_member_axis
from ..trunks import Representation, Staged, StemOutput, StemOutputs, Trunk
from ..utils._random import Streams


class Stems(nn.Module):
    """A stem for each of several networks, with equal initial weights; one for all if it has no parameters.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    streams : Streams
    n_stems : int
        E.
    """

    def __init__(self, trunk: Trunk, streams: Streams, n_stems: int) -> None:
        super().__init__()
        self.n_stems = n_stems
        stems = [trunk.stem(streams) for _ in range(n_stems)]
        self.learns = any(True for _ in stems[0].parameters())
        self.stems: Any = _stack_modules(stems, trunk) if self.learns else stems[0]

    def forward(self, inputs: Mapping[str, Any], chosen: Tensor | None = None) -> Any:
        """Compute the output (..., E, B, ..., W) of all or of the chosen stems; E = 1 if there is one for all."""
        if not self.learns:
            return self.stems(inputs).shared()
        if isinstance(self.stems, SideBySide):
            return self.stems({name: values.unsqueeze(-3) for name, values in inputs.items()}, chosen)
        outputs = [self.stems[i](inputs) for i in _numbers(chosen, self.n_stems)]
        return type(outputs[0]).stack(outputs)


class Bodies(nn.Module):
    """Bodies of one trunk: experts, private networks, networks of tasks.

    If the trunk supports leading axes, the bodies are stacked and computed by batched products; otherwise they are
    computed one by one.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    streams : Streams
    names : sequence of str
        One body for each; the name seeds its initial weights.
    """

    def __init__(self, trunk: Trunk, streams: Streams, names: Sequence[str]) -> None:
        super().__init__()
        self.n_bodies = len(names)
        self.bodies: Any = _stack_modules([trunk.body(streams, name) for name in names], trunk)

    def forward(self, x: StemOutput | StemOutputs, chosen: Tensor | None = None) -> Representation:
        """Compute representations with sample (..., E, B, D) of all bodies, or of the chosen ones.

        Parameters
        ----------
        x : StemOutput with values (..., E, B, ..., W), or StemOutputs
            With E = 1 if all bodies share it.
        chosen : Tensor of int or None, default=None
            Positions of the bodies to compute.
        """
        numbers = _numbers(chosen, self.n_bodies)
        if not isinstance(self.bodies, SideBySide):
            return _stack_representations(
                [self.bodies[i](of_one) for i, of_one in zip(numbers, x.split(len(numbers)), strict=True)]
            )
        sample, token, mask = self.bodies(x, chosen)
        if sample.shape[-3] != len(numbers):  # a body without layers returns its input
            sample = sample.expand(*sample.shape[:-3], len(numbers), *sample.shape[-2:])
        return Representation(sample, token, mask)

    def stages(self) -> Sequence[nn.Module] | None:
        """Return the stages of all bodies, each for tensors (..., E, B, D); None if the bodies have no stages."""
        if isinstance(self.bodies, SideBySide):
            stacked = self.bodies.stacked
            return list(stacked.stages) if isinstance(stacked, Staged) else None
        if not all(isinstance(body, Staged) for body in self.bodies):
            return None
        return [_OneByOne(stages) for stages in zip(*(body.stages for body in self.bodies), strict=True)]


class _OneByOne(nn.Module):
    """One stage of several bodies that do not support leading axes."""

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.expand(len(self.stages), *x.shape[1:])
        return torch.stack([stage(part) for stage, part in zip(self.stages, rows, strict=True)])


def expert_names(n_experts: int) -> list[str]:
    """Return names of experts; the first has the initial weights of the body of hard sharing."""
    return ["body", *(f"body {number}" for number in range(1, n_experts))][:n_experts]


def _stack_modules(modules: Sequence[nn.Module], trunk: Trunk) -> Any:
    return SideBySide(modules) if has_member_axis(trunk) else nn.ModuleList(modules)


def _numbers(chosen: Tensor | None, count: int) -> list[int]:
    return list(range(count)) if chosen is None else chosen.tolist()


def _stack_representations(parts: Sequence[Representation]) -> Representation:
    tokens = [part.token for part in parts if part.token is not None]
    return Representation(
        torch.stack([part.sample for part in parts]),
        torch.stack(tokens) if tokens else None,
        parts[0].token_mask,
    )
