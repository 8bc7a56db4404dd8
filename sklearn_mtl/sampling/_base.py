"""The seam that says which task a step trains."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from sklearn.base import BaseEstimator
from torch import Tensor


class TaskSampling(BaseEstimator, ABC):
    """Which task each step of an epoch trains.

    A sampling is a spec, like a weighting. A step trains one task, on rows that have a label for it: tasks with
    rows of their own cost no more than these rows.
    """

    #: whether every step trains all tasks, on whatever rows come
    trains_all: bool = False

    @abstractmethod
    def plan(self, sizes: Tensor, progress: Tensor, n_steps: int, generator: torch.Generator) -> Tensor:
        """Choose the task of each step of an epoch.

        Parameters
        ----------
        sizes : Tensor of shape (T,)
            Rows with a label, by task.
        progress : Tensor of shape (T,)
            Mean loss of the epoch before over that of the first one; 1 in the first two.
        n_steps : int
            Steps of the epoch.
        generator : torch.Generator

        Returns
        -------
        Tensor of int of shape (n_steps,)
            Positions of tasks.
        """


def draw(shares: Tensor, n_steps: int, generator: torch.Generator) -> Tensor:
    """Draw tasks with probabilities proportional to shares (T,)."""
    return torch.multinomial(shares.double(), n_steps, replacement=True, generator=generator)
