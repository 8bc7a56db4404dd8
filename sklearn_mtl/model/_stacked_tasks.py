"""One task with the hyperparameters of all members."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch

from ..nn._stacking import per_member
from ..tasks import Task


def stack_tasks(tasks: Sequence[Task], dtype: torch.dtype, device: torch.device) -> Task:
    """Return a task whose loss has the hyperparameters of all members.

    Parameters
    ----------
    tasks : sequence of Task
        The same fitted task of M members; only `Task.stackable_params` may differ.
    dtype : torch.dtype
    device : torch.device
        Dtype and device of the hyperparameters.
    """
    stacked = copy.copy(tasks[0])
    for name in stacked.stackable_params:
        setattr(stacked, name, per_member([getattr(task, name) for task in tasks], dtype, device))
    return stacked
