"""The predicted distribution of each row: that of one network, or the mixture of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from ...metrics._crps import crps_of_mixture

# Halvings of the interval that contains a quantile: as many as float64 can tell apart.
_HALVINGS = 100


class PredictedDistribution:
    """Predicted distributions of n labels, with the methods of a frozen distribution of scipy.

    It is a mixture of J distributions of one family: of the networks of an ensemble, with their weights, and of
    the components that each network learns. For one network and component it is that distribution. Arguments are
    broadcast against ``shape``, as in scipy: `ppf(0.9) <ppf>` is the quantile of each row, and ``cdf(y)`` the
    probability of at most its label.

    Parameters
    ----------
    law : scipy.stats distribution
    arguments : mapping of str to ndarray of shape (J, n) or (J, n, n_columns)
        Arguments of ``law``, in the units of the target.
    weights : ndarray of the same shape
        Weights of the components, of sum 1 over the first axis.

    Attributes
    ----------
    shape : tuple of int
        (n,), or (n, n_columns) if the target has columns.
    is_discrete : bool
        Whether it has ``pmf`` and ``logpmf`` instead of ``pdf`` and ``logpdf``.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import stats
    >>> from sklearn_mtl.tasks import PredictedDistribution
    >>> means, weights = np.array([[0.0, 1.0], [0.0, 3.0]]), np.full((2, 2), 0.5)
    >>> mixture = PredictedDistribution(stats.norm, {"loc": means, "scale": np.ones((2, 2))}, weights)
    >>> mixture.mean().tolist(), mixture.std().round(2).tolist()
    ([0.0, 2.0], [1.0, 1.41])
    >>> mixture.ppf(0.9).round(2).tolist()
    [1.28, 3.85]
    """

    def __init__(self, law: Any, arguments: Mapping[str, np.ndarray], weights: np.ndarray) -> None:
        self.law, self.arguments, self.weights = law, dict(arguments), weights

    def __repr__(self) -> str:
        return f"<PredictedDistribution {self.law.name} of {len(self.weights)} component(s), shape {self.shape}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels."""
        return self.weights.shape[1:]

    @property
    def is_discrete(self) -> bool:
        """Whether labels are counts."""
        return hasattr(self.law, "pmf")

    def reshape(self, *shape: int) -> PredictedDistribution:
        """Return the distributions in another shape."""
        arguments = {name: values.reshape(len(values), *shape) for name, values in self.arguments.items()}
        return PredictedDistribution(self.law, arguments, self.weights.reshape(len(self.weights), *shape))

    def mean(self) -> np.ndarray:
        """Return the means, which ``predict`` returns too."""
        return np.asarray((self.weights * self._components().mean()).sum(axis=0))

    def var(self) -> np.ndarray:
        """Return the variances: the mean variance of the components, and the variance of their means."""
        means, variances = self._components().stats(moments="mv")
        return np.asarray((self.weights * (variances + (means - self.mean()) ** 2)).sum(axis=0))

    def std(self) -> np.ndarray:
        """Return the standard deviations."""
        return np.sqrt(self.var())

    def median(self) -> np.ndarray:
        """Return the medians."""
        return self.ppf(0.5)

    def cdf(self, x: Any) -> np.ndarray:
        """Compute the probability of at most x.

        Parameters
        ----------
        x : array-like
            Of a shape that broadcasts against ``shape``.
        """
        values = np.asarray(x, dtype=np.float64)
        weights, components = self._expanded(values.ndim)
        return np.asarray((weights * components.cdf(values)).sum(axis=0))

    @available_if(lambda self: not self.is_discrete)
    def logpdf(self, x: Any) -> np.ndarray:
        """Compute the logarithm of the density at x."""
        return self._log_likelihood("logpdf", x)

    @available_if(lambda self: not self.is_discrete)
    def pdf(self, x: Any) -> np.ndarray:
        """Compute the density at x."""
        return np.exp(self.logpdf(x))

    @available_if(lambda self: self.is_discrete)
    def logpmf(self, k: Any) -> np.ndarray:
        """Compute the logarithm of the probability of a count k."""
        return self._log_likelihood("logpmf", k)

    @available_if(lambda self: self.is_discrete)
    def pmf(self, k: Any) -> np.ndarray:
        """Compute the probability of a count k."""
        return np.exp(self.logpmf(k))

    def ppf(self, q: Any) -> np.ndarray:
        """Compute quantiles; those of a mixture by bisection of its ``cdf``.

        Parameters
        ----------
        q : array-like
            Levels from 0 to 1, of a shape that broadcasts against ``shape``.
        """
        levels = np.asarray(q, dtype=np.float64)
        _, components = self._expanded(levels.ndim)
        each = components.ppf(levels)
        low, high = each.min(axis=0), each.max(axis=0)
        if len(each) == 1:
            return np.asarray(high)
        # at level 0 or 1 the end of the support, which may be infinite
        known = (low == high) | ~np.isfinite(low) | ~np.isfinite(high)
        ends = np.where(np.broadcast_to(levels, low.shape) < 0.5, low, high)
        found = (self._bisect_counts if self.is_discrete else self._bisect)(
            np.where(known, 0.0, low), np.where(known, 0.0, high), levels
        )
        return np.where(known, ends, found)

    def interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the interval between two quantiles that has a probability of ``confidence``."""
        return self.ppf((1 - confidence) / 2), self.ppf((1 + confidence) / 2)

    def rvs(self, size: int | None = None, random_state: Any = None) -> np.ndarray:
        """Draw labels.

        Parameters
        ----------
        size : int or None, default=None
            Number of draws for each label; None for one.
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        ndarray of shape ``shape``, or ``(size, *shape)``
        """
        random = check_random_state(random_state)
        shape = (1 if size is None else size, *self.shape)
        ends = self.weights.cumsum(axis=0)[:-1, None]
        chosen = (random.uniform(size=shape) > ends).sum(axis=0)
        arguments = {name: np.take_along_axis(values, chosen, axis=0) for name, values in self.arguments.items()}
        drawn = np.asarray(self.law.rvs(**arguments, size=shape, random_state=random))
        return drawn[0] if size is None else drawn

    def crps(self, y: np.ndarray) -> np.ndarray:
        """Compute the continuous ranked probability score of each label; see `crps <sklearn_mtl.metrics.crps>`."""
        return crps_of_mixture(self, np.asarray(y, dtype=np.float64))

    def _components(self) -> Any:
        return self.law(**self.arguments)

    def _expanded(self, n_axes: int) -> tuple[np.ndarray, Any]:
        """Return weights and components with as many axes behind the first as an argument has."""
        more = [1] * max(n_axes - len(self.shape), 0)

        def expand(values: np.ndarray) -> np.ndarray:
            return values.reshape(len(values), *more, *values.shape[1:])

        return expand(self.weights), self.law(**{name: expand(values) for name, values in self.arguments.items()})

    def _log_likelihood(self, method: str, x: Any) -> np.ndarray:
        values = np.asarray(x, dtype=np.float64)
        weights, components = self._expanded(values.ndim)
        each = getattr(components, method)(values)
        return np.asarray(each[0] if len(each) == 1 else logsumexp(each, axis=0, b=weights))

    def _bisect(self, low: np.ndarray, high: np.ndarray, levels: np.ndarray) -> np.ndarray:
        for _ in range(_HALVINGS):
            middle = low + 0.5 * (high - low)
            if ((middle == low) | (middle == high)).all():
                break
            reached = self.cdf(middle) >= levels
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return high

    def _bisect_counts(self, low: np.ndarray, high: np.ndarray, levels: np.ndarray) -> np.ndarray:
        low = low - 1
        while (high - low > 1).any():
            middle = np.floor((low + high) / 2)
            reached = self.cdf(middle) >= levels
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return high
