"""A network with penalties on its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..architectures import Network, NetworkWrapper, Outputs
from ..penalties import Penalty, WeightPenalty


class Regularized(NetworkWrapper):
    """A network that adds penalties on the weights of its heads to the objective.

    Parameters
    ----------
    network : Network
    penalties : sequence of WeightPenalty
    """

    strengths: Tensor

    def __init__(self, network: Network, penalties: Sequence[WeightPenalty]) -> None:
        super().__init__(network)
        self.penalties = list(penalties)
        # a tensor, so that each stacked member has its own strengths
        strengths = torch.tensor([float(penalty.strength) for penalty in penalties], dtype=torch.float64)
        self.register_buffer("strengths", strengths, persistent=False)

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        return self._with_penalty(self.network(inputs, tasks))

    def forward_cut(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        return self._with_penalty(self.network.forward_cut(inputs, tasks))

    def _with_penalty(self, outputs: Outputs) -> Outputs:
        if not self.training:
            return outputs
        weights = self.network.head_weights()
        values = torch.stack([penalty.value(weights) for penalty in self.penalties], dim=-1)
        return outputs.with_penalty((self.strengths * values).sum(dim=-1))


def regularize(network: Network, penalties: Sequence[Penalty]) -> Network:
    """Apply penalties to a network.

    Raises
    ------
    ValueError
        If a penalty does not support the network.
    """
    for penalty in penalties:
        noise = penalty.noise()
        if noise is not None:
            try:
                network.add_noise(noise)
            except TypeError as error:
                raise ValueError(f"penalties has {penalty!r}: {error}") from error
    on_weights = [penalty for penalty in penalties if isinstance(penalty, WeightPenalty)]
    if on_weights and not network.head_weights():
        raise ValueError(f"penalties has {on_weights[0]!r}, but the network has no linear heads.")
    return Regularized(network, on_weights) if on_weights else network
