"""Mixtures of normal distributions: mixture density networks."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import stats
from scipy.special import log_softmax
from torch import Tensor

from ._family import Distribution
from ._location_scale import BETA, Normal, with_gradient_times
from ._positive import in_full_precision, mean_of, positive, positive_array, raw_of_positive
from ._predicted import PredictedDistribution

# Distance of the first means from each other, in quantiles of the standard normal distribution.
_APART = 0.5


class NormalMixture(Distribution):
    """A mixture of J normal distributions: outputs are J logits of shares, J means and J standard deviations.

    Outputs of 0 are means that are apart, so that components differ from the start. As of `Normal`, the gradient
    of each row is multiplied by its standard deviation, here the mean one of the components.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_columns,)
    n_components : int
        J.
    """

    law = stats.norm

    def __init__(self, shift: np.ndarray, scale: np.ndarray, n_components: int) -> None:
        super().__init__(shift, scale)
        self.n_components, self.n_parameters = n_components, 3 * n_components
        self.starts = _APART * stats.norm.ppf((np.arange(n_components) + 0.5) / n_components)

    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        nll, deviation = self._nll(in_full_precision(parameters), target)
        return with_gradient_times(nll, deviation.detach() ** (2 * BETA)) - Normal.least_nll

    def nll(self, parameters: Tensor, target: Tensor) -> Tensor:
        return self._nll(parameters, target)[0]

    def _nll(self, parameters: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return the likelihood, and the mean standard deviation of the components."""
        logits, means, raw = parameters.unflatten(-1, (3, self.n_components)).unbind(-2)
        means = means + torch.as_tensor(self.starts, dtype=means.dtype, device=means.device)
        deviations = positive(raw)
        each = -0.5 * ((target[..., None] - means) / deviations).square() - deviations.log()
        log_shares = torch.log_softmax(logits, dim=-1)
        together = torch.logsumexp(log_shares + each, dim=-1)
        return 0.5 * math.log(2 * math.pi) - together, (log_shares.exp() * deviations).sum(dim=-1)

    def location(self, parameters: np.ndarray) -> np.ndarray:
        shares, means, _ = self._split(parameters)
        return np.asarray((shares * means).sum(axis=-1) * self.scale + self.shift)

    def average(self, parameters: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Merge the components of equal number of all members, which keeps mean and variance of the mixture."""
        weights, means, deviations = self._split(parameters)
        weights = weights * shares.reshape(-1, *[1] * (weights.ndim - 1))
        total = weights.sum(axis=0)
        within = weights / total
        mean = mean_of(means, within)
        variance = mean_of(deviations**2 + (means - mean) ** 2, within)
        return np.concatenate([np.log(total), mean - self.starts, raw_of_positive(np.sqrt(variance))], axis=-1)

    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        """Convert outputs (..., C, P) to arguments (J, ..., C)."""
        _, means, deviations = (np.moveaxis(part, -1, 0) for part in self._split(parameters))
        return {"loc": means * self.scale + self.shift, "scale": deviations * self.width}

    def predicted(self, parameters: np.ndarray, shares: np.ndarray) -> PredictedDistribution:
        weights = np.moveaxis(self._split(parameters)[0], -1, 0) * shares[:, None, None]
        arguments = {name: _flat(values) for name, values in self.arguments(parameters).items()}
        return PredictedDistribution(self.law, arguments, _flat(weights))

    def _split(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return shares, means and standard deviations (..., C, J), in standard units."""
        parts = parameters.reshape(*parameters.shape[:-1], 3, self.n_components)
        logits = np.maximum(log_softmax(parts[..., 0, :], axis=-1), -600.0)  # no share is 0
        return np.exp(logits), parts[..., 1, :] + self.starts, positive_array(parts[..., 2, :])


def _flat(values: np.ndarray) -> np.ndarray:
    """Join the axes of components and members (J, M, ...) to one."""
    return values.reshape(-1, *values.shape[2:])
