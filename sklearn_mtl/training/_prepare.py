"""Fitted tasks and encoded rows, from the user's rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_consistent_length

from ..columns._labels import Categories
from ..data._dataset import Dataset
from ..data._encode_labels import encode_targets, encode_task
from ..data._positions import NO_POSITIONS, Positions
from ..exceptions import SingleClassWarning, TaskTypeWarning
from ..model._blueprint import Blueprint
from ..model._label_inputs import label_inputs
from ..targets import Targets, name_of
from ..tasks import Ordinal, Task, doubt_of, infer_task, refuse_dates, resolve_task
from ..utils._types import RowsLike
from ..utils._warn import warn


def fit_tasks(
    targets: Targets,
    given: Mapping[str, Any] | None,
    kind: str | None,
    sample_weight: Mapping[str, np.ndarray] | None,
    classes: Mapping[str, np.ndarray] | None = None,
    positions: Positions = NO_POSITIONS,
) -> dict[str, Task]:
    """Choose and fit the task of each target.

    Parameters
    ----------
    targets : Targets
        Labels by task.
    given : mapping of str to Task or str, or None
        Tasks that the user chose; the others are inferred, with one warning about doubtful types.
    kind : {"classification", "regression"} or None
        The only kind of task that is allowed; None for any.
    sample_weight : mapping of str to ndarray or None
        Weights of the rows by task.
    classes : mapping of str to ndarray or None, default=None
        All classes of some tasks.
    positions : Positions
        The positions of the rows of X that can have labels.

    Raises
    ------
    ValueError
        If the labels of a task do not match its type; the message names the task.
    """
    given, params = _check_given(given, targets)
    fitted: dict[str, Task] = {}
    doubts: dict[str, str] = {}
    for name in targets:
        y, own = targets.labels_of(name)
        weight, rows, kept = None if sample_weight is None else sample_weight[name], positions, None
        if own is not None:
            weight, rows = None if weight is None else weight[own], NO_POSITIONS
        if weight is not None:  # a row of weight 0 counts as absent
            check_consistent_length(y, weight)
            kept = weight > 0
            y, weight, rows = y[kept], weight[kept], positions.of(kept)
        facts, known = targets.facts_of(name, kept), None if classes is None else classes.get(name)
        try:
            refuse_dates(facts)
            if name in given:
                task = clone(resolve_task(given[name]))
            else:
                # a task with given classes is a classification
                task = infer_task(y, kind or ("classification" if known is not None else None), *rows.sizes, facts)
                doubts[name] = doubt_of(task, facts) or "" if kind is None and known is None else ""
            task.set_params(**params.get(name, {}))
            rows.check(task, y)
            if not task.is_of_kind(kind):
                raise ValueError(f"{task!r} is not a {kind} task")
            fitted[name] = _ordered(task, targets.categories_of(name)).fit(y, weight, known)
        except (TypeError, ValueError) as error:
            raise ValueError(f"task {name!r}: {error}") from error
        if not targets.is_sparse:
            _warn_of_labels({name: fitted[name]})
    if targets.is_sparse:  # once for thousands of tasks
        _warn_of_labels(fitted)
    _warn_of_guesses({name: (fitted[name], doubt) for name, doubt in doubts.items() if doubt})
    return fitted


def _warn_of_labels(tasks: Mapping[str, Task]) -> None:
    single: dict[Any, list[str]] = {}
    for name, task in tasks.items():
        for remark in task.remarks:
            warn(f"task {name!r}: {remark}", UserWarning)
        classes: Any = getattr(task, "classes_", ("", ""))
        if len(classes) == 1:
            single.setdefault(classes.tolist()[0], []).append(name)
    for label, names in single.items():
        have = f"task {names[0]!r} has" if len(names) == 1 else f"tasks {listed(names)} have"
        warn(f"{have} labels of one class only, {label!r}.", SingleClassWarning)


def guess_types(targets: Targets, given: Mapping[str, Any] | None, kind: str | None) -> dict[str, str]:
    """Guess the types of tasks whose labels are numbers, because a subset of the rows might suggest another type.

    Parameters and warning are those of `fit_tasks`.

    Returns
    -------
    dict of str to str
        "classification" or "regression" by task.
    """
    given, _ = _check_given(given, targets)
    guesses: dict[str, tuple[Task, str]] = {}
    for name, y in targets.items():
        facts = targets.facts_of(name)
        if name not in given and kind is None and y.ndim == 1 and facts.kind in ("integer", "float", "fraction"):
            task = infer_task(y, facts=facts)
            guesses[name] = task, doubt_of(task, facts) or ""
    _warn_of_guesses({name: guess for name, guess in guesses.items() if guess[1]})
    return {name: task.kind for name, (task, _) in guesses.items()}


def _check_given(
    given: Mapping[str, Any] | None, targets: Targets
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the tasks that the user chose, and parameters of inferred tasks.

    ``set_params(tasks__income__class_weight=...)`` adds the entry "income__class_weight", a parameter of a task
    whose type is not yet known.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise TypeError(f"tasks should be a mapping from name to Task, got {given!r}.")
    named = {name_of(name, targets): task for name, task in given.items()}
    params: dict[str, dict[str, Any]] = {}
    for key in [key for key in named if key not in targets]:
        owner = max((name for name in targets if str(key).startswith(f"{name}__")), key=len, default=None)
        if owner is not None:
            params.setdefault(owner, {})[key.removeprefix(f"{owner}__")] = named.pop(key)
    unknown = [name for name in named if name not in targets]
    if unknown:
        raise ValueError(f"tasks names {unknown}, but y has the targets {list(targets)}.")
    if len(named) + sum(map(len, params.values())) < len(given):
        raise ValueError(f"tasks names a task twice: {list(given)}.")
    return {name: task for name, task in named.items() if task is not None}, params


def _ordered(task: Task, categories: Categories | None) -> Task:
    """Pass the order of a categorical dtype to an ordinal task."""
    if isinstance(task, Ordinal) and task.classes is None and categories is not None and categories.ordered:
        return task.set_params(classes=list(categories.values))
    return task


def _warn_of_guesses(guesses: Mapping[str, tuple[Task, str]]) -> None:
    """Warn once of the types that were guessed."""
    if not guesses:
        return
    groups: dict[str, list[str]] = {}
    for name, (task, doubt) in guesses.items():
        what = "numbers" if task.is_regression else "classes"
        groups.setdefault(f"{doubt} taken as {what} ({task.kind})", []).append(name)
    said = "; ".join(f"{doubt} in {listed(names)}" for doubt, names in groups.items())
    first, (task, _) = next(iter(guesses.items()))
    warn(
        f"The type of some tasks was guessed: {said}. State it in the parameter tasks, for instance "
        f"tasks={{{first!r}: {task.kind!r}}}.",
        TaskTypeWarning,
    )


def listed(names: list[str]) -> str:
    """Return the first names as text."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(map(repr, names[:10])) + more


