"""Base classes of penalties."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from sklearn.base import BaseEstimator
from torch import Tensor, nn


class Penalty(BaseEstimator, ABC):
    """Base class of penalties, which regularise a network across its tasks.

    A penalty is a spec, like an architecture: it stores hyperparameters. Most penalties add a term in the weights
    of the heads to the objective (`WeightPenalty`); others add noise to the representation.
    """

    #: hyperparameters that may differ between stacked fits
    stackable_params: ClassVar[tuple[str, ...]] = ()

    def noise(self) -> nn.Module | None:
        """Build a module that is applied to the representations of the tasks, (..., T, B, D), in training."""
        return None


class WeightPenalty(Penalty):
    """Base class of penalties on the weights of the heads, times ``strength``.

    Heads that are not linear and tasks that are not trained are left out.
    """

    stackable_params = ("strength",)

    strength: float

    @abstractmethod
    def value(self, weights: Mapping[str, Tensor]) -> Tensor:
        """Compute the term, without the strength.

        Parameters
        ----------
        weights : mapping of str to Tensor of shape (..., K, D)
            By task: a row for each of its K outputs, a column for each of D features of the representation.

        Returns
        -------
        Tensor of shape (...)
        """
