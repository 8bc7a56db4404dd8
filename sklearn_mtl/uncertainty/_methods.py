"""Choice of the method of each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..targets import Targets, align_targets, name_of
from ..tasks import Task
from ..utils._types import TargetsLike
from ._kinds import kind_of, methods_of
from ._scorers import Labels, Numbers, Scorer
from ._sources import Source
from ._token_scorer import Tokens

#: all methods that may be asked for
METHODS = ("auto", "absolute", "normalised", "quantile", "lac", "aps", "raps", "fnr", "entities", "coverage")
#: methods that control a mean share of what is missed in a row
MEAN_SHARES = ("fnr", "entities")


def scorers_of(
    tasks: Mapping[str, Task], method: str | Mapping[str, str], joint: str | None, source: Source
) -> dict[str, Scorer]:
    """Return the scorer of each task.

    Raises
    ------
    ValueError
        If a task has labels of pixels, or a method does not suit it or its predictors.
    """
    asked = _by_task(tasks, method)
    scorers: dict[str, Scorer] = {}
    for name, task in tasks.items():
        kind = kind_of(task)
        if kind is None:
            raise ValueError(
                f"The task {name!r} is a {type(task).__name__}, which labels each {task.labelled_unit}; there "
                f"are no sets for it. Name the other tasks in the parameter tasks."
            )
        chosen = asked[name]
        if chosen == "auto":
            chosen = _default(kind, name, joint, source)
        _check(name, task, kind, chosen, joint, source)
        scorers[name] = kind(name, task, chosen)
    return scorers


def chosen_tasks(known: Sequence[str], tasks: Sequence[str] | None) -> list[str]:
    """Return the tasks that sets are built for, in the order of y."""
    if tasks is None:
        return list(known)
    names = [name_of(name, known) for name in tasks]
    if isinstance(tasks, str) or not names or any(name not in known for name in names):
        raise ValueError(f"tasks={tasks!r} should name some of the tasks {list(known)}.")
    return [name for name in known if name in names]


def labels_of(y: TargetsLike, chosen: Sequence[str], known: Sequence[str]) -> Targets:
    """Read y for chosen tasks; a frame or mapping may lack the others, and columns without names are of all."""
    names = chosen if isinstance(y, Mapping) or hasattr(y, "columns") else known
    return align_targets(y, list(names))[0]


def _by_task(tasks: Mapping[str, Task], method: str | Mapping[str, str]) -> dict[str, str]:
    """Return the method of each task; one text is for the tasks that it suits."""
    if isinstance(method, Mapping):
        given = {name_of(name, tasks): each for name, each in method.items()}
        unknown = [name for name in given if name not in tasks]
        if unknown:
            raise ValueError(f"method names the tasks {unknown}; the tasks are {list(tasks)}.")
    else:
        given = {name: method for name, task in tasks.items() if method in methods_of(task)}
        if not given and method != "auto":
            raise ValueError(f"method={method!r} suits none of the tasks {list(tasks)}. {_known()}")
    return {name: given.get(name, "auto") for name in tasks}


def _default(kind: type[Scorer], name: str, joint: str | None, source: Source) -> str:
    if kind is Numbers:
        return "normalised" if source.has_spread(name) else "absolute"
    if kind in (Labels, Tokens):
        return "fnr" if joint is None else "coverage"
    return "lac"


def _check(name: str, task: Task, kind: type[Scorer], method: Any, joint: str | None, source: Source) -> None:
    if method not in kind.fields:
        raise ValueError(
            f"method={method!r} does not suit the task {name!r}, which takes one of {list(kind.fields)}."
        )
    if method in MEAN_SHARES and joint is not None:
        raise ValueError(
            f"method={method!r} of the task {name!r} controls a mean share of missed labels, which "
            f"joint={joint!r} has no use for; use 'coverage', sets that hold all true labels."
        )
    if method == "entities" and not getattr(task, "has_entities_", False):
        raise ValueError(
            f"method='entities' of the task {name!r} needs tags of entities, such as 'B-city' and 'I-city'; use "
            "'fnr', which controls the share of tokens that are missed."
        )
    if method == "normalised" and not source.has_spread(name):
        raise ValueError(
            f"method='normalised' of the task {name!r} needs a spread, which one network does not have; set "
            "n_members=4 of the net, for instance, learn a distribution, or use 'absolute'. Members that held out "
            "rows alone have none either."
        )
    if method == "quantile" and not source.has_quantiles(name):
        raise ValueError(
            f"method='quantile' of the task {name!r} needs a net with predict_quantiles, and a task that has "
            "them, such as Regression(loss='normal') or several quantiles; or use 'absolute'."
        )


def _known() -> str:
    return f"The methods are {list(METHODS)}."
