"""The outputs of a network, by task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from ..nn._adaptive import AdaptiveOutputs, KnownLosses
from ..nn._layers import affine
from ..nn._pairs import Pairs, pair_outputs
from ._cuts import Cut


class Product:
    """Outputs x W^T + b of linear heads that read one representation, computed as far as they are asked for.

    Parameters
    ----------
    x : Tensor of shape (..., B, D)
    weight : Tensor of shape (..., K, D)
    bias : Tensor of shape (..., K)
    """

    def __init__(self, x: Tensor, weight: Tensor, bias: Tensor) -> None:
        self.x, self.weight, self.bias = x, weight, bias

    @cached_property
    def all(self) -> Tensor:
        """The outputs (..., B, K)."""
        return affine(self.x, self.weight, self.bias)

    def at(self, pairs: Pairs, columns: slice) -> Tensor:
        """Return the outputs (..., n_pairs) of pairs of a row and one of some columns."""
        if "all" in self.__dict__ or self.weight.dim() > 2 or self.x.dim() > 2:
            return self.all[..., columns][..., pairs.row, pairs.column]
        if columns.stop - columns.start == len(self.weight):
            return pair_outputs(self.x, self.weight, self.bias, pairs)
        return pair_outputs(self.x, self.weight[columns], self.bias[columns], pairs)


class KnownPairs:
    """Outputs (..., n_pairs) of the labelled pairs of some tasks, computed before.

    Parameters
    ----------
    values : Tensor
    """

    def __init__(self, values: Tensor) -> None:
        self.values = values

    @property
    def all(self) -> Tensor:
        """The outputs of all pairs, which were not computed."""
        raise TypeError("only the outputs of labelled pairs are known.")

    def at(self, pairs: Pairs, columns: slice) -> Tensor:
        """Return the outputs of the pairs."""
        return self.values


#: outputs of some tasks, computed or not
Values = Tensor | Product | KnownPairs | AdaptiveOutputs | KnownLosses


class Outputs(Mapping[str, Tensor]):
    """Outputs (..., B, K) by task; outputs from one product stay concatenated.

    A loss over the columns of several tasks uses the concatenated tensor. It is split only if the output of a
    single task is requested. A loss over few labels of many tasks asks for their outputs only.

    Parameters
    ----------
    blocks : sequence of (sequence of str, sequence of int, Tensor, Product or AdaptiveOutputs)
        Tasks, their widths K, and their concatenated outputs, (..., B, sum of K).
    penalty : Tensor of shape (...) or None, default=None
        Term that the network adds to the objective in training.
    cut : Cut or None, default=None
        Where gradients of tasks are compared.
    """

    def __init__(
        self,
        blocks: Sequence[tuple[Sequence[str], Sequence[int], Values]],
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

    @classmethod
    def of_pairs(cls, found: Sequence[tuple[Sequence[str], Tensor]], others: Mapping[str, Tensor]) -> Outputs:
        """Combine outputs of the labelled pairs of groups of tasks, (..., n_pairs), with those of other tasks."""
        blocks = [(names, [1] * len(names), KnownPairs(values)) for names, values in found]
        return cls([*blocks, *cls.of(others)._blocks])

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
        """Return the outputs of some tasks as one tensor (..., B, sum of their K).

        Those of very many classes are an `AdaptiveOutputs`, which computes losses without them.
        """
        for tasks, _, values in self._blocks:
            if list(tasks) == list(names):
                computes_losses = isinstance(values, AdaptiveOutputs | KnownLosses)
                return values if computes_losses else _whole(values)  # type: ignore[return-value]
        return torch.cat([self[name] for name in names], dim=-1)

    def at(self, names: Sequence[str], pairs: Pairs) -> Tensor:
        """Return the outputs (..., n_pairs) of pairs of a row and one of some tasks of width 1, by its number."""
        for tasks, widths, values in self._blocks:
            if isinstance(values, Product | KnownPairs) and names[0] in tasks:
                first = list(tasks).index(names[0])
                if list(tasks[first : first + len(names)]) == list(names):
                    start = sum(widths[:first])
                    return values.at(pairs, slice(start, start + len(names)))
        return self.side_by_side(names)[..., pairs.row, pairs.column]

    def whole_blocks(self, only_best: bool = False) -> list[tuple[Sequence[str], Sequence[int], Tensor]]:
        """Return the blocks, of which each is computed.

        With ``only_best``, blocks of very many classes have two columns: the most probable class, and its log
        probability.
        """
        return [
            (names, [2], values.best())
            if only_best and isinstance(values, AdaptiveOutputs)
            else (names, widths, _whole(values))
            for names, widths, values in self._blocks
        ]

    @cached_property
    def _by_task(self) -> dict[str, Tensor]:
        return {
            name: part
            for names, widths, values in self._blocks
            if not isinstance(values, AdaptiveOutputs | KnownLosses)
            for name, part in zip(names, _whole(values).split(list(widths), dim=-1), strict=True)
        }

    def __getitem__(self, name: str) -> Tensor:
        for names, _, values in self._blocks:
            if isinstance(values, AdaptiveOutputs) and name in names:
                return values.all
        return self._by_task[name]

    def __iter__(self) -> Iterator[str]:
        return (name for names, _, _ in self._blocks for name in names)

    def __len__(self) -> int:
        return sum(len(names) for names, _, _ in self._blocks)


def _whole(values: Values) -> Tensor:
    return values if isinstance(values, Tensor) else values.all
