"""Scores of predicted risks and survival curves for times that may be censored."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..columns._survival import CensoredTimes, read_survival

# Pairs of rows that are compared at once.
_AT_ONCE = 4_000_000
_NAN = float("nan")


def concordance_index(y_true: Any, risk: Any, sample_weight: Any = None, *, tied_tol: float = 1e-8) -> float:
    r"""Compute Harrell's concordance index of risks and times that may be censored.

    It is the share of comparable pairs of rows in which the row of the earlier event has the higher risk [1]_. A
    pair is comparable if the earlier time is that of an event, or if the times are equal and only one of the rows
    has an event. Pairs of equal risks count one half. Random risks have 0.5.

    Parameters
    ----------
    y_true : structured array of shape (n_samples,), or array-like of shape (n_samples, 2)
        Times and events, in the forms that `Survival <sklearn_mtl.tasks.Survival>` takes. Rows without a label are
        left out.
    risk : array-like of shape (n_samples,)
        Greater for rows whose event is expected earlier. For predicted times pass them negated.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weight of each row; a pair weighs as much as the product.
    tied_tol : float, default=1e-8
        Risks that differ by no more are equal.

    Returns
    -------
    float
        Between 0 and 1; NaN if no pair is comparable.

    References
    ----------
    .. [1] Harrell, Lee and Mark, "Multivariable Prognostic Models", Statistics in Medicine, 1996.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.metrics import concordance_index
    >>> y = np.array([[2.0, 1], [5.0, 0], [7.0, 1]])  # time, event
    >>> concordance_index(y, risk=[0.9, 0.1, 0.5])
    1.0
    """
    labels = read_survival(y_true)
    risk = _of_rows(risk, labels, "risk")
    weight = np.ones(len(risk)) if sample_weight is None else _of_rows(sample_weight, labels, "sample_weight")
    kept = labels.labelled & (weight > 0)
    time, event, _ = labels.of(kept)
    risk, weight = risk[kept], weight[kept]
    concordant = total = 0.0
    size = max(1, _AT_ONCE // max(1, len(time)))
    events = np.flatnonzero(event)
    for start in range(0, len(events), size):
        some = events[start : start + size, None]
        later = (time > time[some]) | ((time == time[some]) & ~event)
        higher = risk[some] - risk
        hits = np.where(np.abs(higher) <= tied_tol, 0.5, higher > 0)
        pairs = weight[some] * weight * later
        concordant += float((pairs * hits).sum())
        total += float(pairs.sum())
    return concordant / total if total > 0 else _NAN


def integrated_brier_score(
    survival_train: Any, survival_test: Any, estimate: Any, times: Any, sample_weight: Any = None
) -> float:
    r"""Compute the integrated Brier score of survival curves for times that may be censored.

    The Brier score at time t is the mean squared distance of the predicted probability of survival beyond t from
    what happened. Rows that are censored before t have weight 0, and the others make up for them by the inverse
    probability of not being censored [1]_. The mean over times is an integral by trapezoids.

    Parameters
    ----------
    survival_train : structured array of shape (n_train,), or array-like of shape (n_train, 2)
        Times and events, in the forms that `Survival <sklearn_mtl.tasks.Survival>` takes, from which the
        probability of censoring is estimated. Rows without a label are left out, here and in the next.
    survival_test : structured array of shape (n_samples,), or array-like of shape (n_samples, 2)
        Times and events of the rows that are predicted.
    estimate : array-like of shape (n_samples, n_times)
        Predicted probabilities of survival beyond each time.
    times : array-like of shape (n_times,)
        Two or more increasing times, from the first time in ``survival_test`` to before the last.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weight of each row.

    Returns
    -------
    float
        At least 0; smaller is better. A prediction of 0.5 throughout has 0.25.

    Raises
    ------
    ValueError
        If the times are not as above, or the test rows are observed for longer than those of training.

    References
    ----------
    .. [1] Graf, Schmoor, Sauerbrei and Schumacher, "Assessment and Comparison of Prognostic Classification Schemes
       for Survival Data", Statistics in Medicine, 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.metrics import integrated_brier_score
    >>> y = np.array([[1.0, 1], [2.0, 1], [3.0, 1], [4.0, 1]])  # time, event
    >>> integrated_brier_score(y, y, np.full((4, 2), 0.5), times=[1.5, 3.5])
    0.25
    """
    train, test = read_survival(survival_train), read_survival(survival_test)
    curves, times = np.asarray(estimate, dtype=np.float64), np.asarray(times, dtype=np.float64)
    if curves.shape != (len(test.time), len(times)):
        raise ValueError(f"estimate has shape {curves.shape}; expected {(len(test.time), len(times))}")
    weight = None if sample_weight is None else _of_rows(sample_weight, test, "sample_weight")
    kept = test.labelled if weight is None else test.labelled & (weight > 0)
    test, curves, weight = test.of(kept), curves[kept], None if weight is None else weight[kept]
    _check_times(times, test.time)
    censoring = Censoring.of(train)
    if censoring.values[-1] > 0 and test.time.max() > censoring.times[-1]:
        raise ValueError(
            f"the test rows are observed until {test.time.max():g}, but those of training only until "
            f"{censoring.times[-1]:g}; leave out later test rows"
        )
    return mean_brier_score(censoring, test, curves, times, weight)


class Censoring(NamedTuple):
    """The Kaplan-Meier estimate of not being censored, a step function that is 1 before the first time.

    Parameters
    ----------
    times, values : ndarray of shape (n_times,)
    """

    times: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, labels: CensoredTimes, sample_weight: np.ndarray | None = None) -> Censoring:
        """Estimate from labelled rows; an event comes before a censoring at the same time."""
        weight = np.ones(len(labels.time)) if sample_weight is None else sample_weight
        time, event, weight = (values[labels.labelled] for values in (labels.time, labels.event, weight))
        times, at = np.unique(time, return_inverse=True)
        events, censored = (
            np.bincount(at, weights=weight * which, minlength=len(times)) for which in (event, ~event)
        )
        leaving = events + censored
        at_risk = leaving[::-1].cumsum()[::-1] - events
        factors = 1.0 - np.divide(censored, at_risk, out=np.zeros(len(times)), where=censored > 0)
        return cls(times, np.cumprod(factors))

    def at(self, times: np.ndarray) -> np.ndarray:
        """Return the probability at some times; beyond the last one it is that of the last one."""
        position = np.searchsorted(self.times, times, side="right")
        return np.concatenate([[1.0], self.values])[position]


def mean_brier_score(
    censoring: Censoring,
    test: CensoredTimes,
    curves: np.ndarray,
    times: np.ndarray,
    weight: np.ndarray | None = None,
) -> float:
    """Compute the mean over times of the Brier score of labelled rows; see `integrated_brier_score`."""
    own, at = (np.where(known > 0, known, np.inf) for known in (censoring.at(test.time), censoring.at(times)))
    died = (test.time[:, None] <= times) & test.event[:, None]
    lives = test.time[:, None] > times
    errors = curves**2 * died / own[:, None] + (1.0 - curves) ** 2 * lives / at
    scores = np.average(errors, axis=0, weights=weight)
    return float(np.trapezoid(scores, times) / (times[-1] - times[0]))


def _check_times(times: np.ndarray, observed: np.ndarray) -> None:
    if times.ndim != 1 or len(times) < 2 or not (np.diff(times) > 0).all():
        raise ValueError(f"times should be two or more increasing numbers, got {times}")
    if not len(observed):
        raise ValueError("survival_test has no row with a label and a weight above 0")
    if times[0] < observed.min() or times[-1] >= observed.max():
        raise ValueError(
            f"times should be from {observed.min():g} to before {observed.max():g}, those of survival_test, got "
            f"{times[0]:g} to {times[-1]:g}"
        )


def _of_rows(values: Any, labels: CensoredTimes, name: str) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != labels.time.shape:
        raise ValueError(
            f"{name} has shape {numbers.shape}; expected {labels.time.shape}, one number for each row"
        )
    if not np.isfinite(numbers[labels.labelled]).all():
        raise ValueError(f"{name} contains NaN or infinity; expected a finite number for each row with a label")
    return numbers
