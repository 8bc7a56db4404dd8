"""Conformal arithmetic: the scores of calibration rows, and what they say of a new row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

# Share of the total weight by which sums may differ from their exact value, through rounding.
_ROUNDING = 1e-9
# Numbers in a block of rows, of which the bounds by each calibration row are sorted: 32 MiB.
_BLOCK = 2**22


class Pool(NamedTuple):
    """Scores of calibration rows, the higher the less a row conforms.

    Parameters
    ----------
    scores : ndarray of shape (m,)
        One for each row; for the false negative rate, one for each true label of a row.
    weights : ndarray of shape (m,)
        Weights of the scores.
    sources : ndarray of int of shape (m,)
        Which predictor computed each score.
    total : float
        Sum of the weights of the rows.
    n_units : int
        Number of independent units: of rows, or of groups of rows.
    fixed : float or None
        The mass that a score needs, if joint sets determine it; see `needed`.
    """

    scores: np.ndarray
    weights: np.ndarray
    sources: np.ndarray
    total: float
    n_units: int
    fixed: float | None = None

    def needed(self, level: float, test_weights: np.ndarray) -> np.ndarray:
        """Return the mass of scores below which a candidate belongs to the set, of the shape of the test weights.

        With n rows of weight 1 it is (n + 1) * level: a candidate is in the set if fewer calibration scores than
        this are below its own.
        """
        if self.fixed is not None:
            return np.full(len(test_weights), self.fixed)
        mass = self.weights.sum()
        exact = mass + test_weights - (1 - level) * (self.total + test_weights)
        return exact - _ROUNDING * (self.total + test_weights)

    def is_enough(self, level: float) -> bool:
        """Return whether the rows suffice for finite sets, for a new row of weight 1."""
        return bool(self.needed(level, np.ones(1))[0] <= self.weights.sum())

    def thresholds(self, level: float, test_weights: np.ndarray) -> np.ndarray:
        """Return the largest score in the set of each new row, inf if there are too few rows."""
        order = np.argsort(self.scores, kind="stable")
        reached = np.cumsum(self.weights[order])
        places = np.searchsorted(reached, self.needed(level, test_weights), side="left")
        return np.append(self.scores[order], np.inf)[places]

    def mass_below(self, candidates: np.ndarray, source: int) -> np.ndarray:
        """Return the weight of the scores by one predictor that are below those of candidates."""
        own = self.sources == source
        order = np.argsort(self.scores[own], kind="stable")
        reached = np.concatenate([[0.0], np.cumsum(self.weights[own][order])])
        return reached[np.searchsorted(self.scores[own][order], candidates, side="left")]

    def upper_bounds(
        self, centres: np.ndarray, units: np.ndarray, level: float, test_weights: np.ndarray
    ) -> np.ndarray:
        """Return the upper bounds of intervals from predictions by several predictors, of shape (n,).

        Parameters
        ----------
        centres, units : ndarray of shape (n_predictors, n)
            A bound is a centre plus a score times a unit, by the predictor of the score.
        level : float
        test_weights : ndarray of shape (n,)
        """
        needed = self.needed(level, test_weights)
        bounds = np.empty(len(needed))
        step = max(1, _BLOCK // max(1, len(self.scores)))
        for start in range(0, len(needed), step):
            block = slice(start, start + step)
            each = centres[self.sources, block] + self.scores[:, None] * units[self.sources, block]
            order = np.argsort(each, axis=0)
            reached = np.cumsum(self.weights[order], axis=0)
            places = (reached < needed[block]).sum(axis=0)
            padded = np.vstack([np.take_along_axis(each, order, axis=0), np.full((1, each.shape[1]), np.inf)])
            bounds[block] = np.take_along_axis(padded, places[None], axis=0)[0]
        return bounds


def fewest(level: float) -> int:
    """Return the smallest number of rows for which a set at a level is finite.

    Examples
    --------
    >>> from sklearn_mtl.uncertainty._pool import fewest
    >>> fewest(0.9), fewest(0.95)
    (9, 19)
    """
    return max(1, int(np.ceil(1 / (1 - level) - 1 - _ROUNDING)))


def joint_mass(scores: np.ndarray, level: float) -> float:
    """Return the mass that each score needs, for the sets of all columns to cover jointly; inf if rows are few.

    Let r be the largest rank of a row over the columns, and q its quantile with the rank ``ceil((n + 1) *
    level)``. A new row, ranked among the others, can raise the rank of a calibration row by one at most. So with
    the candidates of rank q + 1 and below among n + 1 the sets cover jointly with at least the probability
    ``level``, whatever the dependence of the columns.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_columns)
        Of rows that have all scores.
    level : float
    """
    n_rows, n_columns = scores.shape
    place = int(np.ceil((n_rows + 1) * level - _ROUNDING * (n_rows + 1)))
    if place > n_rows:
        return float("inf")
    if n_columns == 1:  # the largest rank is the only one, which a new row does not change
        return float(place)
    largest = rankdata(scores, method="min", axis=0).max(axis=1)
    return float(np.sort(largest)[place - 1]) + 1.0 - _ROUNDING
