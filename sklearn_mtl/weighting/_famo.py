"""Fast adaptive multitask optimisation."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from ..utils._params import Interval
from ._adam import TaskAdam
from ._base import StepRecord, Weighting, WeightingModule, count_present, softmax_present

# Lower bound of a loss, so that its logarithm is finite.
SMALLEST = 1e-6


class FAMO(Weighting):
    r"""Decrease all losses at the same rate, learned from their change in the last step [1]_.

    With :math:`z = softmax(\xi)` it minimises :math:`c \sum_t z_t \log L_t`, where c makes the weights :math:`c
    z_t / L_t` sum to T. After the step, :math:`\xi` follows the change of the log losses of the same batch, which
    costs another forward pass. Only tasks with a label in the batch take part. Task weights multiply the weights.

    Parameters
    ----------
    learning_rate : float > 0, default=0.025
        Step size of :math:`\xi`.
    weight_decay : float >= 0, default=1e-3
        Decay of :math:`\xi`.

    References
    ----------
    .. [1] Liu et al., "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(weighting="famo")
    MultiTaskNetEstimator(weighting='famo')
    """

    not_stackable = None

    _parameter_constraints: dict = {
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, learning_rate: float = 0.025, weight_decay: float = 1e-3) -> None:
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        return _FAMO(len(tasks), self.learning_rate, self.weight_decay)


class _FAMO(WeightingModule):
    looks_twice = True

    logits: Tensor

    def __init__(self, n_tasks: int, learning_rate: float, weight_decay: float) -> None:
        super().__init__()
        self.register_buffer("logits", torch.zeros(n_tasks))
        self.adam = TaskAdam(n_tasks, learning_rate, weight_decay)

    @torch.no_grad()
    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        shares = softmax_present(self.logits, present) / losses.clamp(min=SMALLEST)
        total = shares.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(losses.dtype).tiny)
        return count_present(present) * shares / total

    def after_step(self, step: StepRecord) -> None:
        assert step.losses_after is not None
        # the losses of an absent task are 0, so their change is 0
        fall = (step.losses.clamp(min=SMALLEST) / step.losses_after.clamp(min=SMALLEST)).log_()
        z = softmax_present(self.logits, step.present)
        # the gradient of softmax(logits) . fall
        gradient = z * (fall - (z * fall).sum(dim=-1, keepdim=True))
        self.adam.step(self.logits, gradient, step.present_or_all)
