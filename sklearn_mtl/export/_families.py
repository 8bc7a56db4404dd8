"""Distributions and quantiles in torch: their averages over networks, predictions and deviations."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..tasks._distributions import Laplace, LogNormal, NegativeBinomial, Normal, NormalMixture, Quantiles, StudentT
from ..tasks._distributions._location_scale import LARGEST_DEVIATION, LARGEST_LOG
from ..tasks._distributions._negative_binomial import LARGEST_LOG as LARGEST_LOG_RATE
from ..tasks._distributions._positive import FLOOR, OFFSET


class InFamily(nn.Module):
    """What P outputs of each of C columns mean, as a `Family <sklearn_mtl.tasks._distributions.Family>` in numpy.

    Parameters
    ----------
    family : Family

    Attributes
    ----------
    suffix : str
        Of the name of the second answer.
    """

    suffix = "std"
    shift: Tensor
    scale: Tensor
    width: Tensor

    def __init__(self, family: Any) -> None:
        super().__init__()
        self.n_parameters: int = family.n_parameters
        for name in ("shift", "scale", "width", "highest", "starts"):
            values = getattr(family, name, None)
            if values is not None:
                self.register_buffer(name, torch.from_numpy(np.array(values, dtype=np.float64)))

    @abstractmethod
    def average(self, parameters: Tensor, weights: Tensor) -> Tensor:
        """Average outputs (M, B, C, P) to (B, C, P) with weights (M,)."""

    @abstractmethod
    def forward(self, parameters: Tensor) -> list[Tensor]:
        """Convert outputs (B, C, P) to predictions (B, C), and deviations (B, C) or quantiles (B, C, P)."""


class OfMeanAndDeviation(InFamily):
    """Normal, Laplace and Student's t distributions."""

    def average(self, parameters: Tensor, weights: Tensor) -> Tensor:
        averaged = _mean(parameters, weights)
        means, deviations = parameters[..., 0], _positive(parameters[..., 1])
        variance = _mean(deviations**2 + (means - averaged[..., 0]) ** 2, weights)
        raw = _raw_of_positive(variance.sqrt())
        return torch.cat([averaged[..., :1], raw.unsqueeze(-1), averaged[..., 2:]], dim=-1)

    def forward(self, parameters: Tensor) -> list[Tensor]:
        return self.moments(parameters)

    def moments(self, parameters: Tensor) -> list[Tensor]:
        """Return means and standard deviations in the units of what is learned."""
        mean = parameters[..., 0] * self.scale + self.shift
        return [mean, _positive(parameters[..., 1]) * self.width]


