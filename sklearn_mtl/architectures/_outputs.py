"""The outputs of a network, by task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from ._cuts import Cut


class Outputs(Mapping[str, Tensor]):
    """Outputs (..., B, K) by task; outputs from one product stay concatenated.

    A loss over the columns of several tasks uses the concatenated tensor. It is split only if the output of a
    single task is requested.

    Parameters
    ----------
    blocks : sequence of (sequence of str, sequence of int, Tensor)
        Tasks, their widths K, and their concatenated outputs, (..., B, sum of K).
    penalty : Tensor of shape (...) or None, default=None
        Term that the network adds to the objective in training.
    cut : Cut or None, default=None
        Where gradients of tasks are compared.
    """

    def __init__(
        self,
        blocks: Sequence[tuple[Sequence[str], Sequence[int], Tensor]],
        penalty: Tensor | None = None,
        cut: Cut | None = None,
    ) -> None:
        self._blocks = blocks
        self.penalty = penalty
        self.cut = cut

    @classmethod
    def of(cls, outputs: Mapping[str, Tensor], penalty: Tensor | None = None) -> Outputs:
        """Combine outputs by task."""
        return cls([([name], [output.shape[-1]], output) for name, output in outputs.items()], penalty)

    def with_more(self, other: Outputs) -> Outputs:
        """Add the outputs of other tasks."""
        return Outputs([*self._blocks, *other._blocks], self.penalty, self.cut)

    def with_penalty(self, penalty: Tensor | None) -> Outputs:
        """Add a term to the penalty of the network."""
        if self.penalty is not None and penalty is not None:
            penalty = self.penalty + penalty
        return Outputs(self._blocks, self.penalty if penalty is None else penalty, self.cut)

    def with_mean_penalty(self) -> Outputs:
        """Average the penalties of the members of an ensemble."""
        return Outputs(self._blocks, None if self.penalty is None else self.penalty.mean(), self.cut)

    def side_by_side(self, names: Sequence[str]) -> Tensor:
        """Return the outputs of some tasks as one tensor (..., B, sum of their K)."""
        for tasks, _, tensor in self._blocks:
            if list(tasks) == list(names):
                return tensor
        return torch.cat([self[name] for name in names], dim=-1)

    @cached_property
    def _by_task(self) -> dict[str, Tensor]:
        return {
            name: part
            for names, widths, tensor in self._blocks
            for name, part in zip(names, tensor.split(list(widths), dim=-1), strict=True)
        }

    def __getitem__(self, name: str) -> Tensor:
        return self._by_task[name]

    def __iter__(self) -> Iterator[str]:
        return (name for names, _, _ in self._blocks for name in names)

    def __len__(self) -> int:
        return sum(len(names) for names, _, _ in self._blocks)
