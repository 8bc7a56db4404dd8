"""The network of an estimator as an HTML diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..architectures import Grouped, TaskGraph, resolve_architecture
from ..diagram._flow import Flow
from ..diagram._svg import flow_svg
from ..model._blueprint import Blueprint
from ..tasks import resolve_task

# Maximum number of tasks in the diagram.
MAX_TASKS = 12


def fitted_flow(blueprint: Blueprint, tasks: Sequence[str]) -> Flow:
    """Describe the data flow to some tasks of a fitted network.

    Tasks that are not trained, or were added later, read the representation.
    """
    trained = [name for name in tasks if name in blueprint.trained]
    flow = blueprint.architecture.flow(trained)
    return flow.with_tasks([name for name in tasks if name not in trained])


def diagram_html(estimator: Any) -> str:
    """Return the diagram of an estimator's network as HTML, or an empty string if it cannot be drawn yet."""
    try:
        tasks, flow = _drawn(estimator)
        if not tasks:
            return ""
        title = f"Data flow to {_listed(tasks)}"
        left_out = f"<div>The first {MAX_TASKS} of {len(tasks)} tasks.</div>" if len(tasks) > MAX_TASKS else ""
        return f'<div style="overflow-x: auto; margin-top: 0.5em">{flow_svg(flow, title)}{left_out}</div>'
    except Exception:  # an estimator with invalid parameters is shown without a diagram
        return ""


def _drawn(estimator: Any) -> tuple[list[str], Flow]:
    """Return the known tasks of an estimator, and the flow to the first of them."""
    if hasattr(estimator, "_model"):
        tasks = estimator.task_names_
        return tasks, fitted_flow(estimator._model.blueprint, tasks[:MAX_TASKS])
    architecture = resolve_architecture(estimator.architecture)
    tasks = named_tasks(architecture, _without_params(estimator.tasks), estimator.task_weights)
    return tasks, architecture.flow(tasks[:MAX_TASKS])


def named_tasks(architecture: Any, *params: Any) -> list[str]:
    """List the tasks that the parameters of an estimator name before it is fitted."""
    names = [name for param in params if isinstance(param, Mapping) for name in param]
    if isinstance(architecture, TaskGraph):
        names += [name for child, parents in architecture.dependencies.items() for name in (*parents, child)]
    if isinstance(architecture, Grouped):
        names += [name for group in architecture.groups for name in group]
    return list(dict.fromkeys(names))


def _without_params(tasks: Any) -> Any:
    """Return the tasks that an estimator names, including those of which only parameters are set."""
    if not isinstance(tasks, Mapping):
        return tasks
    return {name if _is_task(value) else str(name).partition("__")[0]: None for name, value in tasks.items()}


def _is_task(value: Any) -> bool:
    try:
        return value is None or resolve_task(value) is not None
    except ValueError:
        return False


def _listed(tasks: Sequence[str]) -> str:
    shown = ", ".join(tasks[:MAX_TASKS])
    return f"{shown} and {len(tasks) - MAX_TASKS} more" if len(tasks) > MAX_TASKS else shown
