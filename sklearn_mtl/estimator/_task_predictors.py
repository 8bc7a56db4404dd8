"""Predictors of single tasks that take the place of the network: checks, predictions, and how they are saved."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from ..tasks import Task
from ..tasks._answers import Answer
from ..utils._types import RowsLike
from ._task_view import TaskView, require_one_label

#: replaces the network in a saved view, if it is the network of the saved model
SHARED = "the network around"


class PredictorAnswer(Answer):
    """Predictions of a predictor in the place of the network, with the network's order and dtype of classes.

    Parameters
    ----------
    predictor : classifier or regressor
        Fitted.
    X : object
        Inputs.
    task : Task
        Fitted.
    """

    def __init__(self, predictor: Any, X: RowsLike, task: Task) -> None:
        self.predictor, self.X, self.task = predictor, X, task

    @cached_property
    def predictions(self) -> np.ndarray:
        predicted = np.asarray(self.predictor.predict(self.X))
        if predicted.ndim != 1:
            raise ValueError(
                f"{self.predictor!r} predicts an array of shape {predicted.shape}; expected one value per row."
            )
        return predicted.astype(self.task.classes_.dtype, copy=False) if self.task.has_probabilities else predicted

    @cached_property
    def probabilities(self) -> np.ndarray | None:
        if not (self.task.has_probabilities and hasattr(self.predictor, "predict_proba")):
            return None
        proba = np.asarray(self.predictor.predict_proba(self.X))
        place = {label: number for number, label in enumerate(self.predictor.classes_.tolist())}
        return proba[:, [place[label] for label in self.task.classes_.tolist()]]


def check_predictor(net: Any, name: str, predictor: Any) -> None:
    """Check that a fitted predictor can take the place of a task of a network.

    Raises
    ------
    TypeError, ValueError
        If it is not a fitted predictor, or its task, kind, classes or inputs differ.
    """
    task: Task = net.tasks_[name]
    require_one_label(task, name)
    if isinstance(predictor, type) or not hasattr(predictor, "predict"):
        raise TypeError(
            f"The predictor of {name!r} should be a fitted classifier or regressor, got {predictor!r}."
        )
    check_is_fitted(predictor)
    other = next((view.task for view in views_within(predictor) if view.task != name), None)
    if other is not None:
        raise ValueError(f"The predictor of {name!r} is made of a view of the task {other!r}.")
    if not (is_classifier if task.has_probabilities else is_regressor)(predictor):
        kind = "classifier" if task.has_probabilities else "regressor"
        raise ValueError(f"The predictor of {name!r}, a {task.kind}, should be a {kind}, got {predictor!r}.")
    if task.has_probabilities:
        _check_classes(name, task.classes_.tolist(), predictor.classes_.tolist())
    for attribute in ("n_features_in_", "feature_names_in_"):
        ours, theirs = getattr(net, attribute, None), getattr(predictor, attribute, None)
        if ours is not None and theirs is not None and not np.array_equal(ours, theirs):
            raise ValueError(
                f"The predictor of {name!r} was fitted with {attribute}={theirs!r}, the network with {ours!r}."
            )


def _check_classes(name: str, ours: list[Any], theirs: list[Any]) -> None:
    if len(ours) != len(theirs) or set(ours) != set(theirs):
        raise ValueError(f"The predictor of {name!r} has the classes {theirs}, the network has {ours}.")


def views_within(value: Any) -> Iterator[TaskView]:
    """Yield the views that a predictor is made of."""
    if isinstance(value, TaskView):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for entry in value.values() if isinstance(value, Mapping) else value:
            yield from views_within(entry)
    elif _is_made_of_parts(value):
        yield from views_within(vars(value))


def _is_made_of_parts(value: Any) -> bool:
    cls = type(value)
    is_estimator = isinstance(value, BaseEstimator) or hasattr(cls, "predict_proba") or hasattr(cls, "predict")
    return is_estimator and hasattr(value, "__dict__") and not hasattr(cls, "score_tasks")


def detached(predictors: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """Copy predictors for saving, without the network of the saved model; see `attach`."""
    copies: dict[int, Any] = {}
    for net in (view.net_ for view in views_within(predictors) if hasattr(view, "net_")):
        is_shared = net._model is model and not net.task_predictors_
        copies[id(net)] = SHARED if is_shared else net
    return copy.deepcopy(dict(predictors), copies)


def attach(predictors: Mapping[str, Any], net: Any) -> None:
    """Set the network of loaded predictors to that of the loaded model."""
    for view in views_within(predictors):
        if isinstance(getattr(view, "net_", None), str):
            view.net_ = net
