"""Survival: the time until an event, which may be censored."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..columns._survival import CensoredTimes, read_survival
from ..metrics import concordance_index
from ..metrics._survival import Censoring, mean_brier_score
from ..utils._params import Interval, StrOptions
from ._base import Encoded, Task, labelled_weight, of_weight, require_dimensions, require_labels
from ._cox import breslow, cox_loss, cox_median, cox_survival
from ._hazards import (
    average_hazards,
    hazard_loss,
    hazard_median,
    hazard_survival,
    n_survived,
    quantiles,
    share_lost,
)
from ._members import mean_of_members

# Times at which survival curves are compared with the labels.
_N_SCORED = 30
_BRIER = "neg_integrated_brier_score"


class Survival(Task):
    r"""The time until an event of each row, such as a death or a failure, which may be censored.

    Of a censored row it is known only that the event had not happened by its time. The target of a task is one
    entry of a mapping: a structured array as of scikit-survival, with a bool field (the event) and a field of
    numbers (the time) of any names; an array of shape (n_samples, 2) with columns time and event, in this order;
    or a column of pairs, of which the bool is the event. Rows with a time of NaN, or None, have no label.

    ``predict`` returns the median survival time: the time at which the survival curve reaches 0.5, and the largest
    time in ``fit`` for rows whose curve does not. ``predict_risk`` and ``predict_survival_function`` of the
    estimator return risks and whole curves. The score is Harrell's concordance index of the risks.

    With ``loss="cox"`` the output is the logarithm of the hazard relative to a baseline that all rows share, the
    model of Cox [1]_ on a network [2]_. The loss of a batch is the partial likelihood among its own rows, so
    larger batches have less noise. Ties are treated as by Breslow, and after training the baseline hazard is
    estimated as by Breslow from all rows of ``fit`` [3]_, those held out for validation included; after
    ``partial_fit`` from the rows of its last batch.

    With ``loss="discrete_time"`` time is divided into intervals, and the outputs are the logits of the hazards:
    the probabilities that the event happens in an interval, given that it did not before [4]_. Hazards need not be
    proportional. A censored row has survived the intervals that it was observed for at least half of. Curves are
    linear within an interval.

    Parameters
    ----------
    loss : {"cox", "discrete_time"}, default="cox"
        Model of the hazard.
    n_intervals : int >= 1, default=20
        Number of intervals of ``loss="discrete_time"``, which end at quantiles of the times of events in ``fit``;
        fewer if there are fewer different times.

    Attributes
    ----------
    times_ : ndarray of shape (n_times,)
        Times at which survival curves are given: those of events, or the ends of the intervals.
    last_time_ : float
        Largest time in ``fit``, of an event or not.
    edges_ : ndarray of shape (n_intervals + 1,)
        Edges of the intervals of ``loss="discrete_time"``, from 0.
    log_baseline_ : ndarray of shape (n_times,)
        Logarithm of the cumulative baseline hazard of ``loss="cox"`` at ``times_``. Before the end of training it
        is that of equal risks.

    References
    ----------
    .. [1] Cox, "Regression Models and Life-Tables", Journal of the Royal Statistical Society B, 1972.
    .. [2] Katzman et al., "DeepSurv: Personalized Treatment Recommender System Using a Cox Proportional Hazards
       Deep Neural Network", BMC Medical Research Methodology, 2018.
    .. [3] Breslow, "Discussion of Professor Cox's Paper", Journal of the Royal Statistical Society B, 1972.
    .. [4] Gensheimer and Narasimhan, "A Scalable Discrete-Time Survival Model for Neural Networks", PeerJ, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import Survival
    >>> y = np.array([[2.0, 1], [3.0, 0], [5.0, 1], [np.nan, np.nan]])  # time, event
    >>> task = Survival(loss="discrete_time", n_intervals=2).fit(y)
    >>> task.edges_.tolist()
    [0.0, 2.0, 5.0]
    >>> task.survival(np.array([[0.0, 0.0]]), times=[2.0, 3.5, 5.0]).tolist()
    [[0.5, 0.375, 0.25]]
    >>> task.decode(np.array([[0.0, 0.0], [-1.0, 0.0]])).round(2).tolist()
    [2.0, 3.9]
    """

    kind = "regression"
    metric = "concordance_index"
    has_one_label = False
    has_strata = True  # by the event

    _parameter_constraints: dict = {
        "loss": [StrOptions({"cox", "discrete_time"})],
        "n_intervals": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, loss: str = "cox", n_intervals: int = 20) -> None:
        self.loss = loss
        self.n_intervals = n_intervals

    @property
    def _is_cox(self) -> bool:
        return self.loss == "cox"

    @property
    def is_regression(self) -> bool:
        """Whether predictions have a spread over an ensemble: not of Cox, whose networks share a baseline."""
        return not self._is_cox

    @property
    def compares_rows(self) -> bool:
        """Whether the loss of a row depends on the other rows of the batch: that of Cox does."""
        return self._is_cox

    @property
    def learns_after_training(self) -> bool:
        """Whether the task learns from outputs after training: the baseline of Cox."""
        return self._is_cox

    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> Survival:
        self._validate_params()
        labels = self._read(y)
        require_labels(labels.labelled)
        if not labels.event.any():
            raise ValueError(
                "no row has an event: all labels are censored, and a hazard cannot be learned; at least one event "
                "is needed"
            )
        weight = np.ones(len(labels.time)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        times, mass = labels.time[labels.event], weight[labels.event]
        self.last_time_ = float(labels.time.max())
        self.censoring_times_, self.censoring_ = Censoring.of(labels, weight)
        self.score_times_ = quantiles(times, mass, np.linspace(0, 1, _N_SCORED))
        self.n_outputs_ = self.n_elements_ = 1
        if self._is_cox:
            # a power of two: float32 then keeps the digits, and thereby the ties
            self.unit_ = float(2.0 ** np.frexp(self.last_time_)[1])
            self.finished_ = False
            known = np.where(labels.labelled, weight, 0.0)
            self.times_, self.log_baseline_ = breslow(np.zeros(len(known)), labels.time, labels.event, known)
            return self
        shares = np.arange(1, self.n_intervals + 1) / self.n_intervals
        self.times_ = quantiles(times, mass, shares)
        self.edges_ = np.concatenate([[0.0], self.times_])
        self.n_outputs_ = len(self.times_)
        return self

    def _read(self, y: np.ndarray) -> CensoredTimes:
        require_dimensions(y, "survival")
        labels = read_survival(y)
        zero = labels.labelled & (labels.time == 0)
        if zero.any() and not self._is_cox:
            raise ValueError(
                f"row {int(zero.argmax())}: times of loss='discrete_time' must be above 0, because the first "
                "interval starts after 0, got 0; leave the row out, or use loss='cox'"
            )
        return labels

    def encode(self, y: np.ndarray) -> Encoded:
        labels = self._read(y)
        known = labels.labelled[:, None].astype(np.float64)
        if self._is_cox:
            target = np.column_stack([labels.event, labels.time / self.unit_, labels.labelled])
        else:
            survived = np.where(labels.labelled, n_survived(labels, self.edges_), 0)
            target = np.column_stack([labels.event, survived])
        return Encoded(target.astype(np.float64), known)

    def weigh(self, target: Tensor, weight: Tensor) -> Tensor:
        return torch.cat([target[..., :2], weight.to(target.dtype)], dim=-1) if self._is_cox else target

    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        return cox_loss(output, target) if self._is_cox else hazard_loss(output, target)

    def finish(self, output: np.ndarray, target: np.ndarray, weight: np.ndarray) -> Survival:
        """Return a copy with Breslow's baseline hazard for the outputs of the rows of ``fit``."""
        if not (self._is_cox and (weight[:, 0] * target[:, 0] > 0).any()):
            return self
        finished = copy.copy(self)
        event, time = target[:, 0].astype(np.float64), target[:, 1].astype(np.float64) * self.unit_
        score, mass = output[:, 0].astype(np.float64), weight[:, 0].astype(np.float64)
        times, finished.log_baseline_ = breslow(score, time, event, mass)
        finished.times_ = _snapped(times, self.times_)
        finished.last_time_ = max(self.last_time_, float(finished.times_[-1]))
        finished.finished_ = True
        return finished

    def risk(self, output: np.ndarray) -> np.ndarray:
        """Convert outputs (B, K) to risks (B,), greater for rows whose event is expected earlier.

        Of ``loss="cox"`` it is the logarithm of the hazard relative to the baseline; of ``loss="discrete_time"``
        the share of the time until the last edge that is not survived on average, from 0 to 1.
        """
        exact = output.astype(np.float64)
        return exact[:, 0] if self._is_cox else share_lost(exact, self.edges_)

    def survival(self, output: np.ndarray, times: Any = None) -> np.ndarray:
        """Convert outputs (B, K) to probabilities (B, n_times) of survival beyond some times.

        Parameters
        ----------
        output : ndarray of shape (B, K)
        times : array-like of shape (n_times,) or None, default=None
            None for ``times_``. Beyond the last of these the probability does not fall.

        Raises
        ------
        ValueError
            If a time is negative, or not a finite number.
        """
        at = self.times_ if times is None else np.asarray(times, dtype=np.float64)
        if at.ndim != 1 or not np.isfinite(at).all() or (at < 0).any():
            raise ValueError(f"times={times!r} should be a list of finite numbers of at least 0")
        exact = output.astype(np.float64)
        if self._is_cox:
            return cox_survival(exact[:, 0], self.times_, self.log_baseline_, at)
        return hazard_survival(exact, self.edges_, at)

    def decode(self, output: np.ndarray) -> np.ndarray:
        """Convert outputs to median survival times; ``last_time_`` where the curve does not reach 0.5."""
        exact = output.astype(np.float64)
        if self._is_cox:
            return cox_median(exact[:, 0], self.times_, self.log_baseline_, self.last_time_)
        return hazard_median(exact, self.edges_, self.last_time_)

    def rated(self, output: np.ndarray) -> np.ndarray:
        """Return what is scored: columns of the median time, the risk, and the curve at ``score_times_``.

        The curve is left out as long as ``loss="cox"`` has no baseline, in training.
        """
        columns = [self.decode(output)[:, None], self.risk(output)[:, None]]
        if not self._is_cox or self.finished_:
            columns.append(self.survival(output, self.score_times_))
        return np.hstack(columns)

    def average(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the mean log-hazard of Cox, or the outputs of the mean survival curve."""
        return mean_of_members(outputs, weights) if self._is_cox else average_hazards(outputs, weights)

    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Compute Harrell's concordance index, of risks, or of predicted times."""
        y_true, y_pred, sample_weight = of_weight(y_true, y_pred, sample_weight)
        risk = y_pred[:, 1] if y_pred.ndim == 2 else -y_pred
        return concordance_index(y_true, risk, sample_weight)

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        """Compute the concordance index, and the negated integrated Brier score over quantiles of event times.

        Predicted times count as curves that fall from 1 to 0 at that time.
        """
        return {
            self.metric: self.score(y_true, y_pred, sample_weight),
            _BRIER: self._brier(*of_weight(y_true, y_pred, sample_weight)),
        }

    def _brier(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None) -> float:
        labels = read_survival(y_true)
        kept = labels.labelled
        has_curve = y_pred.ndim == 1 or y_pred.shape[1] > 2
        if not kept.any() or not has_curve:
            return float("nan")
        test, times = labels.of(kept), self.score_times_
        within = (times >= test.time.min()) & (times < test.time.max())
        if within.sum() < 2:
            return float("nan")
        curves = y_pred[:, 2:] if y_pred.ndim == 2 else (y_pred[:, None] > times).astype(np.float64)
        censoring = Censoring(self.censoring_times_, self.censoring_)
        weight = labelled_weight(sample_weight, kept)
        return -mean_brier_score(censoring, test, curves[kept][:, within], times[within], weight)

    @property
    def metric_names(self) -> tuple[str, ...]:
        # in training Cox has no curves
        return (self.metric,) if self._is_cox else (self.metric, _BRIER)

    def true_labels(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return times and events (n_samples, 2), and which rows have a label."""
        labels = self._read(y)
        both = np.column_stack([labels.time, labels.event])
        return np.where(labels.labelled[:, None], both, np.nan), labels.labelled

    def predicted_labels(self, y_pred: np.ndarray) -> np.ndarray:
        """Return predicted times."""
        return y_pred[:, 0] if y_pred.ndim == 2 else y_pred


def _snapped(times: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Replace times that float32 has rounded by the nearest known ones."""
    place = np.clip(np.searchsorted(known, times), 1, max(len(known) - 1, 1))
    low, high = known[place - 1], known[np.minimum(place, len(known) - 1)]
    nearest = np.where(np.abs(times - low) <= np.abs(high - times), low, high)
    return np.where(np.abs(nearest - times) <= 1e-6 * np.abs(times), nearest, times)
