"""Calibration rows and their scores, from which the sets of new rows are computed at any level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..utils._warn import warn
from ._pool import Pool, fewest, joint_mass
from ._said import Said
from ._scorers import Scorer, Scores
from ._strata import NO_GROUP

# Number of groups that a message names.
_MOST_NAMED = 5


class Calibration(NamedTuple):
    """Scores of calibration rows.

    Parameters
    ----------
    scores : dict of str to list of Scores
        For each task its columns.
    sources : ndarray of int of shape (n_rows,)
        The predictor that scored each row.
    weights : ndarray of shape (n_rows,)
    groups : ndarray of int of shape (n_rows,) or None
        Rows of one group count together as one row.
    strata : dict of str to ndarray of int of shape (n_rows,)
        For tasks with thresholds by group, the code of the group of each row.
    names : list
        The groups.
    """

    scores: dict[str, list[Scores]]
    sources: np.ndarray
    weights: np.ndarray
    groups: np.ndarray | None
    strata: dict[str, np.ndarray]
    names: list[Any]

    @property
    def everything(self) -> np.ndarray:
        """All rows, as a mask."""
        return np.ones(len(self.sources), dtype=bool)

    @property
    def counts(self) -> dict[str, int]:
        """Number of labelled rows of each task."""
        return {
            name: int(np.any([scores.labelled for scores in each], axis=0).sum())
            for name, each in self.scores.items()
        }

    def pool(self, scores: Scores, within: np.ndarray, fixed: float | None = None) -> Pool:
        """Return the scores of some rows with their weights."""
        labelled = scores.labelled & within
        weights, n_units = self.weights, int(labelled.sum())
        if self.groups is not None:
            counts = np.bincount(self.groups[labelled], minlength=self.groups.max() + 1)
            weights, n_units = weights / np.maximum(counts, 1)[self.groups], int((counts > 0).sum())
        own = within[scores.rows]
        rows = scores.rows[own]
        return Pool(
            scores.values[own],
            weights[rows] * scores.shares[own],
            self.sources[rows],
            float(weights[labelled].sum()),
            n_units,
            fixed,
        )


class Level:
    """A confidence level, and for what it holds.

    Parameters
    ----------
    confidence : float
    joint : {None, "bonferroni", "max"}
        None is for each column of each task on its own, the others for all together.
    moved : mapping of str to float, default={}
        Other levels of some tasks.
    """

    def __init__(
        self, confidence: float, joint: str | None, moved: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        self.confidence, self.joint, self.moved = confidence, joint, moved
        self._found: dict[bytes, tuple[np.ndarray, float]] = {}

    def of(self, task: str, calibration: Calibration) -> float:
        """Return the level of each column of a task."""
        if self.joint != "bonferroni":
            return self.moved.get(task, self.confidence)
        n_sets = len(calibration.scores) * len(calibration.scores[task])
        return 1 - (1 - self.confidence) / n_sets

    def pools(self, task: str, calibration: Calibration, within: np.ndarray) -> list[Pool]:
        """Return the pool of each column of a task, from some rows."""
        columns = calibration.scores[task]
        if self.joint != "max":
            return [calibration.pool(scores, within) for scores in columns]
        complete, mass = self._jointly(calibration, within)
        return [calibration.pool(scores, complete, mass) for scores in columns]

    def _jointly(self, calibration: Calibration, within: np.ndarray) -> tuple[np.ndarray, float]:
        """Return which rows have labels of all tasks, and the mass that each score needs; computed once."""
        key = within.tobytes()
        if key not in self._found:
            every = [scores for each in calibration.scores.values() for scores in each]
            complete = within & np.all([scores.labelled for scores in every], axis=0)
            values = np.full((len(within), len(every)), np.nan)
            for column, scores in enumerate(every):
                values[scores.rows, column] = scores.values
            self._found[key] = complete, joint_mass(values[complete], self.confidence)
        return self._found[key]


def sets_of(
    scorer: Scorer,
    said: Sequence[Said],
    calibration: Calibration,
    level: Level,
    weights: np.ndarray,
    strata: np.ndarray | None,
) -> np.ndarray:
    """Return the sets of a task for new rows.

    Parameters
    ----------
    scorer : Scorer
        Of the task.
    said : sequence of Said
        What each predictor says of the rows.
    calibration : Calibration
    level : Level
    weights : ndarray of shape (n_rows,)
        Of the new rows.
    strata : ndarray of int of shape (n_rows,) or None
        The group of each row. None is for thresholds by class if the calibration has strata of the task.
    """
    name = scorer.name
    own = level.of(name, calibration)
    pooled = level.pools(name, calibration, calibration.everything)
    codes = calibration.strata.get(name)
    sets = scorer.sets(said, pooled, own, weights)
    if codes is None:
        return sets
    for code in range(len(calibration.names)) if strata is None else np.unique(strata):
        pools = level.pools(name, calibration, codes == code)
        if code == NO_GROUP or not all(pool.is_enough(own) for pool in pools):
            continue
        if strata is None:
            sets[:, code] = scorer.sets(said, pools, own, weights)[:, code]
            continue
        rows = strata == code
        sets[rows] = scorer.sets([_rows_of(one, rows) for one in said], pools, own, weights[rows])
    return sets


def warn_of_few(calibration: Calibration, level: Level) -> None:
    """Warn of tasks, and groups of rows, that have too few labels for a level."""
    what = "rows" if calibration.groups is None else "groups"
    few, small = [], []
    for name in calibration.scores:
        own = level.of(name, calibration)
        lacking = [
            pool for pool in level.pools(name, calibration, calibration.everything) if not pool.is_enough(own)
        ]
        codes = calibration.strata.get(name)
        if lacking:
            n_units = min(pool.n_units for pool in lacking)
            few.append(f"{name!r} has {n_units} and needs {fewest(own)}")
        elif codes is not None:
            groups = [
                str(group)
                for code, group in enumerate(calibration.names)
                if not all(pool.is_enough(own) for pool in level.pools(name, calibration, codes == code))
            ]
            if groups:
                small.append(f"{name!r} in {_some(groups)} (fewer than {fewest(own)})")
    if few:
        every = " with labels of all tasks" if level.joint == "max" else ""
        more = " at least, more where tasks rank rows differently" if level.joint == "max" else ""
        warn(
            f"Too few labelled calibration {what}{every} for confidence_level={level.confidence:.4g}: {_some(few)}"
            f"{more}. Intervals are infinite there, and sets hold all classes. Pass more rows, or lower the level."
        )
    if small:
        warn(
            f"Too few labelled calibration {what} in some groups for confidence_level={level.confidence:.4g}: "
            f"{_some(small)}. The threshold of all rows is used there, and the level does not hold for the group "
            "alone."
        )


def _some(entries: Sequence[str]) -> str:
    """List the first entries, and the number of the others."""
    more = f", and {len(entries) - _MOST_NAMED} more" if len(entries) > _MOST_NAMED else ""
    return ", ".join(entries[:_MOST_NAMED]) + more


def _rows_of(said: Said, rows: np.ndarray) -> Said:
    return Said(*(None if values is None else values[rows] for values in said))
