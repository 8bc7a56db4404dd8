"""Predictions of any estimator by the names of its tasks."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.pipeline import Pipeline

from ..utils._types import RowsLike


class Answers(NamedTuple):
    """Predictions by task.

    Parameters
    ----------
    labels : dict of str to ndarray or list
        Classes, numbers, sets of labels or tags of the n rows.
    probabilities : dict of str to ndarray or list
        Of the tasks that have probabilities, (n, n_classes) each; empty if they were not asked for.
    classes : dict of str to ndarray
        Classes of these tasks that have names, in the order of the columns.
    """

    labels: dict[str, Any]
    probabilities: dict[str, Any]
    classes: dict[str, Any]


def answers_of(estimator: Any, X: RowsLike, *, proba: bool) -> Answers:
    """Predict rows, with one pass for labels and probabilities where the estimator has ``predict_all``.

    Parameters
    ----------
    estimator : fitted estimator
        Any with ``predict``.
    X : rows
    proba : bool
        Whether to return probabilities too; without ``predict_proba`` there are none.

    Raises
    ------
    ValueError, TypeError
        From the estimator.
    """
    has_probabilities = proba and hasattr(estimator, "predict_proba")
    if has_probabilities and type(estimator) is Pipeline and hasattr(estimator[-1], "predict_all"):
        before = estimator[:-1].transform(X) if len(estimator) > 1 else X
        labels, found = estimator[-1].predict_all(before)
    elif has_probabilities and hasattr(estimator, "predict_all"):
        labels, found = estimator.predict_all(X)
    else:
        labels, found = estimator.predict(X), estimator.predict_proba(X) if has_probabilities else None
    names = names_of_tasks(estimator)
    by_task = _labels_by_task(labels, names)
    if found is None:
        return Answers(by_task, {}, {})
    return Answers(by_task, *_probabilities_by_task(found, estimator.classes_, names or list(by_task)))


def names_of_tasks(estimator: Any) -> list[str]:
    """Return the names of the tasks of an estimator or of the last step of a pipeline; empty if unknown."""
    while not hasattr(estimator, "task_names_") and hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return list(getattr(estimator, "task_names_", ()))


def _labels_by_task(predicted: Any, names: list[str]) -> dict[str, Any]:
    """Return predictions in any container by the name of the task."""
    frame = nw.from_native(predicted, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return {str(name): frame[:, i].to_numpy() for i, name in enumerate(frame.columns)}
    if isinstance(predicted, dict):
        return {str(name): values for name, values in predicted.items()}
    if isinstance(predicted, np.ndarray) and predicted.dtype.names:
        return {name: predicted[name] for name in predicted.dtype.names}
    predicted = np.asarray(predicted)
    if predicted.ndim == 2 and len(names) in (0, predicted.shape[1]):
        return {name: predicted[:, i] for i, name in enumerate(names or map(str, range(predicted.shape[1])))}
    return {names[0] if len(names) == 1 else "y": predicted}


def _probabilities_by_task(found: Any, classes: Any, names: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return probabilities and classes in any container by the name of the task."""
    if isinstance(found, np.ndarray):
        found, classes = [found], [classes]
    if isinstance(found, dict):
        return dict(found), {name: classes[name] for name in found if name in classes}
    each = zip(names, classes, strict=True)
    known = {name: of_task for name, of_task in each if of_task is not None}
    return dict(zip(known, found, strict=True)), known
