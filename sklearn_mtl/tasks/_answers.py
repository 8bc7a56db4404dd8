"""Predictions of a task, by the network or by another model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np

from ._base import Task
from ._checks import decode


class Answer(ABC):
    """Predictions of one task for some rows, computed on first access."""

    @property
    @abstractmethod
    def predictions(self) -> np.ndarray:
        """Predictions in the form of the labels of ``fit``."""

    @property
    def rated(self) -> np.ndarray:
        """What scores compare with the labels: by default the predictions."""
        return self.predictions

    @property
    @abstractmethod
    def probabilities(self) -> np.ndarray | None:
        """Probabilities of classes or labels; None if the task has none."""


class NetworkAnswer(Answer):
    """Predictions from the outputs of the network.

    Parameters
    ----------
    name : str
        Name of the task, for messages.
    task : Task
        Fitted.
    output : ndarray of shape (n_samples, positions, K), or RaggedRows
    """

    def __init__(self, name: str, task: Task, output: Any) -> None:
        self.name, self.task, self.output = name, task, output

    @cached_property
    def predictions(self) -> np.ndarray:
        return decode(self.task, self.name, self.output)

    @cached_property
    def rated(self) -> np.ndarray:
        return self.predictions if type(self.task).rated is Task.rated else self.task.rated(self.output)

    @cached_property
    def probabilities(self) -> np.ndarray | None:
        return self.task.decode_proba(self.output)
