"""Gradient normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from ..utils._params import Interval
from ._base import StepRecord, Weighting, WeightingModule, count_present

# Lower bound of the weights.
SMALLEST = 1e-3


class GradNorm(Weighting):
    r"""Learn weights that equalise the gradient norms of the tasks, with larger norms for slow tasks [1]_.

    With :math:`G_t = w_t \|\nabla_W L_t\|` at the last layer that the tasks share, and :math:`r_t = (L_t / L_t(0))
    / \mathrm{mean}`, the weights minimise :math:`\sum_t | G_t - \bar{G} \, r_t^\alpha |` and are scaled to sum to
    T. Only tasks with a label in the batch take part. Task weights multiply the weights.

    Parameters
    ----------
    alpha : float >= 0, default=1.5
        How strongly slow tasks are favoured; 0 only equalises the gradient norms.
    learning_rate : float > 0, default=0.025
        Step size of the weights.

    References
    ----------
    .. [1] Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks",
       ICML 2018.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(weighting="grad_norm").set_params(weighting__alpha=0.5)
    MultiTaskNetEstimator(weighting=GradNorm(alpha=0.5))
    """

    not_stackable = "gradients are computed for one network at a time"
    needs_gramian = True
    grad_at = "last_layer"

    _parameter_constraints: dict = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, alpha: float = 1.5, learning_rate: float = 0.025) -> None:
        self.alpha = alpha
        self.learning_rate = learning_rate

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        return _GradNorm(len(tasks), self.alpha, self.learning_rate)


class _GradNorm(WeightingModule):
    weights: Tensor
    first_losses: Tensor

    def __init__(self, n_tasks: int, alpha: float, learning_rate: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.register_buffer("weights", torch.ones(n_tasks))
        self.register_buffer("first_losses", torch.full((n_tasks,), torch.nan))

    @property
    def wants_gramian(self) -> bool:
        return True

    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        return torch.where(present, self.weights, 0.0)

    def after_step(self, step: StepRecord) -> None:
        assert step.gramian is not None
        present = step.present
        first = torch.where(present & torch.isnan(self.first_losses), step.losses, self.first_losses)
        self.first_losses.copy_(first)
        norms = step.gramian.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
        # a task without a gradient at this layer is left out; there may be no layer that all tasks share
        compared = present & (norms > 0)
        count = count_present(compared).clamp(min=1)
        tiny = torch.finfo(first.dtype).tiny
        progress = torch.where(compared, step.losses / first.clamp(min=tiny), 0.0)
        rate = progress / (progress.sum(dim=-1, keepdim=True) / count).clamp(min=tiny)
        lengths = torch.where(compared, self.weights * norms, 0.0)
        target = lengths.sum(dim=-1, keepdim=True) / count * rate**self.alpha
        gradient = torch.sign(lengths - target) * norms
        moved = (self.weights - self.learning_rate * gradient).clamp(min=SMALLEST)
        weights = torch.where(compared, moved, self.weights)
        self.weights.copy_(weights * weights.shape[-1] / weights.sum(dim=-1, keepdim=True))
