"""Which estimators are exported, and for which tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.utils.validation import check_is_fitted

from ..estimator._estimator import MultiTaskNetEstimator
from ..estimator._task_view import TaskView


def net_and_tasks(net: Any, tasks: Sequence[str] | None, function: str) -> tuple[MultiTaskNetEstimator, list[str]]:
    """Return a fitted network, also that of a view of a task, and the tasks to export.

    Raises
    ------
    TypeError
        If there is no network, or a predictor takes its place for a task.
    NotFittedError
        If it is not fitted.
    ValueError
        If a task is unknown.
    """
    if isinstance(net, TaskView):
        check_is_fitted(net)
        if tasks is not None and list(tasks) != [net.task]:
            raise ValueError(f"{function}: the view shows the task {net.task!r}; got tasks={tasks!r}.")
        net, tasks = net.net_, [net.task]
    if not isinstance(net, MultiTaskNetEstimator):
        raise TypeError(
            f"{function} takes a MultiTaskNetEstimator, MultiTaskNetClassifier or MultiTaskNetRegressor; got "
            f"{type(net).__name__}. Export the estimator within it; save_model keeps everything for Python."
        )
    check_is_fitted(net)
    names: list[str] = net._chosen(tasks)
    other = next((name for name in names if name in net.task_predictors_), None)
    if other is not None:
        raise TypeError(
            f"task {other!r}: {function} does not export the predictor that takes the place of the network; leave "
            "the task out by tasks=[...]."
        )
    return net, names


def remarks_of(net: MultiTaskNetEstimator, names: Sequence[str], answering: Sequence[Any]) -> dict[str, Any]:
    """Return what a user needs to read the answers: tasks, classes, levels of quantiles, times of curves."""
    classes = {name: net.tasks_[name].classes_.tolist() for name in names if hasattr(net.tasks_[name], "classes_")}
    remarks: dict[str, Any] = {"tasks": list(names), "classes": classes}
    for task in answering:
        for key, values in task.remarks.items():
            remarks.setdefault(key, {})[task.name] = values
    return remarks
