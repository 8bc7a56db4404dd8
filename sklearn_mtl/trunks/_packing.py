"""Outputs of several stems, packed in one tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ._base import mean_over_positions


class Part(NamedTuple):
    """Output of a stem for a row.

    Parameters
    ----------
    shape : tuple of int
        Shape for a row; if rows have lengths, the first entry is that of a single row.
    axes : int
        Number of axes before the width.
    has_mask : bool
        Whether rows have lengths, and the last entry of the width is the mask.
    """

    shape: tuple[int, ...]
    axes: int
    has_mask: bool

    @property
    def width(self) -> int:
        """Return the width of the last axis."""
        return self.shape[-1]

    def mean(self, x: Tensor) -> Tensor:
        """Average (..., B, *shape) over the axes between the rows and the width, without padding."""
        return mean_over_positions(x, self.axes, self.has_mask)


def pack(tensors: Sequence[Tensor], parts: Sequence[Part]) -> Tensor:
    """Concatenate outputs of stems, (B, *shape), to (B, total), with the lengths of padded rows first."""
    padded = [x for x, part in zip(tensors, parts, strict=True) if part.has_mask]
    lengths = [x.new_full((len(x), 1), x.shape[1]) for x in padded]
    return torch.cat([*lengths, *(x.flatten(1) for x in tensors)], dim=-1)


def unpack(x: Tensor, parts: Sequence[Part]) -> list[Tensor]:
    """Split (..., B, total) into the outputs of the stems."""
    n_lengths = sum(part.has_mask for part in parts)
    lengths = iter(x.reshape(-1, x.shape[-1])[0, :n_lengths].long().tolist() if n_lengths else ())
    shapes = [(next(lengths), *part.shape[1:]) if part.has_mask else part.shape for part in parts]
    values = x[..., n_lengths:].split([math.prod(shape) for shape in shapes], dim=-1)
    return [value.unflatten(-1, shape) for value, shape in zip(values, shapes, strict=True)]
