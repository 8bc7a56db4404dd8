"""Counts: one or several non-negative numbers for each row, Poisson or negative binomial."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import torch
from sklearn.metrics import d2_tweedie_score, mean_absolute_error, mean_poisson_deviance
from torch import Tensor

from ..columns._missing import is_missing
from ..utils._params import StrOptions
from ._base import Encoded, labelled_weight, of_weight, require_dimensions, require_labels
from ._distributions import NegativeBinomial
from ._members import log_mean_of_members
from ._parametric import ParametricTask

# The loss is linear for log-rates that exceed both those of the target and of the mean by more than this.
_LARGEST_STEP = 10.0
# Targets below this share of the mean count as 0, because their logarithm is not used.
_SMALLEST = 1e-6
_METRICS = ("d2_poisson", "neg_mean_poisson_deviance", "neg_mean_absolute_error")


class Count(ParametricTask):
    r"""A count, or several columns of counts, for each row, learned as a rate.

    The output is the logarithm of the rate in units of the mean count, so that training starts from the mean and
    rates are positive. Predictions are rates in the target's units. The loss is half the Poisson deviance [1]_,
    :math:`y \log(y / \mu) - y + \mu`, of counts and rates in units of the mean. Losses of counts in tens and in
    thousands therefore have the same size; the minimum does not change. For rates more than 20,000 times both the
    target and the mean the loss is linear in the output, which keeps it finite.

    As in `sklearn.linear_model.PoissonRegressor`, targets are at least 0 and need not be integers. A count per
    unit of exposure can be learned with the exposure as ``sample_weight``.

    Parameters
    ----------
    loss : {"poisson", "negative_binomial"}, default="poisson"
        The deviance above, or the negative log likelihood of a negative binomial distribution. That has a
        dispersion :math:`\alpha` in each row and column beside the rate, at least 0.001, and counts of variance
        :math:`\mu + \alpha \mu^2` [2]_: `predict_distribution
        <sklearn_mtl.MultiTaskNetEstimator.predict_distribution>` returns it.

    Attributes
    ----------
    mean_ : ndarray of shape (n_columns,)
        Mean of the target's columns over the labelled rows; 1 for a column of zeros.

    References
    ----------
    .. [1] McCullagh and Nelder, "Generalized Linear Models", Chapman and Hall, 1989.
    .. [2] Hilbe, "Negative Binomial Regression", Cambridge University Press, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import Count
    >>> task = Count().fit(np.array([0.0, 3.0, np.nan, 6.0]))
    >>> task.mean_.tolist()
    [3.0]
    >>> task.decode(np.log([[1.0], [2.0]])).round(6).tolist()
    [3.0, 6.0]
    """

    kind = "regression"
    metric = "d2_poisson"

    _parameter_constraints: dict = {"loss": [StrOptions({"poisson", "negative_binomial"})]}

    def __init__(self, loss: str = "poisson") -> None:
        self.loss = loss

    @property
    def has_distribution(self) -> bool:
        return self.loss == "negative_binomial"

    @property
    def _family(self) -> NegativeBinomial | None:
        return NegativeBinomial(self.mean_) if self.has_distribution else None

    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> Count:
        self._validate_params()
        counts, labelled = _columns(y)
        require_labels(labelled)
        self.multi_column_ = y.ndim == 2
        self.n_elements_ = counts.shape[1]
        self.n_outputs_ = self.n_elements_ * (NegativeBinomial.n_parameters if self.has_distribution else 1)
        self.mean_ = np.ones(counts.shape[1])
        for column, rows in enumerate(labelled.T):
            require_labels(rows)
            mean = np.average(counts[rows, column], weights=labelled_weight(sample_weight, rows))
            self.mean_[column] = mean if mean > 0 else 1.0
        return self

    def encode(self, y: np.ndarray) -> Encoded:
        counts, labelled = _columns(y)
        if counts.shape[1] != self.n_elements_:
            raise ValueError(f"the target has {counts.shape[1]} columns, fit had {self.n_elements_}")
        if self.has_distribution:
            target = NegativeBinomial.target_of(np.where(labelled, counts, 0.0), self.mean_)
        else:
            target = np.where(labelled, counts / self.mean_, 0.0)
        return Encoded(target, labelled.astype(np.float64))

    @property
    def label_width(self) -> int:
        return self.n_elements_

    def label_input(self, target: np.ndarray) -> np.ndarray:
        return np.log1p(NegativeBinomial.counts_of(target) / self.mean_ if self.has_distribution else target)

    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        family = self._family
        if family is not None:
            return family.loss_of_outputs(output, target)
        output = output.to(
            torch.promote_types(output.dtype, torch.float32)
        )  # bfloat16 has too few digits for rates
        end = torch.log(target.clamp_min(1.0)) + _LARGEST_STEP
        # at the end `minimum` would split the gradient, which the linear part has in full there
        log_rate = torch.where(output < end, output, end)
        # y (exp(d) - 1 - d) with d = log(rate / target) avoids differences of large numbers
        log_target = torch.log(target.clamp_min(_SMALLEST))
        distance = log_rate - log_target
        is_small = target < _SMALLEST
        of_small = torch.exp(log_rate) - target * (1.0 + distance)
        deviance = torch.where(
            is_small, of_small, target * (torch.expm1(distance.masked_fill(is_small, 0.0)) - distance)
        )
        # beyond the end the loss is linear with the slope at the end; without a slope, rates would stay too large
        return deviance + (output - end).clamp_min(0.0) * (torch.exp(end) - target)

    def fusion_key(self) -> Hashable | None:
        return (self.loss,)

    def decode(self, output: np.ndarray) -> np.ndarray:
        family = self._family
        if family is not None:
            return self._in_form_of_labels(family.location(family.parameters_of(output)))
        log_rate = output.astype(np.float64) + np.log(self.mean_)
        bound = 0.9 * np.log(np.finfo(np.float64).max)  # rates must be finite and positive
        rates = np.exp(np.clip(log_rate, -bound, bound))
        return self._in_form_of_labels(rates)

    def average(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the outputs of the mean of the members' rates, and of the variance of their mixture."""
        if self.has_distribution:
            return super().average(outputs, weights)
        return log_mean_of_members(outputs, weights)

    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Compute D2, the share of the Poisson deviance that is explained, averaged over columns."""
        return self.metrics(y_true, y_pred, sample_weight)[self.metric]

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        y_true, y_pred, sample_weight = of_weight(y_true, y_pred, sample_weight)
        true, labelled = _columns(y_true)
        pred = y_pred if y_pred.ndim == 2 else y_pred[:, None]
        scores = [
            _metrics_of_column(true[rows, column], pred[rows, column], labelled_weight(sample_weight, rows))
            for column, rows in enumerate(labelled.T)
            if rows.any()
        ]
        means = _mean_of_known(scores) if scores else [float("nan")] * len(_METRICS)
        return dict(zip(_METRICS, means, strict=True))

    @property
    def metric_names(self) -> tuple[str, ...]:
        return _METRICS

    def true_labels(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        counts, labelled = _columns(y)
        return (counts, labelled) if y.ndim == 2 else (counts[:, 0], labelled[:, 0])


def _mean_of_known(scores: list[tuple[float, ...]]) -> list[float]:
    """Average each metric over the columns where it is defined."""
    known = [[value for value in values if not np.isnan(value)] for values in zip(*scores, strict=True)]
    return [float(np.mean(values)) if values else float("nan") for values in known]


def _metrics_of_column(true: np.ndarray, pred: np.ndarray, weight: np.ndarray | None) -> tuple[float, ...]:
    pred = np.maximum(
        pred.astype(np.float64), np.finfo(np.float32).tiny
    )  # the deviance of a rate of 0 is not defined
    deviance = mean_poisson_deviance(true, pred, sample_weight=weight)
    if len(true) == 1:  # like R2, D2 needs two rows
        d2 = float("nan")
    elif (true == true[0]).all():  # constant target: like R2, 1 if the prediction is right and 0 if not
        d2 = float(deviance < np.finfo(np.float64).eps * max(true[0], 1.0))
    else:
        d2 = d2_tweedie_score(true, pred, sample_weight=weight, power=1)
    return float(d2), -float(deviance), -float(mean_absolute_error(true, pred, sample_weight=weight))


def _columns(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a target as float columns, and which elements are labelled."""
    require_dimensions(y, "count")
    y = y if y.ndim == 2 else y[:, None]
    labelled = ~is_missing(y)
    counts = np.full(y.shape, np.nan)
    known = y[labelled]
    if y.dtype.kind in "cmMSU" or any(isinstance(value, str) for value in known.tolist()):
        raise ValueError(f"counts must be numbers, got dtype {y.dtype}")
    counts[labelled] = known.astype(np.float64)
    if np.isinf(counts).any():
        raise ValueError("the target contains infinity")
    if (counts[labelled] < 0).any():
        raise ValueError(f"counts must be at least 0, got {counts[labelled].min():g}")
    return counts, labelled
