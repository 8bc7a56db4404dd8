"""Base classes of what several outputs of one label mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._members import shares_of
from ._positive import in_full_precision
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
    def value_and_gradient(self, parameters: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss, and its gradient by the outputs.

        Parameters
        ----------
        parameters : Tensor of shape (..., B, C, P)
            Outputs, of at least float32.
        target : Tensor of shape (..., B, C), or of as many columns for each label

        Returns
        -------
        value : Tensor of shape (..., B, C)
            At least 0.
        gradient : Tensor of shape (..., B, C, P)
            That of the value, or what training should follow instead.

        Notes
        -----
        The time of a small network's step is that of the number of operations, and hardly of their size. Methods
        change their own intermediate results in place where they can, but neither parameters nor target.
        """

    @abstractmethod
    def location(self, parameters: np.ndarray) -> np.ndarray:
        """Convert outputs (..., C, P) to predictions (..., C) in the units of the target."""

    @abstractmethod
    def average(self, parameters: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Average outputs (M, B, C, P) of members, weighted (M,), to outputs (B, C, P)."""

    @abstractmethod
    def quantiles(self, parameters: np.ndarray, q: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Compute the quantiles (B, C, Q) of the mixture of members with outputs (M, B, C, P)."""

    # The rest converts between the outputs of heads (..., K), with K = C P, and (..., C, P). In the loss, C is
    # the number of columns of all tasks that are fused.

    def loss_of_outputs(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the loss (..., B, C) of outputs (..., B, K)."""
        loss: Tensor = _Loss.apply(output, target, self)
        return loss

    def parameters_of(self, outputs: np.ndarray) -> np.ndarray:
        """Reshape outputs (..., K) to (..., C, P), in float64: float32 has too few digits for large numbers."""
        shape = (*outputs.shape[:-1], len(self.shift), self.n_parameters)
        return outputs.astype(np.float64).reshape(shape)

    def average_outputs(self, outputs: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Average outputs (M, B, K) to (B, K), of the same dtype."""
        averaged = self.average(self.parameters_of(outputs), shares_of(weights, len(outputs)))
        return averaged.reshape(outputs.shape[1:]).astype(outputs.dtype)


class _Loss(torch.autograd.Function):
    """The loss of a family: torch would record some twenty small operations, which cost more than the network."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, target: Tensor, family: Family) -> Tensor:
        parameters = in_full_precision(output).unflatten(-1, (-1, family.n_parameters))
        value, gradient = family.value_and_gradient(parameters, target)
        ctx.save_for_backward(gradient)
        ctx.dtype = output.dtype
        return value

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        if torch.is_grad_enabled():  # by create_graph=True
            raise RuntimeError("losses of distributions and of several quantiles have no second derivatives")
        (gradient,) = ctx.saved_tensors
        return (slope.unsqueeze(-1) * gradient).flatten(-2).to(ctx.dtype), None, None


class Distribution(Family):
    """Base class of families of distributions: the outputs are the parameters of one.

    The loss is the negative log likelihood, in standard units, less a constant that keeps it at least 0, as some
    weightings need.

    Attributes
    ----------
    law : scipy.stats distribution
    """

    law: ClassVar[Any]

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
