"""Layers whose initial weights and masks are drawn from generators of the fit.

The same layers work for one network and for a stack: with parameters of shape (M, ...) they take inputs (M, B,
...), and each member computes the same as alone. There may be several leading axes, for instance one of members
and one of experts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute x W^T + b, for one layer or for several stacked ones as one batched product.

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
    x = x.expand(*axes, *x.shape[-2:])  # inputs that all members share
    if len(axes) == 1:
        is_mapped = torch._C._are_functorch_transforms_active()
        return (_MappableAffine if is_mapped else _Affine).apply(x, weight, bias)
    end = len(axes) - 1
    flat = affine(x.flatten(0, end), weight.flatten(0, end), bias.flatten(0, end))
    return flat.unflatten(0, axes)


def at_positions(compute: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a map of vectors (..., N, in) to positions (..., B, L, in), treating each position as a row."""
    return compute(x.flatten(-3, -2)).unflatten(-2, x.shape[-3:-1])


class _Affine(torch.autograd.Function):
    """x W^T + b with a contiguous gradient of W; torch returns a transposed one, which each step would copy."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.baddbmm(bias.unsqueeze(-2), x, weight.transpose(-1, -2))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        by_x, by_weight, by_bias = ctx.needs_input_grad
        return (
            torch.bmm(grad, weight) if by_x else None,
            torch.bmm(grad.transpose(-1, -2), x) if by_weight else None,
            grad.sum(dim=-2) if by_bias else None,
        )


class _MappableAffine(torch.autograd.Function):
    """`_Affine` for `torch.func`, whose form of a function costs as much as a small product."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.baddbmm(bias.unsqueeze(-2), x, weight.transpose(-1, -2))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    backward = staticmethod(_Affine.backward)


class Linear(nn.Linear):
    """Linear layer, initialised like `torch.nn.Linear` from a given generator.

    Parameters
    ----------
    in_features, out_features : int
        Widths.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, in_features: int, out_features: int, generator: torch.Generator) -> None:
        # the constructor of nn.Linear would draw from the global generator
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
    """Uniform random numbers for one network, or for members with separate generators.

    Parameters
    ----------
    generators : sequence of torch.Generator
        One for each different seed.
    members : Tensor of int of shape (M,) or None, default=None
        The generator of each member; None for one network. Members with the same seed draw the same numbers.
    """

    def __init__(self, generators: Sequence[torch.Generator], members: Tensor | None = None) -> None:
        self.generators = generators
        self.members = members
        self.in_order = members is not None and members.tolist() == list(range(len(generators)))

    def like(self, x: Tensor) -> Tensor:
        """Draw numbers from [0, 1) with the shape of x, or a shape that broadcasts to it."""
        shape = self._shape(x)
        draws = torch.empty(len(self.generators), *shape, dtype=x.dtype, device=x.device)
        for row, generator in zip(draws, self.generators, strict=True):
            row.uniform_(generator=generator)
        return self._of_members(draws)

    def kept(self, x: Tensor, p: float | Tensor) -> Tensor:
        """Draw 0 with probability p and otherwise 1, with the shape and dtype of x."""
        if x.device.type == "cpu":
            # bool to float through int8 takes a third of the time
            return (self._bits(self._shape(x)) >= _threshold(p)).view(torch.int8).to(x.dtype)
        return (self.like(x) >= p).to(x.dtype)

    def _bits(self, shape: torch.Size) -> Tensor:
        """Draw 16-bit integers on the CPU, in a third of the time of floats."""
        n = math.prod(shape)
        words = torch.empty(len(self.generators), -(-n // 4), dtype=torch.int64)
        for row, generator in zip(words, self.generators, strict=True):
            row.random_(-(2**63), None, generator=generator)
        return self._of_members(words.view(torch.int16)[:, :n].view(-1, *shape))

    def _shape(self, x: Tensor) -> torch.Size:
        return x.shape if self.members is None else x.shape[1:]

    def _of_members(self, draws: Tensor) -> Tensor:
        return draws[0] if len(draws) == 1 else draws if self.in_order else draws[self.members]


class DrawsAtRandom:
    """Base class, beside `torch.nn.Module`, of modules that draw random numbers.

    Attributes
    ----------
    draws : Draws or None
        Random numbers, which the trainer sets at the start of each epoch; None outside of training.
    """

    draws: Draws | None = None

    @property
    def draws_at_random(self) -> bool:
        """Whether it uses random numbers in training."""
        return True


class Dropout(DrawsAtRandom, nn.Module):
    """Dropout with random numbers that the trainer sets at the start of each epoch.

    Parameters
    ----------
    p : float, default=0.5
        Probability of zeroing an element; a Tensor (M, 1, 1) if members differ in it.
    """

    def __init__(self, p: float | Tensor = 0.5) -> None:
        super().__init__()
        self.p = p

    @property
    def draws_at_random(self) -> bool:
        return isinstance(self.p, Tensor) or self.p != 0.0

    def forward(self, x: Tensor) -> Tensor:
        mask = self.mask(x)
        return x if mask is None else x * mask

    def mask(self, x: Tensor) -> Tensor | None:
        """Draw the factors of x; return None if x stays unchanged."""
        if not self.training or not self.draws_at_random:
            return None
        if self.draws is None:
            raise RuntimeError("Dropout has no random numbers; call set_draws before the forward pass.")
        p = self.p.view(-1, *(1,) * (x.dim() - 1)) if isinstance(self.p, Tensor) else self.p
        return self.draws.kept(x, p).div_(1 - p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def _threshold(p: float | Tensor) -> int | Tensor:
    """Return the threshold below which uniform 16-bit integers are with probability p."""
    if isinstance(p, Tensor):
        return ((p * 2**16).round() - 2**15).clamp(max=2**15 - 1).to(torch.int16)
    return min(round(p * 2**16) - 2**15, 2**15 - 1)


def set_draws(module: nn.Module, generator: torch.Generator | Draws | None) -> None:
    """Set the random numbers of every `DrawsAtRandom` in a module."""
    draws = Draws([generator]) if isinstance(generator, torch.Generator) else generator
    for layer in module.modules():
        if isinstance(layer, DrawsAtRandom):
            layer.draws = draws
