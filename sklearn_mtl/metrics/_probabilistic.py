"""Scores of predicted quantiles, intervals and distributions; missing labels are left out."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from ..columns._missing import is_missing
from ._crps import crps_of_frozen


def pinball_loss(y_true: Any, y_pred: Any, q: Any, sample_weight: Any = None) -> float:
    r"""Compute the mean pinball loss of predicted quantiles; smaller is better.

    The loss of a quantile of level q is :math:`\max(q (y - z), (q - 1) (y - z))` for a label y and a prediction z.
    Its mean is smallest for the true quantiles [1]_.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_columns)
        Labels, NaN or None where they are missing.
    y_pred : array-like of shape (n_samples, n_levels) or (n_samples, n_columns, n_levels)
        What `predict_quantiles <sklearn_mtl.MultiTaskNetEstimator.predict_quantiles>` returns for a task.
    q : float or array-like of shape (n_levels,)
        Levels, each above 0 and below 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        Mean over levels, labelled rows and columns, in the units of the labels; NaN without a label.

    See Also
    --------
    sklearn.metrics.mean_pinball_loss : The same for one level and complete labels.

    References
    ----------
    .. [1] Koenker and Bassett, "Regression Quantiles", Econometrica, 1978.

    Examples
    --------
    >>> from sklearn_mtl.metrics import pinball_loss
    >>> pinball_loss([1.0, float("nan"), 3.0], [[0.0, 2.0], [0.0, 0.0], [2.0, 2.0]], [0.1, 0.9])
    0.3
    """
    true, labelled = _labels(y_true)
    levels = np.atleast_1d(np.asarray(q, dtype=np.float64))
    if not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"q={q!r} should be levels above 0 and below 1.")
    pred = np.asarray(y_pred, dtype=np.float64)
    if pred.shape != (*true.shape, len(levels)):
        raise ValueError(
            f"y_pred has shape {pred.shape}, but {len(levels)} level(s) of labels of shape {true.shape} have "
            f"{(*true.shape, len(levels))}; pass what predict_quantiles returns for the task, and the same q."
        )
    error = true[..., None] - pred
    return _mean(np.maximum(levels * error, (levels - 1) * error).mean(axis=-1), labelled, sample_weight)


def crps(y_true: Any, distribution: Any, sample_weight: Any = None) -> float:
    r"""Compute the mean continuous ranked probability score of predicted distributions; smaller is better.

    The score of a label y under a distribution function F is :math:`\int (F(x) - 1[y \le x])^2 dx` [1]_. It is
    in the units of the labels, and the absolute error if F is a single number. The forms for normal, Laplace,
    Student's t, log-normal and negative binomial distributions are closed [2]_, and so is that for mixtures of
    normal distributions [3]_. Other mixtures are integrated numerically, to a relative error of about 1e-3 or
    less, and counts are summed.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_columns)
        Labels, NaN or None where they are missing.
    distribution : PredictedDistribution, or frozen distribution of scipy.stats
        What `predict_distribution <sklearn_mtl.MultiTaskNetEstimator.predict_distribution>` returns for a task;
        arguments of a frozen distribution must broadcast against the labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        Mean over labelled rows and columns; NaN without a label.

    References
    ----------
    .. [1] Gneiting and Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", Journal of the
       American Statistical Association, 2007.
    .. [2] Jordan, Krueger and Lerch, "Evaluating Probabilistic Forecasts with scoringRules", Journal of
       Statistical Software, 2019.
    .. [3] Grimit, Gneiting, Berrocal and Johnson, "The Continuous Ranked Probability Score for Circular Variables
       and Its Application to Mesoscale Forecast Ensemble Verification", Quarterly Journal of the Royal
       Meteorological Society, 2006.

    Examples
    --------
    >>> from scipy import stats
    >>> from sklearn_mtl.metrics import crps
    >>> round(crps([0.0, 1.0, None], stats.norm([0.0, 0.0, 0.0], 1.0)), 4)
    0.4181
    """
    true, labelled = _labels_of(y_true, distribution)
    known = np.where(labelled, true, _middle(distribution))
    each = distribution.crps(known) if hasattr(distribution, "crps") else crps_of_frozen(distribution, known)
    return _mean(np.broadcast_to(each, true.shape), labelled, sample_weight)


def log_score(y_true: Any, distribution: Any, sample_weight: Any = None) -> float:
    """Compute the mean negative log likelihood of predicted distributions; smaller is better.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_columns)
        Labels, NaN or None where they are missing.
    distribution : PredictedDistribution, or frozen distribution of scipy.stats
        What `predict_distribution <sklearn_mtl.MultiTaskNetEstimator.predict_distribution>` returns for a task.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        Mean over labelled rows and columns, in nats; it depends on the units of the labels. NaN without a label.

    Examples
    --------
    >>> from scipy import stats
    >>> from sklearn_mtl.metrics import log_score
    >>> round(log_score([0.0, 1.0], stats.norm([0.0, 0.0], 1.0)), 4)
    1.1689
    """
    true, labelled = _labels_of(y_true, distribution)
    known = np.where(labelled, true, _middle(distribution))
    each = distribution.logpmf(known) if hasattr(distribution, "pmf") else distribution.logpdf(known)
    return _mean(-np.broadcast_to(each, true.shape), labelled, sample_weight)


def interval_coverage(y_true: Any, lower: Any, upper: Any, sample_weight: Any = None) -> float:
    """Compute the share of labels inside their intervals, ends included.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_columns)
        Labels, NaN or None where they are missing.
    lower, upper : array-like of the shape of the labels
        Ends of the intervals.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        From 0 to 1, the mean over labelled rows and columns; NaN without a label.

    Examples
    --------
    >>> from sklearn_mtl.metrics import interval_coverage
    >>> interval_coverage([1.0, 2.0, None], [0.0, 3.0, 0.0], [2.0, 4.0, 0.0])
    0.5
    """
    true, labelled = _labels(y_true)
    low, high = _ends(true, lower, upper)
    return _mean(((low <= true) & (true <= high)).astype(np.float64), labelled, sample_weight)


def interval_width(y_true: Any, lower: Any, upper: Any, sample_weight: Any = None) -> float:
    """Compute the mean width of the intervals of labels; of two with the same coverage, narrow ones are better.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_columns)
        Labels; only those that are not missing count, as in `interval_coverage`.
    lower, upper : array-like of the shape of the labels
        Ends of the intervals.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.

    Returns
    -------
    float
        In the units of the labels, the mean over labelled rows and columns; NaN without a label.

    Examples
    --------
    >>> from sklearn_mtl.metrics import interval_width
    >>> interval_width([1.0, 2.0, None], [0.0, 3.0, 0.0], [2.0, 4.0, 9.0])
    1.5
    """
    true, labelled = _labels(y_true)
    low, high = _ends(true, lower, upper)
    return _mean(high - low, labelled, sample_weight)


def _labels(y_true: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as floats, and which are there."""
    given = np.asarray(y_true)
    if given.ndim not in (1, 2):
        raise ValueError(f"y_true should be 1-D or 2-D, got shape {given.shape}.")
    labelled = ~is_missing(given)
    true = np.full(given.shape, np.nan)
    true[labelled] = given[labelled].astype(np.float64)
    return true, labelled


