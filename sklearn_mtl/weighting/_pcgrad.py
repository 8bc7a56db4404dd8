"""Projecting conflicting gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..utils._random import lend_global_generator
from ._base import WeightingModule
from ._gramian import GramianModule, GramianWeighting, Solver, torchjd


class PCGrad(GramianWeighting):
    r"""Remove from each task's gradient its conflicting components, one by one in random order [1]_.

    Where :math:`\langle g_i, g_j \rangle < 0`, :math:`g_i` becomes :math:`g_i - \langle g_i, g_j \rangle /
    \|g_j\|^2 \, g_j`. Solved by TorchJD [2]_, which the extra "balancing" installs. TorchJD draws the order from
    the global generator, whose state is restored afterwards.

    Parameters
    ----------
    grad_at : {"representation", "trunk"}, default="representation"
        Where the gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.

    References
    ----------
    .. [1] Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020.
    .. [2] TorchJD, https://torchjd.org.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(weighting="pcgrad")
    MultiTaskNetEstimator(weighting='pcgrad')
    """

    def __init__(self, grad_at: str = "representation", every: int = 1) -> None:
        self.grad_at = grad_at
        self.every = every

    def solver(self) -> Solver:
        return torchjd("PCGradWeighting", self)

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        return _PCGrad(len(tasks), self.solver(), self.every)


class _PCGrad(GramianModule):
    def random_numbers(self) -> Any:
        seed = 0
        if self.draws is not None:
            generator = self.draws.generators[0]
            seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
        return lend_global_generator(seed)
