"""Distributions with a mean and a standard deviation: normal, Laplace, Student's t, and log-normal."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from scipy import stats
from scipy.special import expit, logit, logsumexp
from torch import Tensor

from ._family import Distribution
from ._positive import FLOOR, in_full_precision, mean_of, positive, positive_array, raw_of_positive

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
#: exponent of the variance that multiplies the gradient of a row, of Seitzer et al., 2022
BETA = 0.5
# Range of the degrees of freedom, and the logit of the share of it where an output is 0, at 6 degrees.
_LEAST_DF, _MOST_DF = 2.1, 100.0
_START_DF = float(logit((6.0 - _LEAST_DF) / (_MOST_DF - _LEAST_DF)))
# Bounds of the mean and the deviation of a logarithm: the variance of the number itself stays finite.
_LARGEST_LOG, _LARGEST_DEVIATION = 250.0, 8.0


def with_gradient_times(loss: Tensor, factor: Tensor) -> Tensor:
    """Return a loss of equal value whose gradient is multiplied by a factor for each element."""
    if not loss.requires_grad:
        return loss
    value = loss.detach()
    return value + factor * (loss - value)  # the product is 0


class _MeanAndDeviation(Distribution):
    """The first outputs are the mean, and the standard deviation before `positive`."""

    n_parameters = 2
    #: the least value of ``nll``, which the loss subtracts: losses are at least 0, as some weightings need
    least_nll: ClassVar[float]

    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        return self.nll(in_full_precision(parameters), target) - self.least_nll

    def location(self, parameters: np.ndarray) -> np.ndarray:
        return self._moments(parameters)[0]

    def average(self, parameters: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Return outputs of the mean and the standard deviation of the mixture."""
        means, deviations = parameters[..., 0], positive_array(parameters[..., 1])
        averaged = mean_of(parameters, shares)
        mean = averaged[..., 0]
        variance = mean_of(deviations**2 + (means - mean) ** 2, shares)
        averaged[..., 1] = raw_of_positive(np.sqrt(variance))
        return averaged

    def _moments(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = parameters[..., 0] * self.scale + self.shift
        return mean, positive_array(parameters[..., 1]) * self.width


class Normal(_MeanAndDeviation):
    """The normal distribution, learned with the beta-NLL.

    The value of the loss is the negative log likelihood, so that it can be compared between fits. Its gradient is
    multiplied by the standard deviation: without this, rows that are badly predicted get a large deviation, which
    then keeps the mean from being learned.
    """

    law = stats.norm
    least_nll = math.log(FLOOR) + _HALF_LOG_2PI

    def nll(self, parameters: Tensor, target: Tensor) -> Tensor:
        mean, raw = parameters.unbind(-1)
        deviation = positive(raw)
        return 0.5 * ((target - mean) / deviation).square() + deviation.log() + _HALF_LOG_2PI

    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        mean, raw = in_full_precision(parameters).unbind(-1)
        deviation = positive(raw)
        nll = 0.5 * ((target - mean) / deviation).square() + deviation.log()
        return with_gradient_times(nll - math.log(FLOOR), deviation.detach() ** (2 * BETA))

    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        mean, deviation = self._moments(parameters)
        return {"loc": mean, "scale": deviation}


class Laplace(_MeanAndDeviation):
    """The Laplace distribution, whose mean is learned from absolute errors."""

    law = stats.laplace
    least_nll = math.log(math.sqrt(2) * FLOOR)

    def nll(self, parameters: Tensor, target: Tensor) -> Tensor:
        mean, raw = parameters.unbind(-1)
        scale = positive(raw) / math.sqrt(2)
        return (target - mean).abs() / scale + torch.log(2 * scale)

    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        mean, deviation = self._moments(parameters)
        return {"loc": mean, "scale": deviation / math.sqrt(2)}


class StudentT(_MeanAndDeviation):
    """Student's t distribution with learned degrees of freedom, above 2, so that it has a variance."""

    law = stats.t
    n_parameters = 3
    least_nll = math.log(FLOOR * math.sqrt((_LEAST_DF - 2) / _LEAST_DF)) - float(stats.t.logpdf(0, _LEAST_DF))

    def nll(self, parameters: Tensor, target: Tensor) -> Tensor:
        mean, raw, raw_df = parameters.unbind(-1)
        df = _LEAST_DF + (_MOST_DF - _LEAST_DF) * torch.sigmoid(raw_df + _START_DF)
        deviation = positive(raw)
        z_squared = ((target - mean) / deviation).square() / (df - 2)  # squared errors in scales, over df
        half = 0.5 * (df + 1)
        normaliser = torch.lgamma(0.5 * df) - torch.lgamma(half) + 0.5 * torch.log(math.pi * (df - 2))
        return normaliser + deviation.log() + half * torch.log1p(z_squared)

    def arguments(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        mean, deviation = self._moments(parameters)
        df = _LEAST_DF + (_MOST_DF - _LEAST_DF) * expit(parameters[..., 2] + _START_DF)
        return {"df": df, "loc": mean, "scale": deviation * np.sqrt((df - 2) / df)}


class LogNormal(Normal):
    """The log-normal distribution: outputs are those of a normal distribution of the logarithm."""

    law = stats.lognorm

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
        return np.clip(mean, -_LARGEST_LOG, _LARGEST_LOG), np.minimum(deviation, _LARGEST_DEVIATION)