def _labels_of(y_true: Any, distribution: Any) -> tuple[np.ndarray, np.ndarray]:
    true, labelled = _labels(y_true)
    shape = np.shape(distribution.mean())
    # from the last axis on, sizes that are not those of the labels should be 1
    if len(shape) > true.ndim or any(n not in (1, m) for n, m in zip(shape[::-1], true.shape[::-1], strict=False)):
        raise ValueError(f"y_true has shape {true.shape}, but the distributions have shape {shape}.")
    return true, labelled


def _middle(distribution: Any) -> np.ndarray:
    """Return labels that stand for missing ones; they are not counted."""
    return np.floor(distribution.mean()) if hasattr(distribution, "pmf") else np.asarray(distribution.mean())


def _ends(true: np.ndarray, lower: Any, upper: Any) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    if not low.shape == high.shape == true.shape:
        raise ValueError(
            f"lower and upper should have the shape {true.shape} of y_true, got {low.shape} and {high.shape}."
        )
    if (low > high).any():
        raise ValueError("lower is above upper in some rows; swap them, or check the levels.")
    return low, high


def _mean(values: np.ndarray, labelled: np.ndarray, sample_weight: Any) -> float:
    """Average over the labelled rows of each column, and over the columns that have any."""
    weight = np.ones(len(values)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    check_consistent_length(values, weight)
    columns, there = values.reshape(len(values), -1), labelled.reshape(len(values), -1)
    means = [
        np.average(column[rows], weights=weight[rows])
        for column, rows in zip(columns.T, (there & (weight[:, None] > 0)).T, strict=True)
        if rows.any()
    ]
    return float(np.mean(means)) if means else float("nan")
