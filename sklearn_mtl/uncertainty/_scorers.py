"""Scores of how badly a label conforms to what a network says, and the sets of labels that conform."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..tasks import Count, Task
from ..tasks._classification import class_numbers
from ._pool import Pool
from ._said import Said, as_numbers

# Smallest unit of normalised residuals, as a share of the standard deviation of the target: where the networks
# happen to agree, an error is not divided by nothing.
_SMALLEST_UNIT = 0.05
# Penalty of RAPS for each class after the first few.
_RAPS_PENALTY, _RAPS_FREE = 0.05, 2


class Scores(NamedTuple):
    """Scores of rows for one column of a task.

    Parameters
    ----------
    labelled : ndarray of bool of shape (n_rows,)
        Which rows have a label.
    rows : ndarray of int of shape (m,)
        The row of each score.
    values : ndarray of shape (m,)
        The higher, the less a label conforms.
    shares : ndarray of shape (m,)
        The share of its row that a score stands for.
    """

    labelled: np.ndarray
    rows: np.ndarray
    values: np.ndarray
    shares: np.ndarray

    @classmethod
    def one_each(cls, values: np.ndarray) -> Scores:
        """Return one score for each row; NaN is for a row without a label."""
        labelled = ~np.isnan(values)
        rows = np.flatnonzero(labelled)
        return cls(labelled, rows, values[rows], np.ones(len(rows)))

    def followed_by(self, other: Scores, first: int = 0) -> Scores:
        """Return the scores of these rows and those of further ones, from row ``first`` on, in ascending order."""
        rows = np.concatenate([self.rows, other.rows + len(self.labelled)])
        values = np.concatenate([self.values, other.values])
        shares = np.concatenate([self.shares, other.shares])
        order = np.argsort(values, kind="stable")
        order = order[rows[order] >= first]
        labelled = np.concatenate([self.labelled, other.labelled])[first:]
        return Scores(labelled, rows[order] - first, values[order], shares[order])


class Scorer(ABC):
    """Scores and sets of one task.

    Parameters
    ----------
    name : str
    task : Task
        Fitted.
    method : str
    """

    #: the fields of `Said` that scores and sets need, by method
    fields: dict[str, tuple[str, ...]]

    def __init__(self, name: str, task: Task, method: str) -> None:
        self.name, self.task, self.method = name, task, method

    @abstractmethod
    def scores(self, said: Said, y: np.ndarray) -> list[Scores]:
        """Score the labels of some rows, for each column."""

    @abstractmethod
    def sets(self, said: Sequence[Said], pools: Sequence[Pool], level: float, weights: np.ndarray) -> np.ndarray:
        """Return the sets of new rows.

        Parameters
        ----------
        said : sequence of Said
            What each predictor says of the rows.
        pools : sequence of Pool
            Calibration scores, for each column.
        level : float
        weights : ndarray of shape (n_rows,)
            Of the new rows.
        """

    @abstractmethod
    def covered(self, y: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how much of the labels is in the sets, NaN where there is no label, and the sizes of the sets.

        Both have the shape (n_rows, n_columns).
        """


