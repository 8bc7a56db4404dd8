"""The negative binomial distribution of counts."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from scipy.special import logsumexp
from torch import Tensor

from .._members import mean_of_members
from ._family import Distribution
from ._positive import positive_array, positive_with_slope, raw_of_positive

# rates must be finite and positive, and so must their squares
LARGEST_LOG = 0.45 * float(np.log(np.finfo(np.float64).max))


class NegativeBinomial(Distribution):
    """Counts of variance mean + dispersion mean^2; the outputs are the logarithm of the rate, and the dispersion.

    Rates are in units of the mean count. Targets (..., 2 C) are each count and the mean of its column: fused tasks
    and stacked members have means of their own.

    Parameters
    ----------
    mean : ndarray of shape (n_columns,)
        Mean count of each column.
    """

    law = stats.nbinom
    n_parameters = 2

    def __init__(self, mean: np.ndarray) -> None:
        super().__init__(np.log(mean), mean)

    @staticmethod
    def target_of(counts: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Return the target (..., 2 C) of counts (..., C) and their means (C,)."""
        target = np.repeat(np.broadcast_to(mean, counts.shape), 2, axis=-1)
        target[..., ::2] = counts
        return target

    @staticmethod
    def counts_of(target: np.ndarray) -> np.ndarray:
        """Return the counts (..., C) of a target (..., 2 C)."""
        return target[..., ::2]

    def value_and_gradient(self, parameters: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        # differences of logarithms of factorials need many digits; only Apple's processors lack float64
        exact = torch.float32 if parameters.device.type == "mps" else torch.float64
        log_rate, raw = parameters.to(exact).unbind(-1)
        count, mean = target.to(exact).unflatten(-1, (-1, 2)).unbind(-1)
        log_rate = log_rate + mean.log()
        dispersion, slope = positive_with_slope(raw)
        size, log_size = dispersion.reciprocal(), dispersion.log_().neg_()
        both = count + size
        log_sum = torch.logaddexp(log_size, log_rate)  # of size and rate; finite for any output
        log_odds = log_sum - log_size
        by_size = torch.digamma(size).sub_(torch.digamma(both)).add_(log_odds).sub_(1)
        by_size.addcmul_(both, (-log_sum).exp_())
        by_log_rate = (log_rate - log_sum).exp_().mul_(both).sub_(count)
        ways = torch.lgamma(both).sub_(torch.lgamma(size)).sub_(torch.lgamma(count + 1))
        nll = (both * log_sum).addcmul_(size, log_size, value=-1).addcmul_(count, log_rate, value=-1).sub_(ways)
        gradient = torch.stack([by_log_rate, by_size.mul_(size).mul_(size).mul_(slope).neg_()], dim=-1)
        # below 0 by rounding, or by numbers that are not whole
        return nll.clamp_min_(0.0).to(parameters.dtype), gradient.to(parameters.dtype)

    def location(self, parameters: np.ndarray) -> np.ndarray:
        return np.exp(np.clip(parameters[..., 0] + self.shift, -LARGEST_LOG, LARGEST_LOG))

    def average(self, parameters: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Return outputs of the mean and the variance of the mixture."""
        log_rates = parameters[..., 0]
        mean = logsumexp(log_rates, axis=0, b=shares[:, None, None])
        squares = np.exp(2 * np.clip(log_rates - mean, -LARGEST_LOG, LARGEST_LOG))
        dispersion = mean_of_members(squares * (1 + positive_array(parameters[..., 1])), shares) - 1
        return np.stack([mean, raw_of_positive(dispersion)], axis=-1)

    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        rate, dispersion = self.location(parameters), positive_array(parameters[..., 1])
        return {"n": 1 / dispersion, "p": 1 / (1 + dispersion * rate)}
