"""Dynamic weight average."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from ..utils._params import Interval
from ._base import Weighting, WeightingModule


class DynamicWeightAverage(Weighting):
    r"""Weight tasks by how slowly their losses fall from epoch to epoch [1]_.

    :math:`T \, softmax_t(r_t / \tau)` with :math:`r_t = L_t(e - 1) / L_t(e - 2)`, the ratio of the mean losses of
    the last two epochs; 1 in the first two. A task without a label in an epoch keeps its ratio. Task weights
    multiply it.

    Parameters
    ----------
    temperature : float > 0, default=2.0
        :math:`\tau`; higher values give more uniform weights.

    References
    ----------
    .. [1] Liu, Johns and Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(weighting="dynamic_weight_average")
    MultiTaskNetEstimator(weighting='dynamic_weight_average')
    """

    not_stackable = None

    _parameter_constraints: dict = {"temperature": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, temperature: float = 2.0) -> None:
        self.temperature = temperature

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        return _DynamicWeightAverage(len(tasks), self.temperature)


class _DynamicWeightAverage(WeightingModule):
    last: Tensor
    ratio: Tensor

    def __init__(self, n_tasks: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.register_buffer("last", torch.full((n_tasks,), torch.nan))
        self.register_buffer("ratio", torch.ones(n_tasks))

    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        return self.ratio.shape[-1] * torch.softmax(self.ratio / self.temperature, dim=-1)

    def after_epoch(self, losses: Tensor) -> None:
        ratio = losses / self.last
        self.ratio.copy_(torch.where(torch.isfinite(ratio), ratio, self.ratio))
        self.last.copy_(torch.where(torch.isnan(losses), self.last, losses))
