"""Layers whose initial weights and masks come from generators that a fit owns."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Linear(nn.Linear):
    """Affine map, initialised as `torch.nn.Linear` is, from a generator of its own.

    Parameters
    ----------
    in_features, out_features : int
        Widths.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, in_features: int, out_features: int, generator: torch.Generator) -> None:
        # skip_init leaves the weights empty: nothing is drawn from the global generator
        nn.Module.__init__(self)
        self.in_features = in_features
        self.out_features = out_features
        bound = 1 / math.sqrt(in_features) if in_features else 0.0
        weight = torch.empty(out_features, in_features)
        bias = torch.empty(out_features)
        self.weight = nn.Parameter(weight.uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(bias.uniform_(-bound, bound, generator=generator))


class Dropout(nn.Module):
    """Dropout whose masks come from a generator that the trainer sets at the start of each epoch.

    Parameters
    ----------
    p : float, default=0.5
        Probability of an element to be zeroed.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * keep.div_(1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def set_dropout_generator(module: nn.Module, generator: torch.Generator | None) -> None:
    """Give every `Dropout` in a module the generator that it draws its masks from."""
    for layer in module.modules():
        if isinstance(layer, Dropout):
            layer.generator = generator
