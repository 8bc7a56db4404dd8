"""Regression: one or more numbers for each row."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.metrics import d2_pinball_score, mean_absolute_error, r2_score, root_mean_squared_error
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from ..utils._params import Interval, StrOptions
from ._base import Encoded, labelled_weight, of_weight, require_dimensions, require_labels
from ._bounds import read_bounds, within_bounds
from ._distributions import Family
from ._distributions._choice import DISTRIBUTIONS, family_of
from ._numbers import highest_of, mean_and_deviation, numbers_of
from ._own_loss import Loss, apply_loss, check_loss, spread
from ._parametric import ParametricTask
from ._statistics import LabelStatistics

_WITH_BOUNDS = ["absolute_error", "huber", "quantile", "squared_error"]
_LOSSES = {*_WITH_BOUNDS, *DISTRIBUTIONS}


class Regression(ParametricTask):
    """One number, or several columns of numbers, for each row.

    The target is standardised internally, column by column, so that the losses of tasks in grams and in metres
    have the same size. Predictions are in the target's units.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "quantile", "normal", "student_t", "laplace", \
            "lognormal", "mixture"} or callable, default="squared_error"
        Loss of the standardised target. "huber" is quadratic for errors up to ``epsilon`` and linear beyond [1]_;
        "quantile" is the pinball loss of conditional quantiles [2]_. "normal", "student_t", "laplace", "lognormal"
        and "mixture" learn a distribution for each row; see Notes. A function ``loss(output, target)`` gets
        tensors of shape (..., n_rows, n_columns), in standard deviations from the mean of the target unless
        ``standardize=False``, and returns the loss of each element, of the same shape.
    quantile : float in (0, 1), or list of such, default=0.5
        The quantile that ``loss="quantile"`` learns. Several are learned by one head; they must increase, and the
        predicted ones never cross. ``predict`` then returns the one nearest to 0.5, and
        `predict_quantiles <sklearn_mtl.MultiTaskNetEstimator.predict_quantiles>` all of them.
    epsilon : float > 0, default=1.35
        Error from which ``loss="huber"`` is linear, in standard deviations of the target.
    standardize : bool, default=True
        Whether to standardise the target.
    bounds : bool, default=False
        Whether labels may be limits: texts such as "<0.5" and ">10" beside numbers, for values that are known only
        to be at most or at least so large, as beyond the range of an instrument. A prediction beyond a limit, on
        its right side, has no loss, and any other the loss of its distance from the limit [5]_. Scores leave out
        limits, and so does ``label_inputs``. Requires a loss by name that is neither a distribution nor several
        quantiles.
    n_components : int, default=3
        Number of normal distributions that ``loss="mixture"`` mixes.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_columns,)
        Mean and standard deviation of the target's columns over the labelled rows, in which a limit counts as its
        number, and of its logarithm for ``loss="lognormal"``; the scale of a constant is 1.
    highest_ : ndarray of shape (n_columns,)
        The largest label, and its logarithm for ``loss="lognormal"``.
    constant_ : ndarray of bool of shape (n_columns,)
        Columns with a single value, which is predicted.

    Notes
    -----
    A distribution has its own mean and standard deviation in each row and column: the network learns where it is
    sure. ``predict`` returns its mean, the score is R2, and `predict_distribution
    <sklearn_mtl.MultiTaskNetEstimator.predict_distribution>`, ``predict_quantiles`` and ``predict_std`` return the
    rest. The loss is its negative log likelihood, plus a constant that makes it at least 0. Standard deviations
    are at least 0.001 of that of the target.

    - "normal" follows the beta-NLL with beta = 0.5 [3]_: the gradient of each row is multiplied by its standard
      deviation, and the value of the loss remains the likelihood.
    - "student_t" has heavier tails; its degrees of freedom are learned too, from 2.1 to 100, and start at 6.
    - "laplace" has the absolute error in the place of the squared one.
    - "lognormal" is "normal" for the logarithm of labels, which must be positive. Its mean is that of the labels.
      Its logarithm is at most two deviations of the logarithms above that of the largest label in ``fit``, because
      the exponential of an extrapolation may be huge.
    - "mixture" is a mixture of ``n_components`` normal distributions, a mixture density network [4]_, for labels
      with several likely values. The gradient of each row is multiplied as for "normal".

    The mean of an ensemble is that of the mixture of its members. Where one set of outputs must stand for all of
    them, as in the weights of a `Portfolio <sklearn_mtl.Portfolio>`, it has the mixture's mean and variance.

    References
    ----------
    .. [1] Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics, 1964.
    .. [2] Koenker and Bassett, "Regression Quantiles", Econometrica, 1978.
    .. [3] Seitzer, Tavakoli, Antic and Martius, "On the Pitfalls of Heteroscedastic Uncertainty Estimation with
       Probabilistic Neural Networks", ICLR 2022.
    .. [4] Bishop, "Mixture Density Networks", Technical Report NCRG/94/004, Aston University, 1994.
    .. [5] Heid et al., "Chemprop: A Machine Learning Package for Chemical Property Prediction", Journal of
       Chemical Information and Modeling, 2024.

    Raises
    ------
    ValueError, TypeError
        In ``fit``, if a function fails for some rows, or returns another shape, no tensor, or losses or gradients
        that are not finite; if several quantiles do not increase; if labels of ``loss="lognormal"`` are 0 or less.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import Regression
    >>> task = Regression().fit(np.array([10.0, 20.0, np.nan, 30.0]))
    >>> float(task.mean_[0])
    20.0
    >>> task.encode(np.array([20.0, np.nan])).weight.tolist()
    [[1.0], [0.0]]

    >>> task = Regression(bounds=True).fit(np.array([1.0, ">3", None], dtype=object))
    >>> task.encode(np.array(["<2", 2.0], dtype=object)).target.tolist()  # value, and side of the limit
    [[0.0, -1.0], [0.0, 0.0]]
    """

    kind = "regression"

    _parameter_constraints: dict = {
        "loss": [StrOptions(_LOSSES), callable],
        "quantile": [Interval(Real, 0, 1, closed="neither"), list, tuple],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "standardize": ["boolean"],
        "bounds": ["boolean"],
        "n_components": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        loss: str | Loss = "squared_error",
        quantile: float | Sequence[float] = 0.5,
        epsilon: float = 1.35,
        standardize: bool = True,
        bounds: bool = False,
        n_components: int = 3,
    ) -> None:
        self.loss = loss
        self.quantile = quantile
        self.epsilon = epsilon
        self.standardize = standardize
        self.bounds = bounds
        self.n_components = n_components

    @property
    def stackable_params(self) -> tuple[str, ...]:  # type: ignore[override]
        """Hyperparameters that may differ between stacked members; several quantiles have outputs of their own."""
        return ("epsilon",) if self._levels is not None else ("quantile", "epsilon")

    @property
    def has_distribution(self) -> bool:
        return isinstance(self.loss, str) and self.loss in DISTRIBUTIONS

    @property
    def has_quantiles(self) -> bool:
        return self.has_distribution or (self.loss == "quantile" and self._levels is not None)

    @property
    def _levels(self) -> Sequence[float] | None:
        """The levels of several quantiles; None for one."""
        return self.quantile if isinstance(self.quantile, list | tuple) else None

    @property
    def _family(self) -> Family | None:
        if not self.has_quantiles:
            return None
        scale = np.where(self._is_constant, 0.0, self.scale_)
        return family_of(str(self.loss), self.mean_, scale, self.highest_, self._levels, self.n_components)

    @property
    def metric(self) -> str:
        """Name of the metric that ``score`` computes."""
        return "d2_pinball" if self.loss == "quantile" else "r2"

    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> Regression:
        self._validate_params()
        _check_levels(self._levels)
        self._check_bounds()
        values, labelled, sides = self._read_learned(y)
        require_labels(labelled)
        self.multi_column_ = y.ndim == 2
        self.n_outputs_ = self.n_elements_ = values.shape[1]
        self.mean_, self.scale_ = np.zeros(values.shape[1]), np.ones(values.shape[1])
        self.constant_ = np.zeros(values.shape[1], dtype=bool)
        for column in range(values.shape[1] if self.standardize else 0):
            rows = labelled[:, column]
            require_labels(rows)
            mean, scale = mean_and_deviation(values[rows, column], labelled_weight(sample_weight, rows))
            self.mean_[column], self.scale_[column] = mean, scale or 1.0
            self.constant_[column] = scale == 0 and not sides[rows, column].any()
        self.highest_ = highest_of(values, labelled)
        family = self._family
        self.n_outputs_ = self.n_elements_ * (1 if family is None else family.n_parameters)
        if callable(self.loss):
            self._check_loss(self.loss, values, labelled, sample_weight)
        return self

    def _check_bounds(self) -> None:
        if self.bounds and (callable(self.loss) or self.has_quantiles):
            raise ValueError(
                f"bounds=True requires a loss by name, one of {_WITH_BOUNDS}, and one quantile; got "
                f"loss={self.loss!r} and quantile={self.quantile!r}"
            )

    def _check_loss(
        self, loss: Loss, values: np.ndarray, labelled: np.ndarray, sample_weight: np.ndarray | None
    ) -> None:
        # replaces missing labels: a loss may be undefined for numbers that are far from the labels
        self.filler_ = np.zeros(values.shape[1])
        if not self.standardize:
            weight = labelled * (1.0 if sample_weight is None else sample_weight[:, None])
            mass = weight.sum(axis=0)
            self.filler_ = np.where(labelled, values * weight, 0.0).sum(axis=0) / np.where(mass > 0, mass, 1.0)
        rows = np.flatnonzero(labelled.any(axis=1))
        self.stacks_ = check_loss(
            loss, self.n_outputs_, self.n_elements_, self.encode(values[spread(rows)]).target
        )

    def _read(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a target as float columns, which elements are labelled, and the sides of limits."""
        require_dimensions(y, "regression")
        values, sides = read_bounds(y) if self.bounds else (y, np.zeros(y.shape))
        return (*numbers_of(values), sides if y.ndim == 2 else sides[:, None])

    def _read_learned(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what ``_read`` does, with the logarithms of labels where these are learned."""
        values, labelled, sides = self._read(y)
        if self.loss != "lognormal":
            return values, labelled, sides
        n_bad = int((values[labelled] <= 0).sum())
        if n_bad:
            raise ValueError(
                f"loss='lognormal' needs positive labels, but {n_bad} of {labelled.sum()} are 0 or less; choose "
                "another loss, or mark these labels as missing"
            )
        return np.log(values), labelled, sides

    def _read_exact(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a target as float columns, and which elements have a label that is no limit."""
        values, labelled, sides = self._read(y)
        return values, labelled & (sides == 0)

    def with_labels_of(self, y: np.ndarray) -> Regression:
        values, labelled, sides = self._read_learned(y)
        varies = (((values != self.mean_) | (sides != 0)) & labelled).any(axis=0)
        rises = self.loss == "lognormal" and (highest_of(values, labelled) > self.highest_).any()
        if not rises and not (self._is_constant & varies).any():
            return self
        wider = copy.copy(self)
        wider.constant_ = self._is_constant & ~varies
        if rises:
            wider.highest_ = np.maximum(highest_of(values, labelled), self.highest_)
        return wider

    def with_statistics(self, statistics: LabelStatistics) -> Regression:
        # of logarithms and limits, only the sample is known
        is_plain = self.standardize and not self.bounds and self.loss != "lognormal" and not self.multi_column_
        if not is_plain or statistics.mean is None or not statistics.deviation:
            return self
        exact = copy.copy(self)
        exact.mean_, exact.scale_ = np.array([statistics.mean]), np.array([statistics.deviation])
        exact.constant_ = np.zeros(1, dtype=bool)
        return exact

    @property
    def _is_constant(self) -> np.ndarray:
        # models of earlier versions lack the attribute
        return getattr(self, "constant_", np.zeros(len(self.mean_), dtype=bool))

    def encode(self, y: np.ndarray) -> Encoded:
        values, labelled, sides = self._read_learned(y)
        if values.shape[1] != self.n_elements_:
            raise ValueError(f"the target has {values.shape[1]} columns, fit had {self.n_elements_}")
        standard = (values - self.mean_) / self.scale_
        filler = self.filler_ if callable(self.loss) else 0.0
        target = np.where(labelled, standard, filler)
        return Encoded(np.hstack([target, sides]) if self.bounds else target, labelled.astype(np.float64))

    @property
    def label_width(self) -> int:
        return 0 if self.bounds else self.n_elements_

    def label_input(self, target: np.ndarray) -> np.ndarray:
        return target

    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        if callable(self.loss):
            return apply_loss(self.loss, output, target, self.stacks_)
        family = self._family
        if family is not None:
            return family.loss_of_outputs(output, target)
        target = within_bounds(output, target) if self.bounds else target.expand_as(output)
        if self.loss == "squared_error":
            return mse_loss(output, target, reduction="none")
        if self.loss == "absolute_error":
            return l1_loss(output, target, reduction="none")
        error = target - output
        if self.loss == "huber":
            size = error.abs()
            linear = self.epsilon * (size - 0.5 * self.epsilon)
            return torch.where(size <= self.epsilon, 0.5 * error.square(), linear)
        level: Any = self.quantile
        return torch.maximum(level * error, (level - 1) * error)

    def fusion_key(self) -> Hashable | None:
        if callable(self.loss) or self.bounds:
            return None  # an own loss may join columns, and values stand before the sides of all limits
        if self.has_quantiles:
            return ("regression", self.loss, tuple(self._levels or ()), self.n_components)
        return ("regression", self.loss, self.quantile, self.epsilon)

    def decode(self, output: np.ndarray) -> np.ndarray:
        family = self._family
        if family is not None:
            return self._in_form_of_labels(family.location(family.parameters_of(output)))
        # float32 has too few digits for large numbers that hardly differ
        values = output.astype(np.float64) * np.where(self._is_constant, 0.0, self.scale_) + self.mean_
        return self._in_form_of_labels(values)

    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Compute R2, or the D2 of the pinball loss for ``loss="quantile"``, averaged over columns."""
        if self.loss == "quantile":
            return self._mean_over_columns(self._d2_pinball, y_true, y_pred, sample_weight)
        return self._mean_over_columns(r2_score, y_true, y_pred, sample_weight)

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        named: dict[str, Callable] = {"r2": r2_score}
        if self.loss == "quantile":
            named["d2_pinball"] = self._d2_pinball
        scores = {
            name: self._mean_over_columns(metric, y_true, y_pred, sample_weight) for name, metric in named.items()
        }
        for name, error in {
            "mean_absolute_error": mean_absolute_error,
            "root_mean_squared_error": root_mean_squared_error,
        }.items():
            scores[f"neg_{name}"] = -self._mean_over_columns(error, y_true, y_pred, sample_weight, self.scale_)
        return scores

    @property
    def metric_names(self) -> tuple[str, ...]:
        named = ("r2", "d2_pinball") if self.loss == "quantile" else ("r2",)
        return (*named, "neg_mean_absolute_error", "neg_root_mean_squared_error")

    def true_labels(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, labelled = self._read_exact(y)
        return (values, labelled) if y.ndim == 2 else (values[:, 0], labelled[:, 0])

    def _d2_pinball(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> float:
        levels = np.atleast_1d(np.asarray(self.quantile, dtype=np.float64))
        alpha = levels[np.abs(levels - 0.5).argmin()]  # the one that is predicted
        return float(d2_pinball_score(y_true, y_pred, sample_weight=sample_weight, alpha=alpha))

    def _mean_over_columns(
        self,
        metric: Callable,
        y_true: np.ndarray,
        y_pred: np.ndarray,
        sample_weight: np.ndarray | None,
        units: np.ndarray | None = None,
    ) -> float:
        """Compute a metric of the standardised target, whose squares do not overflow, times ``units``."""
        y_true, y_pred, sample_weight = of_weight(y_true, y_pred, sample_weight)
        true, labelled = self._read_exact(y_true)
        fewest = 2 if units is None else 1  # R2 and D2 need two rows
        pred = np.asarray(y_pred if y_pred.ndim == 2 else y_pred[:, None], dtype=np.float64)
        true, pred = (true - self.mean_) / self.scale_, (pred - self.mean_) / self.scale_
        units = np.ones(len(labelled.T)) if units is None else units
        scores = [
            units[column]
            * metric(true[rows, column], pred[rows, column], sample_weight=labelled_weight(sample_weight, rows))
            for column, rows in enumerate(labelled.T)
            if rows.sum() >= fewest
        ]
        return float(np.mean(scores)) if scores else float("nan")


def _check_levels(levels: Sequence[float] | None) -> None:
    if levels is None:
        return
    numbers = all(isinstance(level, Real) and 0 < level < 1 for level in levels)
    if not levels or not numbers or any(low >= high for low, high in pairwise(levels)):
        raise ValueError(
            f"quantile={levels!r}: several quantiles should be increasing numbers above 0 and below 1, for "
            "instance [0.05, 0.5, 0.95]"
        )