def encode_rows(
    blueprint: Blueprint,
    X: RowsLike,
    targets: Mapping[str, np.ndarray],
    sample_weight: Mapping[str, np.ndarray] | None,
    *,
    owner: BaseEstimator,
    device: torch.device,
) -> Dataset:
    """Encode the rows of a fit.

    Parameters
    ----------
    blueprint : Blueprint
    X : object
        Inputs as passed to ``fit``.
    targets : mapping of str to ndarray
        Labels by task.
    sample_weight : mapping of str to ndarray or None
        Weights of the rows by task.
    owner : BaseEstimator
        The estimator that checks of X name in messages.
    device : torch.device
    """
    inputs = {**blueprint.trunk.encode(X, owner=owner), **label_inputs(blueprint, targets, sample_weight)}
    first = next(iter(inputs.values()))
    check_consistent_length(first, next(iter(targets.values())))
    active = set(blueprint.active)
    for name, task in blueprint.tasks.items():
        if name in targets and name not in active:  # check the labels of untrained tasks too
            encode_task(task, name, targets[name], None if sample_weight is None else sample_weight[name])
    encoded, weights = encode_targets(
        blueprint.one_objective().groups, blueprint.tasks, targets, sample_weight, blueprint.torch_dtype
    )
    return Dataset(inputs, encoded, weights).to(device)
