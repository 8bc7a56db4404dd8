"""Smooth Tchebycheff scalarisation."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from ..utils._params import Interval
from ._base import Weighting, WeightingModule, count_present, softmax_present


class STCH(Weighting):
    r"""Minimise a smooth maximum of the losses: the worst task has the largest weight [1]_.

    :math:`T \mu \log \sum_t \exp((L_t - z^*) / \mu)`, whose weights are
    :math:`T \, softmax_t((L_t - z^*) / \mu)` over the T tasks with a label in the batch. Task weights multiply
    them.

    Parameters
    ----------
    mu : float > 0, default=1.0
        :math:`\mu`; near 0 only the worst task counts, and higher values give more uniform weights.
    ideal : float, default=0.0
        :math:`z^*`, a lower bound of all losses.

    References
    ----------
    .. [1] Lin et al., "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", ICML 2024.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.weighting import STCH
    >>> module = STCH(mu=0.1).build({"a": None, "b": None})
    >>> weights = module(torch.tensor([0.2, 1.2]), torch.tensor([True, True]), None)
    >>> bool(weights[1] > 1.99)
    True
    """

    not_stackable = None

    _parameter_constraints: dict = {
        "mu": [Interval(Real, 0, None, closed="neither")],
        "ideal": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(self, mu: float = 1.0, ideal: float = 0.0) -> None:
        self.mu = mu
        self.ideal = ideal

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        return _STCH(self.mu, self.ideal)


class _STCH(WeightingModule):
    def __init__(self, mu: float, ideal: float) -> None:
        super().__init__()
        self.mu, self.ideal = mu, ideal

    @torch.no_grad()
    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        return count_present(present) * softmax_present((losses - self.ideal) / self.mu, present)