class Numbers(Scorer):
    """Intervals of numbers: a centre, or two quantiles, plus and minus a score times a unit."""

    fields = {"absolute": ("centre",), "normalised": ("centre", "spread"), "quantile": ("quantiles",)}

    def scores(self, said: Said, y: np.ndarray) -> list[Scores]:
        low, high, unit = self._parts(said)
        values = self.labels(y)
        each = np.maximum(low - values, values - high) / unit
        return [Scores.one_each(column) for column in each.T]

    def sets(self, said: Sequence[Said], pools: Sequence[Pool], level: float, weights: np.ndarray) -> np.ndarray:
        low, high, unit = (np.stack(each) for each in zip(*map(self._parts, said), strict=True))
        bounds = np.empty((len(weights), len(pools), 2))
        for column, pool in enumerate(pools):
            own = (low[..., column], high[..., column], unit[..., column])
            if len(said) == 1:
                reach = pool.thresholds(level, weights) * own[2][0]
                lower, upper = own[0][0] - reach, own[1][0] + reach
            else:
                lower = -pool.upper_bounds(-own[0], own[2], level, weights)
                upper = pool.upper_bounds(own[1], own[2], level, weights)
            crossed = lower > upper  # quantiles that are too far apart may be moved past each other
            lower[crossed] = upper[crossed] = (lower[crossed] + upper[crossed]) / 2
            bounds[:, column] = np.column_stack([lower, upper])
        if isinstance(self.task, Count):  # no count is below 0
            bounds = np.maximum(bounds, 0.0)
        return bounds[:, 0] if self.task.has_one_label else bounds

    def covered(self, y: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, bounds = self.labels(y), sets.reshape(len(sets), -1, 2)
        inside = (bounds[..., 0] <= values) & (values <= bounds[..., 1])
        return np.where(np.isnan(values), np.nan, inside), bounds[..., 1] - bounds[..., 0]

    def labels(self, y: np.ndarray) -> np.ndarray:
        """Return the labels as numbers (n_rows, n_columns), NaN where they are missing."""
        labels, labelled = self.task.true_labels(y)
        values = as_numbers(labels)
        return np.where(labelled.reshape(len(values), -1), values, np.nan)

    def _parts(self, said: Said) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the lower and the upper end of intervals of score 0, and the unit of scores."""
        if self.method == "quantile":
            assert said.quantiles is not None
            low, high = said.quantiles[..., 0], said.quantiles[..., 1]
            return low, high, np.ones_like(low)
        assert said.centre is not None
        if self.method == "absolute":
            return said.centre, said.centre, np.ones_like(said.centre)
        assert said.spread is not None
        return said.centre, said.centre, np.hypot(said.spread, _SMALLEST_UNIT * scale_of(self.task))


class Classes(Scorer):
    """Sets of classes whose scores are not above those of calibration rows."""

    fields = dict.fromkeys(("lac", "aps", "raps"), ("probabilities",))

    def scores(self, said: Said, y: np.ndarray) -> list[Scores]:
        codes, each = self.codes(y), self._candidates(said)
        own = np.where(codes >= 0, np.take_along_axis(each, np.maximum(codes, 0)[:, None], axis=1)[:, 0], np.nan)
        own[codes == UNKNOWN] = np.inf  # no set can hold a class that the network does not know
        return [Scores.one_each(own)]

    def codes(self, y: np.ndarray) -> np.ndarray:
        """Return the position of the class of each row (n_rows,); -1 where it is missing, -2 if it is unknown."""
        labels, labelled = self.task.true_labels(y)
        codes = np.full(len(y), MISSING)
        classes: np.ndarray = self.task.classes_
        known = class_numbers(self.task.predicted_labels(labels[labelled]), classes)
        codes[labelled] = np.where(known < 0, UNKNOWN, known)
        return codes

    def sets(self, said: Sequence[Said], pools: Sequence[Pool], level: float, weights: np.ndarray) -> np.ndarray:
        return self.chosen(said, pools[0], level, weights)

    def chosen(self, said: Sequence[Said], pool: Pool, level: float, weights: np.ndarray) -> np.ndarray:
        """Return the candidates that fewer calibration scores are below than needed, (n_rows, n_candidates)."""
        each = [self._candidates(one) for one in said]
        mass = sum(pool.mass_below(candidates, source) for source, candidates in enumerate(each))
        inside = np.asarray(mass < pool.needed(level, weights)[:, None])
        if self.method in ("aps", "raps"):  # their sets are meant to hold the most probable class
            first = np.mean(each, axis=0).argmin(axis=1)
            inside[np.arange(len(inside)), first] = True
        return inside

    def covered(self, y: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        codes = self.codes(y)
        inside = np.where(codes >= 0, sets[np.arange(len(sets)), np.maximum(codes, 0)], 0.0)
        inside[codes == MISSING] = np.nan
        return inside[:, None], sets.sum(axis=1, keepdims=True).astype(float)

    def _candidates(self, said: Said) -> np.ndarray:
        assert said.probabilities is not None
        return _CANDIDATES[self.method](said.probabilities)


class Labels(Classes):
    """Sets of labels that hold a share of the true labels on average, or all of them with a probability."""

    fields = dict.fromkeys(("fnr", "coverage"), ("probabilities",))

    def scores(self, said: Said, y: np.ndarray) -> list[Scores]:
        truth, known = self.truth(y)
        n_classes = len(self.task.classes_)
        each = np.full(truth.shape, np.inf)  # labels of sets that the network does not know are never covered
        each[:, :n_classes] = self._candidates(said)
        labelled, true = np.asarray(known.any(axis=1)), truth & known
        if self.method == "coverage":
            largest = np.where(true, each, -np.inf).max(axis=1)
            return [Scores.one_each(np.where(labelled, largest, np.nan))]
        rows, columns = np.nonzero(true)
        shares = 1.0 / true.sum(axis=1)[rows]
        return [Scores(labelled, rows, each[rows, columns], shares)]

    def covered(self, y: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        truth, known = self.truth(y)
        inside = np.zeros(truth.shape, dtype=bool)
        inside[:, : sets.shape[1]] = sets
        true = truth & known
        missed = (true & ~inside).sum(axis=1)
        if self.method == "coverage":
            share = np.asarray(missed == 0, dtype=float)
        else:
            share = 1.0 - missed / np.maximum(true.sum(axis=1), 1)
        share[~known.any(axis=1)] = np.nan
        return share[:, None], sets.sum(axis=1, keepdims=True).astype(float)

    def truth(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which labels each row has, and which are known; labels new to the network are further columns."""
        labels, known = self.task.true_labels(y)
        return np.asarray(labels == 1), known


#: codes of classes that are missing, or that the network does not know
MISSING, UNKNOWN = -1, -2


def _one_minus(probabilities: np.ndarray) -> np.ndarray:
    return 1.0 - probabilities


def _cumulated(probabilities: np.ndarray, penalty: float = 0.0) -> np.ndarray:
    """Return the probability of each class and of those that are more probable, plus a penalty of its rank."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranks = np.arange(1, probabilities.shape[1] + 1)
    cumulated = np.take_along_axis(probabilities, order, axis=1).cumsum(axis=1)
    each = np.empty_like(probabilities)
    np.put_along_axis(each, order, cumulated + penalty * np.maximum(ranks - _RAPS_FREE, 0), axis=1)
    return each


_CANDIDATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "lac": _one_minus,
    "fnr": _one_minus,
    "coverage": _one_minus,
    "aps": _cumulated,
    "raps": lambda probabilities: _cumulated(probabilities, _RAPS_PENALTY),
}


def scale_of(task: Task) -> np.ndarray:
    """Return the unit of the columns of numbers: their standard deviation, or the mean of counts."""
    return np.asarray(getattr(task, "scale_", getattr(task, "mean_", 1.0)))
