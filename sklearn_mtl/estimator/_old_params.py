"""Conversion of parameters that older versions saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import Checkpoint, DeepEnsemble, Optimizer


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
    return state
