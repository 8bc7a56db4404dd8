"""Scores of the tasks of one estimator and one y, for X that differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ..data import check_sample_weight
from ..estimator._task_view import TaskView
from ..targets import SparseTargets, align_targets
from ..tasks._rating import Reference, warn_of_undefined
from ..utils._types import RowsLike, TargetsLike, WeightsLike


class TaskScores:
    """Computes the scores of all tasks by one forward pass; the labels are read once.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator, view of a task, or a Pipeline or search that ends in one
        Fitted.
    y : object
        Labels of all tasks, or of the task of a view.
    metrics : mapping of str to object, str, callable or None
        See `task_importances`.
    sample_weight : object
        Weights of rows.
    call : str
        The function that scores, for messages.
    """

    def __init__(
        self, estimator: Any, y: TargetsLike, metrics: Any, sample_weight: WeightsLike, call: str
    ) -> None:
        self.y, self.sample_weight = y, sample_weight
        self.steps, last = reach(estimator, call)
        self.is_view = isinstance(last, TaskView)
        self.network = last.net_ if self.is_view else last
        self.tasks: list[str] = [last.task] if self.is_view else list(self.network.task_names_)
        self.is_network = hasattr(self.network, "metrics_of_tasks")
        if not self.is_network and metrics is not None:
            raise TypeError(f"metrics of {call} need a MultiTaskNetEstimator, got {type(self.network).__name__}.")
        self.metrics = self._chosen(metrics) if self.is_network else {}
        self._references: dict[str, Reference] = {}

    def _chosen(self, metrics: Any) -> dict[str, Any]:
        if metrics is not None and not isinstance(metrics, Mapping):
            metrics = dict.fromkeys(self.tasks, metrics)
        chosen = self.network._chosen_metrics(metrics)
        return {name: chosen[name][:1] for name in self.tasks}

    @property
    def names_of_metrics(self) -> dict[str, str]:
        """The name of the metric of each task."""
        return {name: self.metrics[name][0].name if self.is_network else "score" for name in self.tasks}

    def inner_rows(self, X: RowsLike) -> Any:
        """Return the rows as the network reads them, after the steps of pipelines."""
        for step in self.steps:
            X = step.transform(X)
        return X

    def of(self, X: RowsLike) -> dict[str, float]:
        """Return the score of each task for the rows of X."""
        rows = self.inner_rows(X)
        if not self.is_network:
            scores: dict[str, float] = self.network.score_tasks(rows, self.y, self.sample_weight)
            return scores
        if isinstance(self.y, SparseTargets):
            rated = self.network._rated(rows, self.y, self.sample_weight, self.metrics)
            return {name: next(iter(values.values())) for name, values in rated.items()}
        answers, _ = self.network._answers(rows, self.tasks)
        if not self._references:
            self._references = self._labels_of(answers[self.tasks[0]].predictions)
        return {
            name: next(iter(reference.rate(self.metrics[name], answers[name]).values()))
            for name, reference in self._references.items()
        }

    def _labels_of(self, predictions: Any) -> dict[str, Reference]:
        """Read the labels, which should be as many as the predictions."""
        network, names = self.network, self.tasks
        true = align_targets({names[0]: self.y}, names)[0] if self.is_view else network._true_labels(self.y)
        check_consistent_length(predictions, true)
        every = names if self.is_view else list(network._model.blueprint.tasks)
        weights = check_sample_weight(self.sample_weight, every, len(true), may_be_zero=True)
        references = {
            name: Reference(name, network.tasks_[name], true[name], None if weights is None else weights[name])
            for name in names
        }
        warn_of_undefined({name: each.undefined(self.metrics[name]) for name, each in references.items()})
        return references


def reach(estimator: Any, call: str) -> tuple[list[Any], Any]:
    """Return the fitted steps before the network or view within pipelines and searches, and this network or view.

    Raises
    ------
    TypeError
        If there is none.
    NotFittedError
        If it is not fitted.
    """
    before: list[Any] = []
    last = estimator
    while not isinstance(last, TaskView) and not hasattr(last, "metrics_of_tasks"):
        held = [name for name in ("best_estimator_", "estimator_") if hasattr(last, name)]
        if isinstance(last, FrozenEstimator):
            last = last.estimator
        elif held:
            last = getattr(last, held[0])
        elif hasattr(last, "steps"):
            before += [step for _, step in last.steps[:-1] if step not in (None, "passthrough")]
            last = last.steps[-1][1]
        elif hasattr(last, "score_tasks"):
            break
        else:
            raise TypeError(f"{call} requires a fitted MultiTaskNetEstimator, got {estimator!r}.")
    if isinstance(last, type):
        raise TypeError(f"{call} requires a fitted MultiTaskNetEstimator, got the class {last.__name__}.")
    if hasattr(last, "fit"):
        check_is_fitted(last)
    return before, last
