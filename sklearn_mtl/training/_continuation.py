"""Training that continues a fitted model, and the parameters that must not have changed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sklearn.base import clone

from ..config import FitConfig
from ..data._weights import check_score_weights, check_weights
from ..model._blueprint import Blueprint
from ..tasks import Task, resolve_task
from ..trunks import resolve_trunk
from ..utils._same import same
from ..utils._types import RowsLike

# Maximum length of a value in a message.
_LONGEST = 200


def unfitted_params(config: FitConfig) -> dict[str, Any]:
    """Return the parameters of a fit that cannot be read from the fitted specs."""
    trunk = config.trunk
    return {
        "trunk": trunk if isinstance(trunk, str | Mapping) else None,
        "tasks": {name: clone(task, safe=False) for name, task in (config.tasks or {}).items()},
        "categorical_features": config.categorical_features,
    }


def continued(config: FitConfig, X: RowsLike, old: Blueprint) -> Blueprint:
    """Return the blueprint of a fitted model with the present task and score weights.

    Raises
    ------
    ValueError
        If a parameter that the fitted network was built from has changed.
    """
    refuse_changes(config, X, old)
    new = replace(
        old,
        task_weights=check_weights(config.task_weights, list(old.tasks), "task_weights"),
        score_weights=check_score_weights(config.score_weights, list(old.tasks), old.auxiliary),
    )
    if new.active != old.active:
        raise ValueError(
            f"task_weights trains the tasks {new.active}, but the fitted network was built for {old.active}; "
            "other trained tasks require a new fit (warm_start=False)."
        )
    return new


def refuse_changes(config: FitConfig, X: RowsLike, old: Blueprint) -> None:
    """Raise ValueError, with both values, if a parameter differs from that of the fitted network."""
    if (config.n_members, config.is_batch_ensemble) != (old.n_members, old.is_batch_ensemble):
        raise ValueError(
            f"n_members={config.n_members} and ensemble={config.ensemble!r}, but the fitted network has "
            f"n_members={old.n_members} and ensemble={old.ensemble!r}; another ensemble requires a new fit "
            "(warm_start=False)."
        )
    for name, now, then in _pairs(config, X, old):
        if not same(now, then):
            raise ValueError(
                f"{name}={_short(now)}, but the fitted network, whose training continues, has {name}="
                f"{_short(then)}; another value requires a new fit (warm_start=False)."
            )


def _pairs(config: FitConfig, X: RowsLike, old: Blueprint) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name of each parameter that a network is built from, with its value now and at the fit."""
    asked = old.asked or {}
    yield "dtype", config.dtype, old.dtype
    if asked.get("trunk") is None or not same(config.trunk, asked["trunk"]):
        with warnings.catch_warnings():  # about "auto", which the first fit resolved
            warnings.simplefilter("ignore")
            trunk = resolve_trunk(config.trunk, X)
        yield "trunk", trunk, old.trunk
    yield "architecture", config.architecture, old.architecture
    yield "weighting", config.weighting, old.weighting
    yield "auxiliary", config.auxiliary.names_among(list(old.tasks)), old.auxiliary
    yield "label_inputs", config.label_inputs, old.label_inputs
    yield "penalties", list(config.penalties), list(old.penalties)
    if "categorical_features" in asked:
        yield "categorical_features", config.categorical_features, asked["categorical_features"]
    yield from _tasks(config.tasks or {}, asked.get("tasks", {}), old)


def _tasks(now: Mapping[Any, Any], then: Mapping[Any, Any], old: Blueprint) -> Iterator[tuple[str, Any, Any]]:
    if same(now, then):
        return
    known = {str(name): name for name in old.tasks}
    unknown = [name for name in now if name not in then and str(name) not in known]
    if unknown:
        raise ValueError(f"tasks names {unknown}, but the fitted network has the tasks {list(old.tasks)}.")
    for name in {**then, **now}:
        if name not in known.values() and str(name) not in known:  # a parameter of an inferred task
            yield f"tasks[{name!r}]", now.get(name), then.get(name)
            continue
        fitted = old.tasks[known[str(name)]]
        asked, before = (_spec(mapping.get(name)) for mapping in (now, then))
        if same(asked, before) or (asked is None and same(fitted, type(fitted)())):
            continue
        if not same(asked, fitted):  # the fit may have completed the parameters from the labels
            yield f"tasks[{name!r}]", asked, before or fitted


def _spec(task: Task | str | None) -> Any:
    return None if task is None else resolve_task(task)


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
