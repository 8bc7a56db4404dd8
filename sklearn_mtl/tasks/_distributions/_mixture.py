"""Mixtures of normal distributions: mixture density networks."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from scipy.special import log_softmax, ndtri
from torch import Tensor

from .._members import mean_of_members
from ._family import Distribution
from ._location_scale import LOG_FLOOR
from ._positive import positive_array, positive_with_slope, raw_of_positive
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
        self.starts = _APART * ndtri((np.arange(n_components) + 0.5) / n_components)

    def value_and_gradient(self, parameters: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        # components first: sums over a last axis of a few numbers are slow
        logits, means, raw = parameters.movedim(-1, 0).contiguous().chunk(3)
        starts = torch.as_tensor(self.starts, dtype=means.dtype, device=means.device)
        deviations, slope = positive_with_slope(raw)
        z = (means + starts.reshape(-1, *[1] * (means.dim() - 1))).sub_(target).div_(deviations)
        squared = z * z
        shares = torch.log_softmax(logits, dim=0)
        each = (shares - deviations.log()).sub_(squared, alpha=0.5)
        shares.exp_()
        total = each.logsumexp(dim=0)
        chosen = each.sub_(total).exp_()
        mean_deviation = (shares * deviations).sum(dim=0)
        by_component = chosen / deviations
        by_raw = slope.addcmul_(squared, slope, value=-1).mul_(by_component)
        gradient = torch.cat([shares.sub_(chosen), z.mul_(by_component), by_raw])
        return total.neg_().sub_(LOG_FLOOR), gradient.mul_(mean_deviation).movedim(0, -1)

    def location(self, parameters: np.ndarray) -> np.ndarray:
        shares, means, _ = self._split(parameters)
        return np.asarray((shares * means).sum(axis=-1) * self.scale + self.shift)

    def average(self, parameters: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Merge the components of equal number of all members, which keeps mean and variance of the mixture."""
        weights, means, deviations = self._split(parameters)
        weights = weights * shares.reshape(-1, *[1] * (weights.ndim - 1))
        total = weights.sum(axis=0)
        within = weights / total
        mean = mean_of_members(means, within)
        variance = mean_of_members(deviations**2 + (means - mean) ** 2, within)
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
