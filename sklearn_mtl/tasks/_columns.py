"""Head for labels of the columns of an image, from left to right."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..nn._layers import Linear, at_positions


class ColumnsHead(nn.Module):
    """A linear layer on each of L columns of equal width of a map of positions.

    The input of a column is the concatenation of its positions. If the width of the map is not a multiple of L,
    it is the mean over the columns of the map that overlap with it.

    Parameters
    ----------
    in_features : int
        D.
    n_columns : int
        L.
    n_outputs : int
        K.
    grid : (int, int)
        Height and width of the map.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(
        self, in_features: int, n_columns: int, n_outputs: int, grid: tuple[int, int], generator: torch.Generator
    ) -> None:
        super().__init__()
        self.grid, self.n_columns = grid, n_columns
        height, width = grid
        self.positions = height * (width // n_columns if width % n_columns == 0 else 1)
        self.linear = Linear(self.positions * in_features, n_outputs, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map the positions (..., B, H * W, D) of a map to outputs (..., B, L, K)."""
        columns = x.unflatten(-2, self.grid).transpose(-3, -2)  # (..., B, W, H, D)
        if self.grid[1] % self.n_columns == 0:
            columns = columns.unflatten(-3, (self.n_columns, -1)).flatten(-3)
        else:
            columns = _resized(columns.flatten(-2), self.n_columns)
        return at_positions(self.linear, columns)


def _resized(columns: Tensor, n_columns: int) -> Tensor:
    """Average columns (..., W, D) to L columns that overlap as little as possible."""
    flat = columns.flatten(0, -3).transpose(-2, -1)
    return nn.functional.adaptive_avg_pool1d(flat, n_columns).transpose(-2, -1).unflatten(0, columns.shape[:-2])
