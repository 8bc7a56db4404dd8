"""The seam of what regularises across tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from sklearn.base import BaseEstimator
from torch import Tensor, nn


class Penalty(BaseEstimator, ABC):
    """What regularises the network across its tasks.

    A penalty is a spec, like an architecture: it stores hyperparameters. Most add a term in the weights of the
    heads to the objective (`WeightPenalty`); others put noise on what the heads read. One file that subclasses
    either adds one.
    """

    #: hyperparameters in which fits that are trained side by side may differ
    stackable_params: ClassVar[tuple[str, ...]] = ()

    def noise(self) -> nn.Module | None:
        """Build a module for what each task reads, (..., T, B, D), while the network is trained."""
        return None


class WeightPenalty(Penalty):
    """A term in the weights of the heads, times ``strength``.

    Heads that are not linear, and tasks that are not trained, are left out.
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
