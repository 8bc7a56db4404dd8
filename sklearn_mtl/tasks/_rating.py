"""Scores of a task by the metrics that the user chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import average_precision_score

from ..metrics._choice import Metric, read_metrics, unknown_metric
from ..metrics._values import (
    NAN,
    is_undefined,
    lacks_a_side,
    uses_codes,
    value_of,
    value_of_label_probabilities,
    value_of_probabilities,
)
from ..targets import name_of
from ..utils._warn import warn
from ._answers import Answer
from ._base import Task
from ._classification import class_numbers
from ._ordinal import Ordinal

#: what `multitask_scorer` computes of the probabilities of a task
PROBABILITY_METRICS = ("roc_auc", "average_precision", "neg_log_loss", "neg_brier_score")


def own_metric(task: Task) -> Metric:
    """Return the metric that ``score`` of a task computes."""
    return Metric(task.metric, task.metric)


def chosen_metrics(
    metrics: Mapping[Any, Any] | None, tasks: Mapping[str, Task], parameter: str = "metrics", default: Any = None
) -> dict[str, tuple[Metric, ...]]:
    """Read and check the metrics of all tasks; the first metric of a task is its score.

    Parameters
    ----------
    metrics : mapping of str to object, or None
        What `read_metrics` reads, by task.
    tasks : mapping of str to Task
        Fitted.
    parameter : str, default="metrics"
        Name of the parameter, for messages.
    default : object, default=None
        Metrics of the tasks that are not named; None for their own metric.

    Raises
    ------
    ValueError, TypeError
        If a task or metric is unknown, or does not suit the task.
    """
    if metrics is not None and not isinstance(metrics, Mapping):
        raise TypeError(f"{parameter} should be a mapping from task to metric, got {metrics!r}.")
    given = {name_of(name, tasks): each for name, each in (metrics or {}).items()}
    unknown = [name for name in given if name not in tasks]
    if unknown:
        raise ValueError(f"{parameter} names unknown tasks {unknown}; the tasks are {list(tasks)}.")
    if len(given) < len(metrics or {}):
        raise ValueError(f"{parameter} names a task twice: {list(metrics or {})}.")
    chosen = {}
    for name, task in tasks.items():
        asked, where = (given[name], f"{parameter}[{name!r}]") if name in given else (default, "default")
        found = (own_metric(task),) if asked is None else read_metrics(asked, where)
        chosen[name] = tuple(_checked(metric, name, task, where) for metric in found)
    return chosen


def _checked(metric: Metric, name: str, task: Task, where: str) -> Metric:
    """Check that a metric suits a task; a metric of the task's own takes precedence."""
    if metric.asked in task.metric_names:
        return Metric(metric.name, metric.asked)
    if metric.function is None:
        raise unknown_metric(str(metric.asked), where, task.metric_names)
    what = f"{where}: metric {metric.name!r} does not suit the task {name!r}, a {type(task).__name__}"
    if task.labels_positions:
        raise ValueError(
            f"{what}, which labels each {task.labelled_unit}; its metrics are {list(task.metric_names)}."
        )
    if not {"predict", "predict_proba"} & set(metric.responses):
        raise ValueError(
            f"{what}: it asks for {list(metric.responses)}; a scorer of make_scorer may ask for "
            "response_method='predict_proba'."
        )
    if metric.takes_probabilities and not task.rates_probabilities:
        raise ValueError(f"{what}: it needs probabilities, and the task has none.")
    return metric