class OfLogNormal(OfMeanAndDeviation):
    """Log-normal distributions, whose outputs are those of the logarithm."""

    def average(self, parameters: Tensor, weights: Tensor) -> Tensor:
        means, deviations = self._logs(parameters)
        first = _log_mean(means + 0.5 * deviations**2, weights)
        second = _log_mean(2 * means + 2 * deviations**2, weights)
        variance = (second - 2 * first).clamp(min=0.0)
        deviation = (variance.sqrt() / self.width).clamp(min=FLOOR)
        mean = (first - 0.5 * (deviation * self.width) ** 2 - self.shift) / self.width
        return torch.stack([mean, _raw_of_positive(deviation)], dim=-1)

    def forward(self, parameters: Tensor) -> list[Tensor]:
        mean, deviation = self._logs(parameters)
        number = torch.exp(mean + 0.5 * deviation**2)
        return [number, number * torch.expm1(deviation**2).sqrt()]

    def _logs(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = self.moments(parameters)
        deviation = deviation.clamp(max=LARGEST_DEVIATION)
        most = (self.get_buffer("highest") + 2 * self.width - 0.5 * deviation**2).clamp(max=LARGEST_LOG)
        return torch.minimum(mean.clamp(min=-LARGEST_LOG), most), deviation


class OfMixture(InFamily):
    """Mixtures of normal distributions."""

    def average(self, parameters: Tensor, weights: Tensor) -> Tensor:
        shares, means, deviations = self._split(parameters)
        shares = shares * weights.view(-1, 1, 1, 1)
        total = shares.sum(dim=0)
        within = shares / total
        mean = (within * means).sum(dim=0)
        variance = (within * (deviations**2 + (means - mean) ** 2)).sum(dim=0)
        starts = self.get_buffer("starts")
        return torch.cat([total.log(), mean - starts, _raw_of_positive(variance.sqrt())], dim=-1)

    def forward(self, parameters: Tensor) -> list[Tensor]:
        shares, means, deviations = self._split(parameters)
        mean = (shares * means).sum(dim=-1)
        spread = self.scale * (means - mean.unsqueeze(-1)).movedim(-1, 0)
        within = self.width * deviations.movedim(-1, 0)
        variance = (shares.movedim(-1, 0) * (spread**2 + within**2)).sum(dim=0)
        return [mean * self.scale + self.shift, variance.sqrt()]

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return shares, means and standard deviations (..., C, J), in standard units."""
        logits, means, raw = parameters.chunk(3, dim=-1)
        shares = torch.log_softmax(logits, dim=-1).clamp(min=-600.0).exp()
        return shares, means + self.get_buffer("starts"), _positive(raw)


class OfNegativeBinomial(InFamily):
    """Counts with dispersion."""

    def average(self, parameters: Tensor, weights: Tensor) -> Tensor:
        log_rates = parameters[..., 0]
        mean = _log_mean(log_rates, weights)
        squares = torch.exp(2 * (log_rates - mean).clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE))
        dispersion = _mean(squares * (1 + _positive(parameters[..., 1])), weights) - 1
        return torch.stack([mean, _raw_of_positive(dispersion)], dim=-1)

    def forward(self, parameters: Tensor) -> list[Tensor]:
        rate = torch.exp((parameters[..., 0] + self.shift).clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE))
        return [rate, (rate + _positive(parameters[..., 1]) * rate**2).sqrt()]


class OfQuantiles(InFamily):
    """Several quantiles: that nearest to the median, and all."""

    suffix = "quantiles"

    def __init__(self, family: Quantiles) -> None:
        super().__init__(family)
        self.middle = family.middle

    def average(self, parameters: Tensor, weights: Tensor) -> Tensor:
        at = self.middle
        steps = _mean(_softplus(parameters), weights).clamp(min=1e-12)
        raw = steps + torch.log(-torch.expm1(-steps))
        middle = _mean(parameters[..., at : at + 1], weights)
        return torch.cat([raw[..., :at], middle, raw[..., at + 1 :]], dim=-1)

    def forward(self, parameters: Tensor) -> list[Tensor]:
        at = self.middle
        middle, steps = parameters[..., at : at + 1], _softplus(parameters)
        below = steps[..., :at].flip(-1).cumsum(-1).flip(-1)
        above = steps[..., at + 1 :].cumsum(-1)
        learned = torch.cat([middle - below, middle, middle + above], dim=-1)
        in_units = learned * self.scale.unsqueeze(-1) + self.shift.unsqueeze(-1)
        return [in_units[..., at], in_units]


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights.view(-1, *(1,) * (values.dim() - 1))).sum(dim=0)


def _log_mean(logarithms: Tensor, weights: Tensor) -> Tensor:
    shares = weights.log().view(-1, *(1,) * (logarithms.dim() - 1))
    return torch.logsumexp(logarithms + shares, dim=0)


def _softplus(values: Tensor) -> Tensor:
    return torch.nn.functional.softplus(values, threshold=40.0)  # beyond, equal in float64


def _positive(raw: Tensor) -> Tensor:
    return _softplus(raw + OFFSET) + FLOOR


def _raw_of_positive(values: Tensor) -> Tensor:
    above = (values - FLOOR).clamp(min=1e-12)
    return above + torch.log(-torch.expm1(-above)) - OFFSET


_BY_TYPE: dict[type, type[InFamily]] = {
    Normal: OfMeanAndDeviation,
    Laplace: OfMeanAndDeviation,
    StudentT: OfMeanAndDeviation,
    LogNormal: OfLogNormal,
    NormalMixture: OfMixture,
    NegativeBinomial: OfNegativeBinomial,
    Quantiles: OfQuantiles,
}


def family_of(family: Any) -> InFamily:
    """Return the module of what the outputs of a task mean."""
    return _BY_TYPE[type(family)](family)
