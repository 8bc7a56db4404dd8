"""Tasks of numbers that may have several outputs for each number."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ._base import Task
from ._distributions import Distribution, Family, PredictedDistribution
from ._members import shares_of


class ParametricTask(Task):
    """Base class of tasks of numbers whose outputs may be parameters of a distribution, or several quantiles."""

    multi_column_: bool

    @property
    @abstractmethod
    def _family(self) -> Family | None:
        """What several outputs of one number mean; None if each output is a prediction."""

    @property
    def has_one_label(self) -> bool:
        """Whether the target is 1-D; one of several columns is not."""
        return not getattr(self, "multi_column_", False)

    def average(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Average the outputs (M, B, K) of an ensemble to outputs (B, K).

        Those of a distribution become the outputs of one with the mean and the variance of the members' mixture;
        those of several quantiles become the outputs of the mean quantiles.
        """
        family = self._family
        return super().average(outputs, weights) if family is None else family.average_outputs(outputs, weights)

    def distribution(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> PredictedDistribution:
        family = self._family
        if not isinstance(family, Distribution):
            return super().distribution(outputs, weights)
        found = family.predicted(family.parameters_of(outputs), shares_of(weights, len(outputs)))
        return found if self.multi_column_ else found.reshape(-1)

    def quantiles(self, outputs: np.ndarray, q: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        family = self._family
        if family is None:
            return super().quantiles(outputs, q, weights)
        found = family.quantiles(family.parameters_of(outputs), q, shares_of(weights, len(outputs)))
        return found if self.multi_column_ else found[:, 0]

    def _in_form_of_labels(self, values: np.ndarray) -> np.ndarray:
        return values if self.multi_column_ else values[:, 0]