class Reference:
    """The labels of a task for some rows, against which predictions are scored.

    What depends only on the labels is computed once for all epochs.

    Parameters
    ----------
    name : str
    task : Task
        Fitted.
    y : ndarray of shape (n_samples, ...)
        Labels; some may be missing.
    sample_weight : ndarray of shape (n_samples,) or None, default=None
        Rows of weight 0 are left out.
    """

    def __init__(self, name: str, task: Task, y: np.ndarray, sample_weight: np.ndarray | None = None) -> None:
        self.name, self.task, self.n_rows = name, task, len(y)
        self.kept = None if sample_weight is None or (sample_weight > 0).all() else sample_weight > 0
        self.y = y if self.kept is None else y[self.kept]
        self.weight = sample_weight if self.kept is None or sample_weight is None else sample_weight[self.kept]

    def rate(self, metrics: Sequence[Metric], answer: Answer) -> dict[str, float]:
        """Score the predictions of all rows by some metrics; NaN if no row has a label.

        Parameters
        ----------
        metrics : sequence of Metric
            Checked by `chosen_metrics`.
        answer : Answer
        """
        return self._rate(metrics, _Given(self, answer))

    def _rate(self, metrics: Sequence[Metric], given: _Given) -> dict[str, float]:
        try:
            return {metric.name: self._value(metric, given) if len(self.y) else NAN for metric in metrics}
        except ValueError as error:
            if str(error).startswith("metric "):
                raise ValueError(f"task {self.name!r}: {error}.") from error
            raise

    def rate_all(self, answer: Answer) -> dict[str, float]:
        """Score the predictions by all of the task's own metrics, and by metrics of probabilities."""
        given = _Given(self, answer)
        further = PROBABILITY_METRICS if self.task.rates_probabilities else ()
        names = [name for name in further if name not in given.metrics]
        return {**given.metrics, **(self._rate(read_metrics(names, "metrics"), given) if names else {})}

    def undefined(self, metrics: Sequence[Metric]) -> list[str]:
        """Return the names of the metrics that are undefined because no row has some class."""
        return [metric.name for metric in metrics if self._lacks_rows(metric)]

    def _lacks_rows(self, metric: Metric) -> bool:
        if metric.function is None or not metric.takes_probabilities or not self.rows.any():
            return False
        if self.labelled.ndim == 2:
            true = self.labels[self.rows]
            lacks = lacks_a_side(metric, true)
            return lacks or (metric.function is average_precision_score and not true.any(axis=0).all())
        codes = self.codes[self.rows]
        n_classes = len(self.task.classes_)
        if metric.function is average_precision_score:
            first = 1 if n_classes == 2 else 0
            return not set(range(first, n_classes)) <= set(codes.tolist())
        return is_undefined(metric, codes, n_classes)

    # -- labels

    @cached_property
    def _true(self) -> tuple[np.ndarray, np.ndarray]:
        return self.task.true_labels(self.y)

    @property
    def labels(self) -> np.ndarray:
        """The labels in the form of scikit-learn."""
        return self._true[0]

    @property
    def labelled(self) -> np.ndarray:
        """Which labels are not missing."""
        return self._true[1]

    @cached_property
    def rows(self) -> np.ndarray:
        """Which rows have no missing label."""
        return np.all(self.labelled.reshape(len(self.labelled), -1), axis=1)

    @cached_property
    def codes(self) -> np.ndarray:
        """The numbers of the classes of the labels, -1 for a label that ``fit`` did not see."""
        return class_numbers(self.labels, self.task.classes_)

    # -- values

    def _value(self, metric: Metric, given: _Given) -> float:
        if metric.function is None:
            return given.own(str(metric.asked))
        if not self.labelled.any():
            return NAN
        if self.labelled.ndim == 2:
            return self._of_columns(metric, given)
        rows = self.rows
        weight = None if self.weight is None else self.weight[rows]
        if metric.takes_probabilities:
            classes = self.task.classes_
            return value_of_probabilities(
                metric, self.labels[rows], self.codes[rows], given.probabilities[rows], classes, weight
            )
        pred = given.labels[rows]
        classes = getattr(self.task, "classes_", None)
        if classes is not None and uses_codes(metric, classes, isinstance(self.task, Ordinal)):
            return value_of(metric, self.codes[rows], class_numbers(pred, classes), weight)
        return value_of(metric, self.labels[rows], pred, weight)

    def _of_columns(self, metric: Metric, given: _Given) -> float:
        """Compute a metric of several columns, at once or as the mean over columns."""
        pred = given.probabilities if metric.takes_probabilities else given.labels
        pred = np.pad(pred, ((0, 0), (0, self.labels.shape[1] - pred.shape[1])))  # labels that fit did not see
        value = value_of_label_probabilities if metric.takes_probabilities else value_of
        if not self._by_column(metric):
            weight = None if self.weight is None else self.weight[self.rows]
            return value(metric, self.labels[self.rows], pred[self.rows], weight)
        averages = metric.takes("average") or "average" in metric.kwargs
        more = {"average": "binary", "pos_label": 1} if averages and not metric.takes_probabilities else {}
        values = []
        for column, rows in enumerate(self.labelled.T):
            if rows.any():
                weight = None if self.weight is None else self.weight[rows]
                values.append(value(metric, self.labels[rows, column], pred[rows, column], weight, **more))
        return float(np.mean(values))

    def _by_column(self, metric: Metric) -> bool:
        if not metric.is_of_scikit_learn:
            return False
        partly = not (self.labelled == self.labelled[:, :1]).all()
        if self.task.is_regression:
            return (metric.takes("multioutput") and partly) or "multioutput" not in metric.parameters
        if "average" not in metric.parameters:
            return metric.takes_probabilities
        default = metric.parameters["average"].default
        is_macro = metric.kwargs.get("average", default) == "macro"
        return is_macro and (partly or self.labels.shape[1] == 1)


class _Given:
    """Predictions and probabilities of the rows that have a weight.

    Parameters
    ----------
    reference : Reference
    answer : Answer
        Of all rows.
    """

    def __init__(self, reference: Reference, answer: Answer) -> None:
        self.reference, self.answer = reference, answer

    @cached_property
    def predictions(self) -> np.ndarray:
        """What the task's own metrics take, see `Task.rated`: predictions in the form of the labels of ``fit``."""
        return self._kept(self.answer.rated)

    @cached_property
    def labels(self) -> np.ndarray:
        """Predictions in the form of scikit-learn."""
        return self.reference.task.predicted_labels(self.predictions)

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Probabilities of classes or labels."""
        proba = self.answer.probabilities
        if proba is None:
            raise ValueError("metric needs probabilities, and the task has none")
        return self._kept(proba)

    def own(self, name: str) -> float:
        """Return the value of one of the task's own metrics."""
        reference = self.reference
        if name == reference.task.metric and "metrics" not in self.__dict__:
            return reference.task.score(reference.y, self.predictions, reference.weight)
        return self.metrics[name]

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The values of all of the task's own metrics."""
        reference = self.reference
        return reference.task.metrics(reference.y, self.predictions, reference.weight)

    def _kept(self, values: Any) -> Any:
        return values if self.reference.kept is None else values[self.reference.kept]


def warn_of_undefined(by_task: Mapping[str, Sequence[str]]) -> None:
    """Warn once of metrics that are undefined because no row has some class."""
    found = {name: list(names) for name, names in by_task.items() if names}
    if found:
        listed = "; ".join(f"{name!r}: {', '.join(names)}" for name, names in found.items())
        warn(
            "some metrics are not defined, as the rows lack a class, or have one that fit did not see: "
            f"{listed}. As in scikit-learn, they are NaN, and average_precision is 0 for a class without rows.",
            UndefinedMetricWarning,
        )
