"""Scores that carry the scores of every task through scikit-learn's search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics._scorer import _MultimetricScorer

from ..utils._types import RowsLike, TargetsLike


@dataclass(frozen=True)
class Record:
    """Scores of a candidate on some rows.

    Parameters
    ----------
    scores : float or dict of str to float
        Output of the scoring of the search.
    tasks : dict of str to float
        The score of every task.
    fit_time, score_time : float
        Seconds.
    """

    scores: Any
    tasks: dict[str, float]
    fit_time: float
    score_time: float

    @property
    def is_complete(self) -> bool:
        """Return whether every metric is a number; with several metrics, a failed one is the text of its error."""
        scores = self.scores.values() if isinstance(self.scores, Mapping) else [self.scores]
        return all(isinstance(score, float) for score in scores)

    @property
    def times(self) -> dict[str, float]:
        """Return the seconds, by their names in the results of a search."""
        return {"fit_time": self.fit_time, "score_time": self.score_time}


class _Score(float):
    record: Record
    key: str
    rows: str


class _Scores(dict):
    record: Record
    key: str
    rows: str


def carry(record: Record, key: str = "", rows: str = "") -> Any:
    """Return the scores of a record in scikit-learn's form, with the record as an attribute.

    ``key`` and ``rows``, the digests of the fit and of the scored rows, are attributes too.

    The search keeps the output of its scorer until it formats the results, also between processes. So a number or
    dict with an additional attribute carries the task scores.
    """
    if isinstance(record.scores, Mapping):
        scores: Any = _Scores(record.scores)
    elif isinstance(record.scores, float):
        scores = _Score(record.scores)
    else:  # not a score: scikit-learn raises an error
        return record.scores
    scores.record, scores.key, scores.rows = record, key, rows
    return scores


def as_floats(scores: Any) -> Any:
    """Convert the numbers of a scorer to Python floats."""
    if isinstance(scores, Mapping):
        return {name: as_floats(score) for name, score in scores.items()}
    if isinstance(scores, np.ndarray) and scores.ndim == 0:
        scores = scores.item()
    return float(scores) if isinstance(scores, Real) else scores


class _Recording:
    """Scorer that scores the fitted estimator of a candidate and records the task scores."""

    def __init__(self, scorer: Any) -> None:
        self.__wrapped__ = scorer  # `inspect.signature` reads the arguments from it

    def __call__(self, candidate: Any, X: RowsLike, y: TargetsLike = None, **params: Any) -> Any:
        return candidate.record(self.__wrapped__, X, y, params)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)


class _RecordingSeveral(_MultimetricScorer):
    """The same for several metrics; scikit-learn checks for this class to handle the errors of each."""

    def __call__(self, candidate: Any, X: RowsLike, y: TargetsLike = None, **params: Any) -> Any:
        return candidate.record(super().__call__, X, y, params)


def recording(scorers: Any) -> Any:
    """Wrap the scorers of a search so that they score a `Candidate` and record the scores of its tasks."""
    if isinstance(scorers, _MultimetricScorer):
        return _RecordingSeveral(scorers=scorers._scorers, raise_exc=scorers._raise_exc)
    return _Recording(scorers)


def is_recording(scorer: Any) -> bool:
    """Return whether a scorer was wrapped by `recording`."""
    return isinstance(scorer, _Recording)


def records_of(out: Sequence[dict[str, Any]]) -> list[Record | None]:
    """Extract the records from the results of a search; None if a fit or its scoring failed."""
    return [getattr(result["test_scores"], "record", None) for result in out]


def task_names(records: Sequence[Record | None]) -> list[str]:
    """Return the tasks that all candidates score; a candidate may have more, which are auxiliary in another."""
    known = [record.tasks for record in records if record is not None]
    return [name for name in known[0] if all(name in scores for scores in known)] if known else []


def task_columns(records: Sequence[Record | None], n_splits: int) -> dict[str, np.ndarray]:
    """Compute the columns of ``cv_results_`` for the task scores.

    A candidate that failed in a fold is NaN there and in the mean. A fold without a label of a task is left out of
    the task's mean.
    """
    failed = np.array([record is None for record in records]).reshape(-1, n_splits)
    columns = {}
    for name in task_names(records):
        values = [math.nan if record is None else record.tasks[name] for record in records]
        scores = np.array(values).reshape(-1, n_splits)
        for split in range(n_splits):
            columns[f"split{split}_test_tasks_{name}"] = scores[:, split]
        columns[f"mean_test_tasks_{name}"], columns[f"std_test_tasks_{name}"] = _moments(scores, failed)
    return columns


def _moments(scores: np.ndarray, failed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labelled = ~np.isnan(scores)
    counted = labelled.any(axis=1) & ~failed.any(axis=1)
    means, stds = np.full((2, len(scores)), np.nan)
    for row in np.flatnonzero(counted):
        known = scores[row, labelled[row]]
        means[row], stds[row] = known.mean(), known.std()
    return means, stds
