"""Layers for images, for one network or several stacked ones.

Stacked networks share one tensor of maps (B, nets * C, H, W), in which the channels of each network are a group.
So one grouped convolution computes all of them, and channelwise layers like pooling need no change. Parameters
have the leading axes of the networks, like those of `Linear`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def into_channels(images: Tensor, axes: Sequence[int]) -> Tensor:
    """Put images (..., B, H, W, C) into one tensor of maps (B, groups * C, H, W).

    Parameters
    ----------
    images : Tensor of shape (..., B, H, W, C)
        With leading axes that broadcast to those of the networks.
    axes : sequence of int
        The leading axes of the networks, () for one network.

    Returns
    -------
    Tensor of shape (B, groups * C, H, W)
        Networks with shared images share a group.
    """
    leading = (1,) * (len(axes) + 4 - images.dim()) + images.shape[:-4]
    # images that the networks of the last axes share are stored once: one convolution reads them for all
    kept = max((position + 1 for position, size in enumerate(leading) if size != 1), default=0)
    images = images.reshape(*leading[:kept], *images.shape[-4:]).expand(*axes[:kept], *images.shape[-4:])
    if not kept:
        return images.permute(0, 3, 1, 2)
    return images.flatten(0, kept - 1).permute(1, 0, 4, 2, 3).flatten(1, 2)


def out_of_channels(maps: Tensor, axes: Sequence[int]) -> Tensor:
    """View maps (B, nets * C, H, W) as (..., B, C, H, W), with the leading axes of the networks."""
    if not axes:
        return maps
    apart = maps.unflatten(1, (*axes, -1))
    return apart.movedim(0, len(axes))


class Conv2d(nn.Module):
    """Convolution that keeps height and width, initialised like `torch.nn.Conv2d` from a given generator.

    Parameters
    ----------
    in_channels, out_channels : int
        Number of channels.
    kernel_size : (int, int)
        Odd height and width of the kernel.
    generator : torch.Generator
        Source of the initial weights.
    bias : bool, default=True
        Whether to add a bias.
    """

    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        generator: torch.Generator,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.padding = (kernel_size[0] // 2, kernel_size[1] // 2)
        bound = 1 / math.sqrt(in_channels * math.prod(kernel_size))
        weight = torch.empty(out_channels, in_channels, *kernel_size)
        self.weight = nn.Parameter(weight.uniform_(-bound, bound, generator=generator))
        offset = torch.empty(out_channels).uniform_(-bound, bound, generator=generator) if bias else None
        self.register_parameter("bias", None if offset is None else nn.Parameter(offset))

    @property
    def axes(self) -> tuple[int, ...]:
        """Return the leading axes of the networks; () for one network."""
        return tuple(self.weight.shape[:-4])

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, groups * in, H, W), as from `into_channels`, to (B, nets * out, H, W)."""
        weight: Tensor = self.weight
        bias = self.bias
        groups = maps.shape[1] // weight.shape[-3]
        if weight.dim() > 4:
            weight, bias = weight.flatten(0, -4), None if bias is None else bias.flatten()
        return nn.functional.conv2d(maps, weight, bias, padding=self.padding, groups=groups)

    def extra_repr(self) -> str:
        *_, n_out, n_in, height, width = self.weight.shape
        return f"{n_in}, {n_out}, kernel_size=({height}, {width}), bias={self.bias is not None}"


class GroupNorm(nn.Module):
    """Group normalisation: standardise groups of channels of each image, then scale and shift each channel.

    Parameters
    ----------
    n_channels : int
        C.
    n_groups : int
        A divisor of the number of channels.

    References
    ----------
    .. [1] Wu and He, "Group Normalization", ECCV 2018.
    """

    EPSILON = 1e-5

    def __init__(self, n_channels: int, n_groups: int) -> None:
        super().__init__()
        self.n_groups = n_groups
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))

    def forward(self, maps: Tensor) -> Tensor:
        n_groups = self.n_groups * math.prod(self.weight.shape[:-1])
        n_rows, n_channels, height, width = maps.shape
        if maps.device.type != "cpu":  # only the CPU kernel supports channels-last memory
            maps = maps.contiguous()
        # nn.functional.group_norm reads the memory format, which torch.func.vmap does not support
        weight, bias = self.weight.flatten(), self.bias.flatten()
        sizes = (n_rows, n_channels, height * width, n_groups)
        return torch.native_group_norm(maps, weight, bias, *sizes, self.EPSILON)[0]

    def extra_repr(self) -> str:
        return f"{self.weight.shape[-1]}, n_groups={self.n_groups}"
