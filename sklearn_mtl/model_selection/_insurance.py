"""Portfolios of shared, grouped and separate networks, which insure against wrong groups of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import clone

from ..architectures import Grouped, Independent, resolve_architecture
from ..config import DeepEnsemble, Portfolio, resolve_ensemble
from ..estimator._recipes import recipes_of_fit
from ..targets import Targets
from ..trunks import MLP
from ..utils._same import same
from ..utils._types import RowsLike
from ._stack import last_step, transformed

#: parameters of the estimator by name
Recipe = Mapping[str, Any]


def insured_net(net: Any, X: RowsLike, y: Targets, groups: Sequence[Sequence[str]]) -> Any:
    """Clone a net so that it trains its recipes shared, grouped and separate, weighted for each task.

    Parameters
    ----------
    net : MultiTaskNetEstimator, or a Pipeline that ends in one
    X, y : object
        The rows that it will be fitted to, on which its recipes depend.
    groups : sequence of sequence of str
        All tasks, in groups.
    """
    copy = clone(net)
    rows, _ = transformed(copy, X, y, {})
    last, path = last_step(copy)
    recipes = insured_recipes(recipes_of_fit(last, rows, y, None), last, groups)
    weighted = getattr(last.ensemble, "weighted", True)
    return clone(net).set_params(**{"__".join([*path, "ensemble"]): Portfolio(recipes, weighted=weighted)})


def insured_recipes(recipes: Mapping[str, Recipe], net: Any, groups: Sequence[Sequence[str]]) -> dict[str, Recipe]:
    """Add a grouped and a separate version of each recipe in which the tasks share layers.

    Parameters
    ----------
    recipes : mapping of str to mapping
        Those that the net trains; the name "" stands for its parameters.
    net : MultiTaskNetEstimator
    groups : sequence of sequence of str
        The tasks of each group. Only one group, or groups of one task each, add no grouped version.

    Returns
    -------
    dict of str to mapping
        Separate versions are left out if the recipes have some of their own.
    """
    architectures = {name: _architecture_of(recipe, net) for name, recipe in recipes.items()}
    has_separate = any(isinstance(architecture, Independent) for architecture in architectures.values())
    has_groups = 1 < len(groups) < sum(map(len, groups))
    found: dict[str, Recipe] = {name or "shared": recipe for name, recipe in recipes.items()}
    for name, architecture in architectures.items():
        if architecture is None or isinstance(architecture, Independent):
            continue
        prefix = f"{name}, " if name else ""
        towers = tuple(getattr(architecture, "tower_sizes", ()))
        if has_groups:
            grouped = Grouped([list(group) for group in groups], tower_sizes=towers)
            found[f"{prefix}grouped"] = {**recipes[name], "architecture": grouped}
        if not has_separate:
            found[f"{prefix}separate"] = {**recipes[name], "architecture": Independent(tower_sizes=towers)}
    return found


def _architecture_of(recipe: Recipe, net: Any) -> Any:
    """Return the architecture of a recipe; None if its trunk has no layers that tasks could share."""
    trunk = recipe.get("trunk", net.trunk)
    if isinstance(trunk, MLP) and not len(trunk.hidden_sizes):
        return None
    return resolve_architecture(recipe.get("architecture", net.architecture))


def check_insurable(net: Any) -> None:
    """Check that the ensemble of a net can be the recipes of a portfolio.

    Raises
    ------
    ValueError
    """
    ensemble = last_step(net)[0].ensemble
    spec = resolve_ensemble(ensemble)
    if not isinstance(spec, Portfolio) and not same(spec, DeepEnsemble()):
        raise ValueError(
            f"insured=True trains a portfolio, whose recipes are plain ensembles of networks, but net has "
            f"ensemble={ensemble!r}; leave it out, or pass 'deep' or a Portfolio."
        )
