"""The continuous ranked probability score, in closed form where one is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from scipy.special import beta, hyp2f1, roots_legendre

# Points of the numeric integral on each side of the label.
_POINTS = 48
# Quantiles of each label that are computed together: more are faster, and take more memory.
_AT_ONCE = 8
# Counts are summed up to this quantile of the predicted distribution.
_ALMOST_ALL = 1 - 1e-10
# Sizes of negative binomial distributions up to which the closed form is used.
_LARGEST_SIZE = 100.0


def crps_of_mixture(distribution: Any, y: np.ndarray) -> np.ndarray:
    """Compute the score of each label under a `PredictedDistribution`.

    Parameters
    ----------
    distribution : PredictedDistribution
    y : ndarray
        Labels, of the shape of the distribution.
    """
    name, arguments, weights = distribution.law.name, distribution.arguments, distribution.weights
    if name == "norm":
        return _normal_mixture(y, arguments["loc"], arguments["scale"], weights)
    if len(weights) == 1 and name in _CLOSED:
        return _CLOSED[name](y, **{key: values[0] for key, values in arguments.items()})
    return crps_by_sum(distribution, y) if distribution.is_discrete else crps_by_integral(distribution, y)


def crps_of_frozen(distribution: Any, y: np.ndarray) -> np.ndarray:
    """Compute the score of each label under a frozen distribution of scipy."""
    law = distribution.dist
    shapes, loc, scale = law._parse_args(*distribution.args, **distribution.kwds)
    if law.name in _CLOSED and (law.name not in ("nbinom", "lognorm") or np.all(np.asarray(loc) == 0)):
        arguments = dict(zip((law.shapes or "").replace(" ", "").split(","), shapes, strict=False))
        located = {} if law.name in ("nbinom", "lognorm") else {"loc": loc}
        scaled = {} if law.name == "nbinom" else {"scale": scale}
        return _CLOSED[law.name](y, **arguments, **located, **scaled)
    return crps_by_sum(distribution, y) if hasattr(distribution, "pmf") else crps_by_integral(distribution, y)


def _normal_mixture(y: np.ndarray, loc: np.ndarray, scale: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute the score of mixtures of normal distributions, of Grimit et al., 2006."""
    score = (weights * _mean_distance(y - loc, scale)).sum(axis=0)
    for one_loc, one_scale, one_weight in zip(loc, scale, weights, strict=True):
        apart = _mean_distance(one_loc - loc, np.hypot(one_scale, scale))
        score = score - 0.5 * one_weight * (weights * apart).sum(axis=0)
    return np.asarray(score)


def _mean_distance(mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Compute the mean of the absolute value of a normal variable."""
    z = mean / scale
    return np.asarray(scale * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z)))


def _normal(y: np.ndarray, loc: Any, scale: Any) -> np.ndarray:
    return _mean_distance(y - loc, np.asarray(scale)) - np.asarray(scale) / np.sqrt(np.pi)


def _laplace(y: np.ndarray, loc: Any, scale: Any) -> np.ndarray:
    size = np.abs((y - loc) / scale)
    return np.asarray(scale * (size + np.exp(-size) - 0.75))


def _student_t(y: np.ndarray, df: Any, loc: Any, scale: Any) -> np.ndarray:
    z, df = (y - loc) / scale, np.asarray(df)
    ratio = beta(0.5, df - 0.5) / beta(0.5, df / 2) ** 2
    tail = 2 * stats.t.pdf(z, df) * (df + z**2) / (df - 1) - 2 * np.sqrt(df) / (df - 1) * ratio
    return np.asarray(scale * (z * (2 * stats.t.cdf(z, df) - 1) + tail))


def _lognormal(y: np.ndarray, s: Any, scale: Any) -> np.ndarray:
    s, mu = np.asarray(s), np.log(scale)
    positive = np.maximum(y, np.finfo(np.float64).tiny)
    z = (np.log(positive) - mu) / s
    at = np.where(y > 0, stats.norm.cdf(z), 0.0)
    behind = np.where(y > 0, stats.norm.cdf(z - s), 0.0)
    inner = behind + stats.norm.cdf(s / np.sqrt(2)) - 1
    return np.asarray(y * (2 * at - 1) - 2 * np.exp(mu + s**2 / 2) * inner)


def _negative_binomial(y: np.ndarray, n: Any, p: Any) -> np.ndarray:
    n, p = np.asarray(n), np.asarray(p)
    if (n > _LARGEST_SIZE).any():  # the hypergeometric function overflows
        return crps_by_sum(stats.nbinom(n, p), y)
    parts = p * (2 * stats.nbinom.cdf(y - 1, n + 1, p) - 1) + hyp2f1(n + 1, 0.5, 2, -4 * (1 - p) / p**2)
    return np.asarray(y * (2 * stats.nbinom.cdf(y, n, p) - 1) - n * (1 - p) / p**2 * parts)


#: closed forms by the name of the distribution; the sources are in `crps`
_CLOSED: dict[str, Any] = {
    "norm": _normal,
    "laplace": _laplace,
    "t": _student_t,
    "lognorm": _lognormal,
    "nbinom": _negative_binomial,
}


def crps_by_integral(distribution: Any, y: np.ndarray) -> np.ndarray:
    """Compute the score as the integral of pinball losses over all levels, by a Gauss-Legendre rule."""
    nodes, weights = roots_legendre(_POINTS)
    reached = distribution.cdf(y)
    score = np.zeros(np.broadcast(y, reached).shape)
    for first in range(0, _POINTS, _AT_ONCE):
        some = slice(first, first + _AT_ONCE), *[None] * score.ndim
        node, weight = 0.5 * (nodes[some] + 1), 0.5 * weights[some]
        # cubes put points where quantiles are extreme
        share, step = node**3, 3 * node**2 * weight
        below, above = reached * share, (1 - reached) * share
        left = reached * below * _finite_gap(y, distribution.ppf(below))
        right = (1 - reached) * above * _finite_gap(distribution.ppf(1 - above), y)
        score += (2 * step * (left + right)).sum(axis=0)
    return score


def _finite_gap(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Subtract; 0 where a level was rounded to 0 or 1, whose quantile is infinite."""
    with np.errstate(invalid="ignore"):
        gap = np.asarray(high - low)
    return np.where(np.isfinite(gap), gap, 0.0)


def crps_by_sum(distribution: Any, y: np.ndarray) -> np.ndarray:
    """Compute the score of counts as a sum of squares over all counts."""
    most = int(max(np.max(distribution.ppf(_ALMOST_ALL), initial=0), np.max(y, initial=0)))
    score = np.zeros(np.broadcast(y, distribution.cdf(y)).shape)
    for count in range(most + 1):
        # a label between two counts counts in part
        there = np.clip(count + 1 - y, 0.0, 1.0)
        at = distribution.cdf(np.full_like(y, count))
        score += there * (at - 1) ** 2 + (1 - there) * at**2
    return score
