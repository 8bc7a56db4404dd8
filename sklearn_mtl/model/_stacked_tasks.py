"""One task with the hyperparameters of each member's task."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch

from ..nn._stacking import per_member
from ..tasks import Task


def stack_tasks(tasks: Sequence[Task], dtype: torch.dtype, device: torch.device) -> Task:
    """Return a task whose loss has the hyperparameters of each member.

    Parameters
    ----------
    tasks : sequence of Task
        The same task of M members, fitted; they differ in `Task.stackable_params` at most.
    dtype : torch.dtype
    device : torch.device
        Of the hyperparameters.
    """
    stacked = copy.copy(tasks[0])
    for name in stacked.stackable_params:
        setattr(stacked, name, per_member([getattr(task, name) for task in tasks], dtype, device))
    return stacked
