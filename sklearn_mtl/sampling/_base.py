"""Base class of task samplings."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from sklearn.base import BaseEstimator
from torch import Tensor


class TaskSampling(BaseEstimator, ABC):
    """Base class of task samplings, which choose the task of each step of an epoch.

    A sampling is a spec, like a weighting. A step trains one task, on rows that have a label for it.
    """

    #: whether every step trains all tasks, on batches of any rows
    trains_all: bool = False

    @abstractmethod
    def plan(self, sizes: Tensor, progress: Tensor, n_steps: int, generator: torch.Generator) -> Tensor:
        """Choose the task of each step of an epoch.

        Parameters
        ----------
        sizes : Tensor of shape (T,)
            Number of rows with a label for each task.
        progress : Tensor of shape (T,)
            Mean loss of the previous epoch divided by that of the first epoch; 1 in the first two epochs.
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
