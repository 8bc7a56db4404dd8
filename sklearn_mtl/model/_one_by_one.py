"""Networks that are computed one after the other, as one network with a member axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..architectures import Network, Outputs
from ..trunks import Representation
from ._objective import Objective


class OneByOne(Network):
    """M networks of one structure that cannot be stacked; ``forward`` returns the outputs (M, B, K) of all.

    Parameters
    ----------
    networks : iterable of Network
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.representation_width = self.each[0].representation_width

    @property
    def each(self) -> list[Network]:
        """The networks."""
        return list(self.networks)  # type: ignore[arg-type]

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        outputs = [network(inputs, tasks) for network in self.each]
        penalties = [output.penalty for output in outputs if output.penalty is not None]
        by_task = {name: torch.stack([output[name] for output in outputs]) for name in tasks}
        return Outputs.of(by_task, torch.stack(penalties) if penalties else None)

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return Representation(torch.stack([network.represent(inputs).sample for network in self.each]))

    def shared_parameters(self) -> list[nn.Parameter]:
        return [parameter for network in self.each for parameter in network.shared_parameters()]

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        gates = [network.gate_weights(inputs, tasks) for network in self.each]
        return {name: torch.stack([by_task[name] for by_task in gates]) for name in gates[0]}

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        return self.each[0].gate_names(task)

    def freeze(self, frozen: bool) -> None:
        for network in self.each:
            network.freeze(frozen)

    def take_over(self, state: Mapping[str, Tensor]) -> None:
        for member, network in enumerate(self.each):
            network.take_over({name: tensor[member] for name, tensor in state.items()})

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Return the tensors (M, ...) by the names of one network."""
        states = [network.state_dict() for network in self.each]
        return {name: torch.stack([state[name] for state in states]) for name in states[0]}

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Load tensors (M, ...) by the names of one network."""
        for member, network in enumerate(self.each):
            network.load_state_dict({name: tensor[member] for name, tensor in state_dict.items()})


class ObjectivesOneByOne(nn.Module):
    """The objectives of M networks that cannot be stacked, each with its own weighting.

    Parameters
    ----------
    objectives : iterable of Objective
        Objectives of the same tasks.
    """

    def __init__(self, objectives: Iterable[Objective]) -> None:
        super().__init__()
        self.objectives = nn.ModuleList(objectives)

    @property
    def each(self) -> list[Objective]:
        """The objectives."""
        return list(self.objectives)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        """Return an attribute that is equal for all objectives, such as the names of the tasks."""
        if name in ("names", "tasks", "groups", "score_weights", "taken_out"):
            return getattr(self.each[0], name)
        return super().__getattr__(name)

    @property
    def weighting(self) -> nn.ModuleList:
        """The modules of the weightings."""
        return nn.ModuleList([objective.weighting for objective in self.each])

    def take_out(self, names: Sequence[str]) -> None:
        """Stop training these tasks, and train all others."""
        for objective in self.each:
            objective.take_out(names)

    def after_epoch(self, means: np.ndarray) -> None:
        """Let each weighting learn from the mean losses (M, T) of an epoch."""
        for objective, row in zip(self.each, means, strict=True):
            objective.after_epoch(row)
