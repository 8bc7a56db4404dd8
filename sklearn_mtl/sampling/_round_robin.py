"""Tasks in turn."""

from __future__ import annotations

import torch
from torch import Tensor

from ._base import TaskSampling


class RoundRobin(TaskSampling):
    """Train the tasks in turn, independent of their numbers of rows [1]_.

    References
    ----------
    .. [1] Dong et al., "Multi-Task Learning for Multiple Language Translation", ACL 2015.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(task_sampling="round_robin")
    MultiTaskNetEstimator(task_sampling='round_robin')
    """

    def plan(self, sizes: Tensor, progress: Tensor, n_steps: int, generator: torch.Generator) -> Tensor:
        there = (sizes > 0).nonzero().flatten()
        return there[torch.arange(n_steps) % len(there)]
