"""Rows of different lengths, concatenated in one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class RaggedRows:
    """Rows of different lengths that are padded batch by batch.

    Parameters
    ----------
    values : Tensor of shape (n_positions, ...)
        The concatenated positions of all rows.
    lengths : Tensor of int of shape (n_rows,)
        Number of positions of each row.
    """

    def __init__(self, values: Tensor, lengths: Tensor) -> None:
        self.values = values
        self.lengths = lengths
        self.starts = lengths.cumsum(0) - lengths

    @classmethod
    def of(cls, rows: Sequence[np.ndarray]) -> RaggedRows:
        """Concatenate arrays (L_i, ...)."""
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        return cls(torch.from_numpy(np.concatenate(list(rows))), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def nbytes(self) -> int:
        """Return the bytes of the values."""
        return self.values.nbytes

    def to(self, *args: object) -> RaggedRows:
        """Move or cast the values, and move the lengths."""
        values = self.values.to(*args)  # type: ignore[call-overload]
        return RaggedRows(values, self.lengths.to(values.device))

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """Return rows as one tensor (B, L, ...), padded with zeros, where L is the longest length, at least 1."""
        return self.padded(rows)

    def padded(self, rows: Tensor | slice, length: int | None = None) -> Tensor:
        """Return rows as one tensor (B, length, ...), padded with zeros."""
        lengths, starts = self.lengths[rows], self.starts[rows]
        longest = max(1, int(lengths.max())) if length is None and len(lengths) else (length or 0)
        if not len(self.values):
            return self.values.new_zeros(len(lengths), longest, *self.values.shape[1:])
        steps = torch.arange(longest, device=self.values.device)
        there = steps < lengths[:, None]
        positions = torch.where(there, starts[:, None] + steps, 0)
        picked = self.values[positions]
        return torch.where(there.view(*there.shape, *(1,) * (picked.dim() - 2)), picked, 0)

    def flat(self, rows: Tensor) -> Tensor:
        """Return the concatenated positions of rows, (n_positions, ...)."""
        lengths = self.lengths[rows]
        first = torch.repeat_interleave(self.starts[rows] - (lengths.cumsum(0) - lengths), lengths)
        return self.values[first + torch.arange(len(first), device=first.device)]
