"""Layers whose initial weights and masks come from generators that a fit owns.

They are written once for one network and for many side by side: with parameters of shape (M, ...) they take
inputs (M, B, ...), and member m computes what it would alone. There may be several leading axes, for instance
one of members and one of the experts of each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute x W^T + b, for one map or for several side by side as one batched product.

    Parameters
    ----------
    x : Tensor of shape (..., B, in), with leading axes that broadcast to those of the weight
    weight : Tensor of shape (..., out, in)
    bias : Tensor of shape (..., out)

    Returns
    -------
    Tensor of shape (..., B, out)
    """
    if weight.dim() == 2:
        return nn.functional.linear(x, weight, bias)
    axes = weight.shape[:-2]
    x = x.expand(*axes, *x.shape[-2:])  # inputs that all of them share
    if len(axes) == 1:
        return torch.baddbmm(bias.unsqueeze(-2), x, weight.transpose(-1, -2))
    end = len(axes) - 1
    flat = affine(x.flatten(0, end), weight.flatten(0, end), bias.flatten(0, end))
    return flat.unflatten(0, axes)


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
        # nn.Linear's own constructor would draw from the global generator
        nn.Module.__init__(self)
        self.in_features = in_features
        self.out_features = out_features
        bound = 1 / math.sqrt(in_features) if in_features else 0.0
        weight = torch.empty(out_features, in_features)
        bias = torch.empty(out_features)
        self.weight = nn.Parameter(weight.uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(bias.uniform_(-bound, bound, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        return affine(x, self.weight, self.bias)


class Draws:
    """Uniform random numbers for one network, or for members that have generators of their own.

    Parameters
    ----------
    generators : sequence of torch.Generator
        One for each different seed.
    members : Tensor of int of shape (M,) or None, default=None
        Which generator each member draws from; None for one network. Members of one seed draw the same.
    """

    def __init__(self, generators: Sequence[torch.Generator], members: Tensor | None = None) -> None:
        self.generators = generators
        self.members = members

    def like(self, x: Tensor) -> Tensor:
        """Draw numbers from [0, 1) of the shape of x, or of a shape that broadcasts to it."""
        shape = x.shape if self.members is None else x.shape[1:]
        draws = [torch.rand(shape, generator=g, dtype=x.dtype, device=x.device) for g in self.generators]
        return draws[0] if len(draws) == 1 else torch.stack(draws)[self.members]


class Dropout(nn.Module):
    """Dropout whose masks come from random numbers that the trainer sets at the start of each epoch.

    Parameters
    ----------
    p : float, default=0.5
        Probability of an element to be zeroed; a Tensor (M, 1, 1) where members differ in it.
    """

    def __init__(self, p: float | Tensor = 0.5) -> None:
        super().__init__()
        self.p = p
        self.draws: Draws | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or (not isinstance(self.p, Tensor) and self.p == 0.0):
            return x
        if self.draws is None:
            raise RuntimeError("Dropout has no random numbers: set_draws was not called.")
        p = self.p.view(-1, *(1,) * (x.dim() - 1)) if isinstance(self.p, Tensor) else self.p
        keep = (self.draws.like(x) >= p).to(x.dtype)
        return x * (keep / (1 - p))

    def extra_repr(self) -> str:
        return f"p={self.p}"


def set_draws(module: nn.Module, generator: torch.Generator | Draws | None) -> None:
    """Give every `Dropout` in a module, and whatever else has ``draws``, the random numbers that it uses."""
    draws = Draws([generator]) if isinstance(generator, torch.Generator) else generator
    layers: Iterator[Any] = module.modules()
    for layer in layers:
        if hasattr(layer, "draws"):
            layer.draws = draws
