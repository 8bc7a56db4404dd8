"""The saved state of a model: its layout and versions, and the conversion of older states."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.base import BaseEstimator

from .._version import __version__
from ..architectures import Architecture
from ..exceptions import ModelVersionWarning
from ..targets import Container
from ..tasks import Task
from ..trunks import Trunk
from ..utils._warn import warn
from ..weighting import Weighting
from ._blueprint import Blueprint

#: version of the layout of the state
STATE_LAYOUT = 1

# For each older layout, the function that converts a state to the next layout. There are no older ones yet.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def versions() -> dict[str, str]:
    """Return the versions of this package and of its main dependencies."""
    return {
        "sklearn_mtl": __version__,
        "scikit-learn": sklearn.__version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }


def stamped(state: Mapping[str, Any]) -> dict[str, Any]:
    """Add the layout and the versions of packages to the state of a model."""
    return {**state, "layout": STATE_LAYOUT, "versions": versions()}


def current_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the state of a model, possibly saved by another version, to the current layout.

    Parameters
    ----------
    state : mapping
        Output of `stamped`, of this version or an older one.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If its layout is unknown, or it is not the state of a model.

    Warns
    -----
    ModelVersionWarning
        If another version of this package wrote it.
    """
    layout, written_by = state.get("layout"), state.get("versions", {})
    if type(layout) is not int or not (layout == STATE_LAYOUT or layout in MIGRATIONS):
        raise ValueError(
            f"the state of this model has layout {layout!r}, written by {_listed(written_by)}; sklearn_mtl "
            f"{__version__} reads layouts up to {STATE_LAYOUT}. Load it with the version that wrote it."
        )
    if written_by.get("sklearn_mtl") != __version__:
        warn(
            f"this model was saved with {_listed(written_by)}, and is loaded with {_listed(versions())}. Its "
            "predictions may differ; fit it again if possible.",
            ModelVersionWarning,
        )
    current = dict(state)
    for number in range(layout, STATE_LAYOUT):
        current = MIGRATIONS[number](current)
    parts = parts_of(current)
    for part in parts:
        _check_kinds(part)
        _check_finite(part["weights"])
        blueprint = part["blueprint"]
        _complete_parts(vars(blueprint))
        if hasattr(type(blueprint.trunk), "dtype_"):  # an older version did not keep it on the trunk
            vars(blueprint.trunk).setdefault("dtype_", blueprint.dtype)
    if "recipes" in current:
        _check_recipes(current["by_task"], [list(part["blueprint"].tasks) for part in parts])
    return stamped(current)


def parts_of(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the states of the networks of a model: of each recipe of a portfolio, otherwise of the model."""
    if "recipes" not in state:
        return [state]  # type: ignore[list-item]
    recipes = state["recipes"]
    if not isinstance(recipes, Mapping) or not recipes or not all(isinstance(p, dict) for p in recipes.values()):
        raise ValueError("the recipes of this model are not a mapping of states.")
    return list(recipes.values())


def _check_recipes(weights: Any, tasks: list[list[str]]) -> None:
    """Check the weights of the recipes by task, and that the recipes have the same tasks."""
    _check_kind("weights by task", weights, dict)
    if any(names != tasks[0] for names in tasks) or list(weights) != tasks[0]:
        raise ValueError("the recipes of this model do not have the same tasks.")
    for name, row in weights.items():
        _check_kind(f"weights of {name!r}", row, np.ndarray)
        if row.shape != (len(tasks),) or not (row >= 0).all() or not np.isclose(row.sum(), 1):
            raise ValueError(
                f"the weights of the recipes in task {name!r} are not shares of {len(tasks)} recipes."
            )


def complete_params(spec: BaseEstimator) -> None:
    """Set parameters that an older version did not save to their defaults, also in nested specs."""
    cls: Any = type(spec)
    for name, default in _defaults(cls).items():
        if name not in vars(spec):
            setattr(spec, name, default)
    _complete_parts(vars(spec))


def _complete_parts(attributes: Mapping[str, Any]) -> None:
    for value in list(attributes.values()):
        entries = value.values() if isinstance(value, Mapping) else value
        for part in entries if isinstance(value, Mapping | list | tuple) else [value]:
            if isinstance(part, BaseEstimator):
                complete_params(part)


@cache
def _defaults(cls: Any) -> dict[str, Any]:
    parameters = inspect.signature(cls).parameters
    return {name: p.default for name, p in parameters.items() if p.default is not p.empty}


def check_arrays(weights: Mapping[str, np.ndarray], expected: Mapping[str, torch.Tensor], what: str) -> None:
    """Check the names, shapes and dtypes of arrays against those of a module.

    Parameters
    ----------
    weights : mapping of str to ndarray
    expected : mapping of str to Tensor
        State dict of the module.
    what : str
        Word for the arrays, for the message.

    Raises
    ------
    ValueError
    """
    if set(weights) != set(expected):
        lacking, extra = sorted(set(expected) - set(weights)), sorted(set(weights) - set(expected))
        raise ValueError(f"the {what} of this model lack {lacking[:5]}, and contain unexpected {extra[:5]}.")
    for name, tensor in expected.items():
        array = weights[name]
        wanted = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
        if (array.shape, array.dtype.name) != wanted:
            raise ValueError(
                f"the {what} of this model have {name} of shape {array.shape} and dtype {array.dtype}; expected "
                f"shape {wanted[0]} and dtype {wanted[1]}."
            )


def _check_kinds(state: Mapping[str, Any]) -> None:
    """Check the types of the parts of a state."""
    blueprint = state["blueprint"]
    _check_kind("blueprint", blueprint, Blueprint)
    _check_kind("container", state["container"], Container)
    state["container"].check()
    for name, kind in (("trunk", Trunk), ("architecture", Architecture), ("weighting", Weighting)):
        _check_kind(name, getattr(blueprint, name), kind)
    for name, task in blueprint.tasks.items():
        _check_kind(f"task {name!r}", task, Task)
    for name in ("weights", "weighting"):
        for entry, array in state[name].items():
            _check_kind(f"{name} {entry}", array, np.ndarray)
    held = state.get("validation_rows")
    for rows in held if isinstance(held, list) else [] if held is None else [held]:
        _check_kind("validation_rows", rows, np.ndarray)
    n_members = blueprint.n_members
    are_of_members = [array.shape[:1] == (n_members,) for array in state["weights"].values()]
    # members that share weights have heads of their own
    if n_members != 1 and not (any if blueprint.is_batch_ensemble else all)(are_of_members):
        raise ValueError(f"the weights of this model are not those of {n_members} members.")


def _check_finite(weights: Mapping[str, np.ndarray]) -> None:
    for name, array in weights.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"the weights of this model are not finite in {name}.")


def _check_kind(name: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        raise ValueError(f"the {name} of this model is a {type(value).__name__}, not a {kind.__name__}.")


def _listed(written_by: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in written_by.items()) or "an unknown version"
