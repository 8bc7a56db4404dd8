"""The outputs of a network, by task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor


class Outputs(Mapping[str, Tensor]):
    """Outputs (..., B, K) by task, some of which one product made side by side.

    A loss that takes the columns of several tasks at once gets them as the product left them; they are cut
    apart only if someone asks for the output of one task.

    Parameters
    ----------
    blocks : sequence of (sequence of str, sequence of int, Tensor)
        Tasks, their widths K, and their outputs side by side, (..., B, sum of K).
    """

    def __init__(self, blocks: Sequence[tuple[Sequence[str], Sequence[int], Tensor]]) -> None:
        self._blocks = blocks

    def side_by_side(self, names: Sequence[str]) -> Tensor:
        """Give the outputs of some tasks as one tensor (..., B, sum of their K)."""
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
