"""Tasks drawn by their remaining loss."""

from __future__ import annotations

from numbers import Real

import torch
from torch import Tensor

from ..utils._params import Interval
from ._base import TaskSampling, draw


class LossDriven(TaskSampling):
    r"""Draw more often the tasks that have learned least, :math:`p_t \propto (L_t / L_t(0))^{1 / \tau}` [1]_.

    :math:`L_t` is the mean training loss of the previous epoch and :math:`L_t(0)` that of the first epoch. In the
    first two epochs the tasks are drawn uniformly.

    Parameters
    ----------
    temperature : float > 0, default=0.5
        :math:`\tau`; lower values favour the slowest task more.

    References
    ----------
    .. [1] Guo et al., "Dynamic Task Prioritization for Multitask Learning", ECCV 2018.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(task_sampling="loss_driven")
    MultiTaskNetEstimator(task_sampling='loss_driven')
    """

    _parameter_constraints: dict = {"temperature": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, temperature: float = 0.5) -> None:
        self.temperature = temperature

    def plan(self, sizes: Tensor, progress: Tensor, n_steps: int, generator: torch.Generator) -> Tensor:
        # relative to the largest, so that no power overflows
        share = (progress / progress.max()).clamp(min=1e-6) ** (1 / self.temperature)
        return draw(torch.where(sizes > 0, share, 0.0), n_steps, generator)
