"""Homoscedastic uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from ..utils._params import Interval
from ._adam import TaskAdam
from ._base import StepRecord, Weighting, WeightingModule


class Uncertainty(Weighting):
    r"""Weight each task by the learned noise of its labels [1]_.

    With :math:`s_t = \log \sigma_t^2` it minimises :math:`\frac{1}{2} e^{-s_t} L_t + \frac{1}{2} s_t` for a
    regression and :math:`e^{-s_t} L_t + \frac{1}{2} s_t` for a classification. The :math:`s_t` may become
    negative; they have a separate Adam optimiser without weight decay. Task weights multiply the weight of the
    loss; the noise is learned as if they were 1.

    Parameters
    ----------
    learning_rate : float > 0, default=0.01
        Step size of the :math:`s_t`.

    References
    ----------
    .. [1] Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry
       and Semantics", CVPR 2018.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(weighting="uncertainty")
    MultiTaskNetEstimator(weighting='uncertainty')
    """

    not_stackable = None

    _parameter_constraints: dict = {"learning_rate": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, learning_rate: float = 0.01) -> None:
        self.learning_rate = learning_rate

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        factors = [0.5 if getattr(task, "is_regression", False) else 1.0 for task in tasks.values()]
        return _Uncertainty(factors, self.learning_rate)


class _Uncertainty(WeightingModule):
    log_variance: Tensor
    factors: Tensor

    def __init__(self, factors: list[float], learning_rate: float) -> None:
        super().__init__()
        self.register_buffer("factors", torch.tensor(factors))
        self.register_buffer("log_variance", torch.zeros(len(factors)))
        self.adam = TaskAdam(len(factors), learning_rate)

    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        return self.factors * torch.exp(-self.log_variance)

    def after_step(self, step: StepRecord) -> None:
        gradient = 0.5 - self.factors * torch.exp(-self.log_variance) * step.losses
        self.adam.step(self.log_variance, gradient, step.present_or_all)
