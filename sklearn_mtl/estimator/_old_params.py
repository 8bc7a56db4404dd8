"""Conversion of parameters that older versions saved."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..config import Checkpoint, DeepEnsemble, EarlyStopping, Optimizer, Portfolio


def current_params(state: Mapping[str, Any]) -> dict[str, Any]:
    """Convert saved attributes of an estimator of an older version.

    Parameters that are now part of a spec are moved to it; removed parameters are left out.
    """
    state = dict(state)
    bootstrap, every = state.pop("bootstrap", False), state.pop("checkpoint_every", 1)
    step = {
        "schedule": state.pop("learning_rate_schedule", "auto"),
        "clip_norm": state.pop("clip_norm", None),
        "mixed_precision": state.pop("mixed_precision", False),
    }
    if "validation_fraction" in state:
        state["validation"] = state.pop("validation_fraction")
    for name in ("tol", "keep_interrupted"):
        state.pop(name, None)
    # versions without one of these trained a single network that shares its layers
    for name, value in {"architecture": "hard_sharing", "n_members": 1, "ensemble": "deep"}.items():
        state.setdefault(name, value)
    if bootstrap:
        state["ensemble"] = DeepEnsemble(bootstrap=True)
    if every != 1 and state.get("checkpoint") is not None:
        state["checkpoint"] = Checkpoint(state["checkpoint"], every)
    if step != {"schedule": "auto", "clip_norm": None, "mixed_precision": False}:
        state["optimizer"] = Optimizer(state["optimizer"], **step)
    return _with_stopping(state)


def _with_stopping(state: dict[str, Any]) -> dict[str, Any]:
    """Move the parameters of `EarlyStopping` to it, also those of the recipes of a portfolio."""
    rule = {"monitor": state.pop("monitor", "loss"), "n_iter_no_change": state.pop("n_iter_no_change", 10)}
    when, ensemble = state.get("early_stopping", "auto"), state["ensemble"]
    if rule != {"monitor": "loss", "n_iter_no_change": 10}:
        state["early_stopping"] = EarlyStopping(when, **rule)
    recipes = ensemble.recipes if isinstance(ensemble, Portfolio) else "auto"
    if isinstance(recipes, Mapping) and any("n_iter_no_change" in recipe for recipe in recipes.values()):
        state["ensemble"] = copy.copy(ensemble)
        state["ensemble"].recipes = {name: _recipe(recipe, when, rule) for name, recipe in recipes.items()}
    return state


def _recipe(recipe: Mapping[str, Any], when: Any, rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a recipe whose patience is part of its early stopping."""
    if "n_iter_no_change" not in recipe:
        return recipe
    others = {name: value for name, value in recipe.items() if name != "n_iter_no_change"}
    stopping = EarlyStopping(recipe.get("early_stopping", when), rule["monitor"], recipe["n_iter_no_change"])
    return {**others, "early_stopping": stopping}
