"""All tasks in every step."""

from __future__ import annotations

import torch
from torch import Tensor

from ._base import TaskSampling


class AllTasks(TaskSampling):
    """Train all tasks in every step, on batches of any rows.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(task_sampling="all")
    MultiTaskNetEstimator()
    """

    trains_all = True

    def plan(self, sizes: Tensor, progress: Tensor, n_steps: int, generator: torch.Generator) -> Tensor:
        raise TypeError("AllTasks plans no steps: every step trains all tasks")
