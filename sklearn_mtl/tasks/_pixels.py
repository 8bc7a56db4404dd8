"""Head for labels of pixels, from the positions of a coarser map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..nn._layers import Linear, at_positions


class PixelsHead(nn.Module):
    """A linear layer from each position of a map to the outputs of the pixels that it covers.

    The outputs of a position are a block of pixels, as in sub-pixel convolution [1]_. They have the full
    resolution, even if the trunk pools.

    Parameters
    ----------
    in_features : int
        D.
    n_outputs : int
        K.
    shape : (int, int)
        Height and width of the masks.
    grid : (int, int)
        Height and width of the map.
    generator : torch.Generator
        Source of the initial weights.

    References
    ----------
    .. [1] Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
       Convolutional Neural Network", CVPR 2016.
    """

    def __init__(
        self,
        in_features: int,
        n_outputs: int,
        shape: tuple[int, int],
        grid: tuple[int, int],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.rows, height = covered(shape[0], grid[0])
        self.columns, width = covered(shape[1], grid[1])
        self.block = (height, width, n_outputs)
        self.linear = Linear(in_features, height * width * n_outputs, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map the positions (..., B, H' * W', D) of a map to outputs (..., B, H, W, K)."""
        outputs = at_positions(self.linear, x)
        blocks = outputs.unflatten(-2, self.grid).unflatten(-1, self.block)  # (..., B, H', W', h, w, K)
        pixels = blocks.transpose(-4, -3).flatten(-5, -4).flatten(-3, -2)
        return _take(_take(pixels, self.rows, -3), self.columns, -2)


def covered(size: int, n_positions: int) -> tuple[list[int], int]:
    """Compute the index of each pixel of one axis among the outputs of the positions of a map.

    If the map may come from pooling by two, each position covers a power of two pixels, and the last one the
    rest. Otherwise positions cover parts of equal size, up to rounding.

    Parameters
    ----------
    size : int
        Number of pixels.
    n_positions : int
        Number of positions of the map.

    Returns
    -------
    list of int of length size
        Position times the block, plus the place in the block, of each pixel.
    int
        Block: the largest number of pixels that a position covers.
    """
    power = 1 << (-(-size // n_positions) - 1).bit_length()
    halved = -(-size // power) == n_positions
    positions = [pixel // power if halved else pixel * n_positions // size for pixel in range(size)]
    places = [pixel - positions.index(position) for pixel, position in enumerate(positions)]
    block = max(places) + 1
    return [position * block + place for position, place in zip(positions, places, strict=True)], block


def _take(pixels: Tensor, wanted: list[int], dim: int) -> Tensor:
    if wanted == list(range(len(wanted))):
        return pixels.narrow(dim, 0, len(wanted))
    return pixels.index_select(dim, torch.tensor(wanted, device=pixels.device))
