"""Base classes of what several outputs of one label mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from ._positive import shares_of
from ._predicted import PredictedDistribution


class Family(ABC):
    """Base class of what P outputs for each of C columns mean.

    Outputs are in standard deviations from the mean, as the target of the loss is; ``shift`` and ``scale`` convert
    them to the units of the target. An object is made where it is used, and keeps no tensors.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_columns,)
        Mean and standard deviation of the columns. The scale of a constant column is 0.

    Attributes
    ----------
    n_parameters : int
        P.
    """

    n_parameters: int

    def __init__(self, shift: np.ndarray, scale: np.ndarray) -> None:
        self.shift, self.scale = shift, scale

    @abstractmethod
    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        """Compute the loss (..., B, C), at least 0, of outputs (..., B, C, P) for targets (..., B, C)."""

    @abstractmethod
    def location(self, parameters: np.ndarray) -> np.ndarray:
        """Convert outputs (..., C, P) to predictions (..., C) in the units of the target."""

    @abstractmethod
    def average(self, parameters: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Average outputs (M, B, C, P) of members, weighted (M,), to outputs (B, C, P)."""

    @abstractmethod
    def quantiles(self, parameters: np.ndarray, q: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Compute the quantiles (B, C, Q) of the mixture of members with outputs (M, B, C, P)."""

    # The rest converts between the outputs of heads (..., K), with K = C P, and (..., C, P).

    def loss_of_outputs(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the loss (..., B, C) of outputs (..., B, K)."""
        return self.loss(output.unflatten(-1, (-1, self.n_parameters)), target)

    def parameters_of(self, outputs: np.ndarray) -> np.ndarray:
        """Reshape outputs (..., K) to (..., C, P), in float64: float32 has too few digits for large numbers."""
        shape = (*outputs.shape[:-1], len(self.shift), self.n_parameters)
        return outputs.astype(np.float64).reshape(shape)

    def average_outputs(self, outputs: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Average outputs (M, B, K) to (B, K), of the same dtype."""
        averaged = self.average(self.parameters_of(outputs), shares_of(weights, len(outputs)))
        return averaged.reshape(outputs.shape[1:]).astype(outputs.dtype)


class Distribution(Family):
    """Base class of families of distributions: the outputs are the parameters of one.

    Attributes
    ----------
    law : scipy.stats distribution
    """

    law: ClassVar[Any]

    @abstractmethod
    def nll(self, parameters: Tensor, target: Tensor) -> Tensor:
        """Compute the negative log likelihood, in standard units, of each element."""

    @abstractmethod
    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        """Convert outputs (..., C, P) to the arguments (..., C) of ``law``, in the units of the target."""

    def predicted(self, parameters: np.ndarray, shares: np.ndarray) -> PredictedDistribution:
        """Return the mixture over members with outputs (M, B, C, P), weighted (M,)."""
        weights = np.broadcast_to(shares[:, None, None], parameters.shape[:-1])
        return PredictedDistribution(self.law, self.arguments(parameters), weights)

    def quantiles(self, parameters: np.ndarray, q: np.ndarray, shares: np.ndarray) -> np.ndarray:
        mixture = self.predicted(parameters, shares)
        return np.stack([mixture.ppf(each) for each in q], axis=-1)

    @property
    def width(self) -> np.ndarray:
        """Units of the scale by column; a constant column has a tiny one, as densities need a width."""
        tiny = 1e-9 * np.maximum(np.abs(self.shift), 1.0)
        return np.where(self.scale > 0, self.scale, tiny)
