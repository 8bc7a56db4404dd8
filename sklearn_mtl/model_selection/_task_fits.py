"""Fits of an estimator to some of the tasks and rows, stacked where they can be, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone

from ..architectures import Architecture
from ..columns._missing import has_label
from ..config import resolve_auxiliary
from ..metrics import task_scores
from ..targets import Targets
from ..trunks import rows_of
from ..utils._types import RowsLike
from ..utils._warn import each_once
from ._stack import MEMBERS, Fit, fits_of_rows, last_step, rows_of_fit, train_fits
from ._workers import workers_of

#: the score of each task
Scores = dict[str, float]
# Parameters that name tasks.
_BY_TASK = ("tasks", "task_weights", "score_weights", "metrics")


@dataclass(frozen=True)
class TaskFits:
    """Fits to the rows that have a label of some tasks, and the rows to score them on.

    Parameters
    ----------
    tasks : tuple of str
        The tasks that are trained; the others do not exist for these fits.
    train, test : ndarray of int
        Positions of rows. Training rows without a label of these tasks are left out.
    candidates : sequence of mapping
        Parameters that each fit changes.
    """

    tasks: tuple[str, ...]
    train: np.ndarray
    test: np.ndarray
    candidates: Sequence[Mapping[str, Any]] = field(default=({},))


def score_fits(
    estimator: Any,
    parts: Sequence[TaskFits],
    X: RowsLike,
    y: Targets,
    fit_params: Mapping[str, Any],
    *,
    n_jobs: int | None = None,
) -> list[list[Scores]]:
    """Fit and score; fits whose networks have one structure are trained as one stack.

    Parameters
    ----------
    estimator : estimator
        A `MultiTaskNetEstimator` or a pipeline that ends in one. It is not changed.
    parts : sequence of TaskFits
    X, y : object
        All rows, and their targets.
    fit_params : mapping of str to object
        Other arguments of ``fit``; those by row are sliced.
    n_jobs : int or None, default=None
        Number of processes.

    Returns
    -------
    list of list of dict
        For each part and candidate, the score of each of its tasks.
    """
    with each_once():
        fits = [_prepared(estimator, part, X, y, fit_params, str(number)) for number, part in enumerate(parts)]
        # a given number keeps the stacks, and so the results, independent of the number of processes
        trained, _ = train_fits(
            [f for of_part in fits for f in of_part], stacked="auto", max_members=MEMBERS, n_jobs=n_jobs
        )
        jobs = [(part, fit) for part, of_part in zip(parts, fits, strict=True) for fit in of_part]
        alone = [position for position, (_, fit) in enumerate(jobs) if fit.key not in trained]
        found = {}
        if alone:
            workers = workers_of(n_jobs)
            given = workers.put((X, y, fit_params))
            calls = [(jobs[one][0], jobs[one][1].estimator, given) for one in alone]
            found = {alone[position]: scores for position, scores in workers.run(_fit_and_score, calls)}
        scores = [
            found[position] if position in found else _score(trained[fit.key], part, X, y)
            for position, (part, fit) in enumerate(jobs)
        ]
    ends = np.cumsum([len(of_part) for of_part in fits])
    return [scores[end - len(of_part) : end] for end, of_part in zip(ends, fits, strict=True)]


def for_tasks(estimator: Any, names: Sequence[str]) -> Any:
    """Clone an estimator, without what its parameters say of other tasks."""
    copy = clone(estimator)
    last, _ = last_step(copy)
    for param in _BY_TASK:
        given = getattr(last, param)
        if given is not None:
            kept = {key: value for key, value in given.items() if _task_of(key, names) is not None}
            last.set_params(**{param: kept or None})
    if isinstance(last.architecture, Architecture):
        last.set_params(architecture=last.architecture.restricted_to(names))
    auxiliary = resolve_auxiliary(last.auxiliary)
    helpers = [name for name in auxiliary.tasks if str(name) in names]
    return copy if len(helpers) == len(auxiliary.tasks) else _with_auxiliary(copy, helpers)


def _with_auxiliary(estimator: Any, helpers: Sequence[str]) -> Any:
    last, _ = last_step(estimator)
    spec = resolve_auxiliary(last.auxiliary).set_params(tasks=helpers)
    last.set_params(auxiliary=spec if helpers else None)
    return estimator


def _task_of(key: Any, names: Sequence[str]) -> str | None:
    """Return the task of a key, which may be a parameter of a task such as "income__class_weight"."""
    return next((name for name in names if str(key) == name or str(key).startswith(f"{name}__")), None)


def _training_rows(part: TaskFits, y: Targets) -> np.ndarray:
    known = np.any([has_label(y[name][part.train]) for name in part.tasks], axis=0)
    return part.train[known]


def _rows_of_part(
    part: TaskFits, X: RowsLike, y: Targets, fit_params: Mapping[str, Any]
) -> tuple[Any, Any, dict[str, Any]]:
    return rows_of_fit(X, y._select(part.tasks), fit_params, _training_rows(part, y))


def _prepared(
    estimator: Any, part: TaskFits, X: RowsLike, y: Targets, fit_params: Mapping[str, Any], name: str
) -> list[Fit]:
    of_tasks = for_tasks(estimator, part.tasks)
    return fits_of_rows(of_tasks, part.candidates, *_rows_of_part(part, X, y, fit_params), name)


def _fit_and_score(part: TaskFits, estimator: Any, given: tuple[RowsLike, Targets, Mapping[str, Any]]) -> Scores:
    X, y, fit_params = given
    rows, targets, params = _rows_of_part(part, X, y, fit_params)
    return _score(estimator.fit(rows, targets, **params), part, X, y)


def _score(fitted: Any, part: TaskFits, X: RowsLike, y: Targets) -> Scores:
    return task_scores(fitted, rows_of(X, part.test), y._select(part.tasks)[part.test])
