"""Networks that propose pseudo-labels: they read the known labels of the other tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from ..columns._missing import is_missing
from ..model._blueprint import Blueprint
from ..model._label_inputs import check_readable
from ..targets import Targets
from ..tasks import Task

# Networks of a teacher whose student is a portfolio, so that numbers have a spread.
N_MEMBERS = 4


def reading_teacher(learner: Any, net: Any) -> Any:
    """Return an estimator like a learner that reads labels of other tasks; None if it cannot.

    Parameters
    ----------
    learner : MultiTaskNetEstimator
        The student.
    net : MultiTaskNetEstimator
        The student, fitted to real labels.
    """
    parts = getattr(net._model, "parts", [net._model])
    if not all(_can_read(part.blueprint) for part in parts):
        return None
    teacher = clone(learner).set_params(label_inputs=True)
    if learner.n_members == "auto" and net._model.n_members > 1 and learner.ensemble == "auto":
        teacher.set_params(n_members=N_MEMBERS)  # the default portfolio reads no labels
    return teacher


def _can_read(blueprint: Blueprint) -> bool:
    """Return whether networks of a blueprint could read labels."""
    reading = replace(blueprint, label_inputs=True)
    try:
        check_readable(reading)
        reading.one_network(reading.seed)
    except ValueError:
        return False
    return True


def known_to(net: Any, y: Targets) -> dict[str, np.ndarray] | None:
    """Return the labels that a fitted network can read; None if it reads none.

    Classes that it did not see in training are as missing.
    """
    blueprint = net._model.blueprint
    if not blueprint.label_inputs:
        return None
    return {name: _readable(blueprint.tasks[name], y[name]) for name in blueprint.label_widths}


def _readable(task: Task, labels: np.ndarray) -> np.ndarray:
    """Remove the labels of rows that a task cannot encode."""
    if is_missing(labels).all() or _is_readable(task, labels):
        return labels
    kept = labels.copy()
    for row in range(len(kept)):
        if not is_missing(kept[row : row + 1]).all() and not _is_readable(task, kept[row : row + 1]):
            kept[row] = None if kept.dtype == object else np.nan
    return kept


def _is_readable(task: Task, labels: np.ndarray) -> bool:
    try:
        task.encode(labels)
    except ValueError:
        return False
    return True
