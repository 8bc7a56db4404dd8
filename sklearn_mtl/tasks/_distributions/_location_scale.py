"""Distributions with a mean and a standard deviation: normal, Laplace, Student's t, and log-normal."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import stats
from scipy.special import expit, logit, logsumexp
from torch import Tensor

from .._members import mean_of_members
from ._family import Distribution
from ._positive import FLOOR, positive_array, positive_with_slope, raw_of_positive

LOG_FLOOR = math.log(FLOOR)
# Range of the degrees of freedom, and the logit of the share of it where an output is 0, at 6 degrees.
_LEAST_DF, _MOST_DF = 2.1, 100.0
_START_DF = float(logit((6.0 - _LEAST_DF) / (_MOST_DF - _LEAST_DF)))
# Bounds of the mean and the deviation of a logarithm: the variance of the number itself stays finite.
LARGEST_LOG, LARGEST_DEVIATION = 250.0, 8.0


class _MeanAndDeviation(Distribution):
    """The first outputs are the mean, and the standard deviation before `positive`."""

    n_parameters = 2

    def location(self, parameters: np.ndarray) -> np.ndarray:
        return self._moments(parameters)[0]

    def average(self, parameters: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Return outputs of the mean and the standard deviation of the mixture."""
        means, deviations = parameters[..., 0], positive_array(parameters[..., 1])
        averaged = mean_of_members(parameters, shares)
        mean = averaged[..., 0]
        variance = mean_of_members(deviations**2 + (means - mean) ** 2, shares)
        averaged[..., 1] = raw_of_positive(np.sqrt(variance))
        return averaged

    def _moments(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = parameters[..., 0] * self.scale + self.shift
        return mean, positive_array(parameters[..., 1]) * self.width


class Normal(_MeanAndDeviation):
    """The normal distribution, learned with the beta-NLL of Seitzer et al., 2022, with beta of 0.5.

    The value of the loss is the negative log likelihood, so that it can be compared between fits. Its gradient is
    multiplied by the standard deviation: without this, rows that are badly predicted get a large deviation, which
    then keeps the mean from being learned.
    """

    law = stats.norm

    def value_and_gradient(self, parameters: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = parameters.unbind(-1)
        deviation, slope = positive_with_slope(raw)
        z = (mean - target).div_(deviation)
        squared = z * z
        value = deviation.log_().add_(squared, alpha=0.5).sub_(LOG_FLOOR)
        return value, torch.stack([z, slope.addcmul_(squared, slope, value=-1)], dim=-1)

    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        mean, deviation = self._moments(parameters)
        return {"loc": mean, "scale": deviation}


class Laplace(_MeanAndDeviation):
    """The Laplace distribution, whose mean is learned from absolute errors."""

    law = stats.laplace

    def value_and_gradient(self, parameters: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = parameters.unbind(-1)
        deviation, slope = positive_with_slope(raw)
        per_unit = math.sqrt(2) / deviation
        error = mean - target
        size = error.abs().mul_(per_unit)
        by_raw = slope.addcmul_(size, slope, value=-1).div_(deviation)
        value = deviation.log_().add_(size).sub_(LOG_FLOOR)
        return value, torch.stack([error.sign_().mul_(per_unit), by_raw], dim=-1)

    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        mean, deviation = self._moments(parameters)
        return {"loc": mean, "scale": deviation / math.sqrt(2)}


class StudentT(_MeanAndDeviation):
    """Student's t distribution with learned degrees of freedom, above 2, so that it has a variance."""

    law = stats.t
    n_parameters = 3
    least = LOG_FLOOR + 0.5 * math.log((_LEAST_DF - 2) / _LEAST_DF) - float(stats.t.logpdf(0, _LEAST_DF))

    def value_and_gradient(self, parameters: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw, raw_df = parameters.unbind(-1)
        share = (raw_df + _START_DF).sigmoid_()
        above = (share * (_MOST_DF - _LEAST_DF)).add_(_LEAST_DF - 2)  # degrees of freedom above 2
        half = (0.5 * above).add_(1)
        more = half + 0.5
        deviation, slope = positive_with_slope(raw)
        z = (mean - target).div_(deviation)
        ratio = (z * z).div_(above)  # squared error in scales, over the degrees of freedom
        log_term, pull = torch.log1p(ratio), more / (1 + ratio)
        value = torch.lgamma(half).sub_(torch.lgamma(more)).addcmul_(more, log_term)
        value.add_(above.log(), alpha=0.5).add_(deviation.log()).add_(0.5 * math.log(math.pi) - self.least)
        inside = torch.rsub(ratio.mul_(pull), 1, alpha=2)  # 1 at the mean, less than 0 beyond one scale
        by_df = torch.digamma(half).sub_(torch.digamma(more)).add_(log_term).addcdiv_(inside, above)
        by_share = by_df.mul_(0.5 * (_MOST_DF - _LEAST_DF))
        gradient = [
            (2 * pull).mul_(z).div_(above).div_(deviation),
            inside.mul_(slope).div_(deviation),
            by_share.mul_(share.addcmul_(share, share, value=-1)),
        ]
        return value, torch.stack(gradient, dim=-1)

    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        mean, deviation = self._moments(parameters)
        df = _LEAST_DF + (_MOST_DF - _LEAST_DF) * expit(parameters[..., 2] + _START_DF)
        return {"df": df, "loc": mean, "scale": deviation * np.sqrt((df - 2) / df)}


class LogNormal(Normal):
    """The log-normal distribution: outputs are those of a normal distribution of the logarithm.

    The exponential of an extrapolation may be any number. The mean is therefore bounded: its logarithm is at most
    two deviations of the logarithms above that of the largest label.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_columns,)
        Mean and standard deviation of the logarithms.
    highest : ndarray of shape (n_columns,)
        Logarithm of the largest label.
    """

    law = stats.lognorm

    def __init__(self, shift: np.ndarray, scale: np.ndarray, highest: np.ndarray) -> None:
        super().__init__(shift, scale)
        self.highest = highest

    def location(self, parameters: np.ndarray) -> np.ndarray:
        mean, deviation = self._logs(parameters)
        return np.asarray(np.exp(mean + 0.5 * deviation**2))

    def average(self, parameters: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Return outputs of the mean and the variance of the mixture of the numbers, not of their logarithms."""
        means, deviations = self._logs(parameters)
        weight = shares[:, None, None]
        first = logsumexp(means + 0.5 * deviations**2, axis=0, b=weight)
        second = logsumexp(2 * means + 2 * deviations**2, axis=0, b=weight)
        variance = np.maximum(second - 2 * first, 0.0)
        deviation = np.maximum(np.sqrt(variance) / self.width, FLOOR)
        # the mean is kept exactly, also where the deviation is at its least value
        mean = (first - 0.5 * (deviation * self.width) ** 2 - self.shift) / self.width
        return np.stack([mean, raw_of_positive(deviation)], axis=-1)

    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        mean, deviation = self._logs(parameters)
        return {"s": deviation, "scale": np.exp(mean)}

    def _logs(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, deviation = self._moments(parameters)
        deviation = np.minimum(deviation, LARGEST_DEVIATION)
        most = np.minimum(self.highest + 2 * self.width - 0.5 * deviation**2, LARGEST_LOG)
        return np.clip(mean, -LARGEST_LOG, most), deviation
