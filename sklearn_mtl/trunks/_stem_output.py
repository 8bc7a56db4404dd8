"""Output of stems: values, and the mask of padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class StemOutput(NamedTuple):
    """Output of a stem for B rows: a vector for each row, or for each position of it.

    Parameters
    ----------
    values : Tensor of shape (..., B, positions, W)
        They are 0 in padding.
    n_axes : int, default=0
        Number of axes of positions: 0 for a table, 1 for sequences, 2 for images.
    mask : Tensor of bool of shape (B, L) or None, default=None
        Which steps of sequences are not padding; None if there is no padding.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.trunks import StemOutput
    >>> steps = torch.tensor([[[2.0], [4.0]], [[3.0], [0.0]]])
    >>> StemOutput(steps, 1, torch.tensor([[True, True], [True, False]])).mean()
    tensor([[3., 1.],
            [3., 1.]])
    """

    values: Tensor
    n_axes: int = 0
    mask: Tensor | None = None

    def mean(self) -> Tensor:
        """Return the mean over the positions of each row, (..., B, W).

        With a mask there is one more entry: 1, or 0 for a row without steps.
        """
        if not self.n_axes:
            return self.values
        positions = tuple(range(-1 - self.n_axes, -1))
        if self.mask is None:
            return self.values.mean(dim=positions)
        x = torch.cat([self.values, self.mask.unsqueeze(-1).to(self.values.dtype)], dim=-1)
        return x.sum(dim=positions) / x[..., -1:].sum(dim=positions).clamp(min=1)

    def shared(self) -> StemOutput:
        """Return the output with an axis before the rows, along which several networks share it."""
        return self._replace(values=self.values.unsqueeze(-3 - self.n_axes))

    def split(self, n_networks: int) -> list[StemOutput]:
        """Return the output for each network along the first axis, which may be shared."""
        values = self.values.expand(n_networks, *self.values.shape[1:])
        return [self._replace(values=of_one) for of_one in values]

    @staticmethod
    def stack(outputs: Sequence[StemOutput]) -> StemOutput:
        """Stack the outputs of several networks for the same rows along a first axis."""
        return outputs[0]._replace(values=torch.stack([output.values for output in outputs]))


class StemOutputs(NamedTuple):
    """Outputs of several stems for the same rows; methods are those of `StemOutput`.

    Parameters
    ----------
    parts : tuple of StemOutput
    """

    parts: tuple[StemOutput, ...]

    def mean(self) -> Tensor:
        """Return the concatenated means of the parts, (..., B, W)."""
        return torch.cat([part.mean() for part in self.parts], dim=-1)

    def shared(self) -> StemOutputs:
        """Return the outputs with an axis before the rows, along which several networks share them."""
        return StemOutputs(tuple(part.shared() for part in self.parts))

    def split(self, n_networks: int) -> list[StemOutputs]:
        """Return the outputs for each network along the first axis."""
        return list(map(StemOutputs, zip(*(part.split(n_networks) for part in self.parts), strict=True)))

    @staticmethod
    def stack(outputs: Sequence[StemOutputs]) -> StemOutputs:
        """Stack the outputs of several networks for the same rows along a first axis."""
        return StemOutputs(tuple(map(StemOutput.stack, zip(*(output.parts for output in outputs), strict=True))))
