"""The recipes of a fit: of a portfolio, those recommended for a table, or the parameters as they are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils.validation import _num_features, _num_samples

from ..columns._arrays import stack_vectors
from ..config import EarlyStopping, Optimizer, Portfolio, resolve_early_stopping, resolve_ensemble
from ..streaming._stream import Stream
from ..targets import SparseTargets, read_targets
from ..training import Model, PortfolioModel, batch_size_of
from ..trunks import MLP, resolve_trunk
from ..utils._ranks import is_of_all
from ..utils._same import same
from ..utils._signature import parameters_of
from ..utils._types import RowsLike, TargetsLike

#: parameters by name
Recipe = Mapping[str, Any]

#: a parameter of these that is set describes one training, and no recommended recipes replace it
OF_ONE_TRAINING = {
    "trunk",
    "architecture",
    "weighting",
    "optimizer",
    "n_members",
    "ensemble",
    "penalties",
    "task_sampling",
    "callbacks",
    "net_params",
    "warm_start",
    "label_inputs",
}
# Networks of one recipe; of each recipe of a table of many rows.
N_MEMBERS, FEWER_MEMBERS = 4, 3
# With more tasks, or more columns for all of them together, none has networks of its own: they take too long.
MOST_INDEPENDENT_TASKS, MOST_INDEPENDENT_COLUMNS = 20, 6_000
# Up to FEW_ROWS, steps are larger and fewer, since searches repeat such fits. With more than SOME_ROWS, tasks have
# no networks with bins of their own, and epochs are fewer; with more than MANY_ROWS, so are recipes and members.
# Then the epochs together see about ROW_EPOCHS rows, and with more than MOST_ROWS there are two members.
FEW_ROWS, SOME_ROWS, MANY_ROWS = 1_000, 3_000, 10_000
MOST_ROWS, ROW_EPOCHS = 50_000, 330_000
FEWER_EPOCHS = 30

BINNED = MLP(hidden_sizes=(128,) * 3, dropout=0.2, scaling="squash", n_bins="auto")
PLAIN = MLP(hidden_sizes=(128,) * 2, dropout=0.2, scaling="standard")
LINEAR = MLP(hidden_sizes=(), scaling="standard")

#: all recommended recipes, without what depends on the number of rows
RECIPES: dict[str, Recipe] = {
    "shared": {"trunk": BINNED},
    "shared, without bins": {"trunk": PLAIN},
    "shared, all epochs": {"trunk": BINNED, "early_stopping": False, "max_epochs": FEWER_EPOCHS},
    "independent": {"trunk": BINNED, "architecture": "independent"},
    "independent, without bins": {"trunk": PLAIN, "architecture": "independent"},
    "linear": {"trunk": LINEAR, "weight_decay": 0.1},
}


def recommended_recipes(n_rows: int, n_columns: int, n_tasks: int) -> dict[str, Recipe]:
    """Return the recipes that are recommended for a table, by its numbers of rows, columns and tasks.

    They are what an estimator trains whose trunk, architecture and ensemble are not named. The linear recipe keeps
    the portfolio near ridge or logistic regression where these are best, and the independent ones near networks
    without sharing.

    Parameters
    ----------
    n_rows, n_columns, n_tasks : int
        Training rows, columns of X, and tasks of y.

    Returns
    -------
    dict of str to dict
        Parameters of the estimator by recipe, for `Portfolio <sklearn_mtl.Portfolio>`.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator, Portfolio, recommended_recipes
    >>> recipes = recommended_recipes(n_rows=500, n_columns=20, n_tasks=3)
    >>> list(recipes)
    ['shared', 'shared, without bins', 'shared, all epochs', 'independent, without bins', 'linear']
    >>> without = {name: recipe for name, recipe in recipes.items() if "independent" not in name}
    >>> net = MultiTaskNetEstimator(ensemble=Portfolio(without))
    """
    left_out = set()
    many = n_tasks > MOST_INDEPENDENT_TASKS or n_tasks * n_columns > MOST_INDEPENDENT_COLUMNS
    if n_tasks == 1 or many or n_rows > MANY_ROWS:
        left_out |= {"independent", "independent, without bins"}
    if not FEW_ROWS < n_rows <= SOME_ROWS:
        left_out |= {"independent"}
    if n_rows > MANY_ROWS:
        left_out |= {"shared, all epochs"}
    return {
        # copies, which the caller may change
        name: {param: clone(value, safe=False) for param, value in {**recipe, **_steps(name, n_rows)}.items()}
        for name, recipe in RECIPES.items()
        if name not in left_out
    }


def _steps(name: str, n_rows: int) -> dict[str, Any]:
    """Return the members of a recipe, and the size and number of its steps."""
    is_linear = name == "linear"
    if n_rows > MANY_ROWS:
        return {
            "n_members": FEWER_MEMBERS if n_rows <= MOST_ROWS else 2,
            "learning_rate": 1e-2 if is_linear else 2e-3,
            "max_epochs": max(4, min(10, ROW_EPOCHS // n_rows)),
            "optimizer": Optimizer(schedule="one_cycle"),
            "early_stopping": False,
        }
    larger, rate = (4, 3e-3) if n_rows <= FEW_ROWS else (2, 2e-3)
    steps = {
        "n_members": N_MEMBERS,
        "learning_rate": 10 * rate if is_linear else rate,
        "batch_size": min(larger * batch_size_of("auto", n_rows), n_rows),
    }
    return steps if n_rows <= SOME_ROWS else {**steps, "max_epochs": FEWER_EPOCHS}


def recipes_of_fit(estimator: Any, X: RowsLike, y: TargetsLike, previous: Model | None) -> dict[str, Recipe]:
    """Return the changes of the parameters that each training of a fit makes; one entry of none for a single one.

    A recipe that says when to stop early, and no more, keeps the rest of an `EarlyStopping` of the estimator.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator
    X, y : object
        The rows of the fit; X is None for a fit that recommends nothing.
    previous : Model or None
        The model that continues.

    Raises
    ------
    ValueError
        If the recommended recipes are asked for by name, but X is not a table.
    """
    recipes = _recipes_of_fit(estimator, X, y, previous)
    return {name: _stopping_as(estimator.early_stopping, recipe) for name, recipe in recipes.items()}


def _recipes_of_fit(estimator: Any, X: RowsLike, y: TargetsLike, previous: Model | None) -> dict[str, Recipe]:
    """Return the changes as the recipes state them."""
    changed = changed_params(estimator)
    spec = resolve_ensemble(estimator.ensemble)
    if isinstance(X, Stream):
        what = (
            "holds out rows by their positions, and trains each recipe in turn; a stream trains a single one. "
            "Leave ensemble at 'auto', or set it to 'batch' with n_members"
        )
        return {"": _of_many_rows(estimator, spec, previous, changed, what)}
    if is_of_all(estimator.device):
        what = f"trains ensembles; device={estimator.device!r} trains one network. Leave ensemble at 'auto'"
        return {"": _of_many_rows(estimator, spec, previous, changed, what)}
    if isinstance(spec, Portfolio) and isinstance(y, SparseTargets):
        raise ValueError(
            f"ensemble={estimator.ensemble!r} weighs recipes by arrays of all rows and tasks, and y is of "
            "Targets.from_sparse or from_long; use ensemble='deep' with some n_members."
        )
    if isinstance(spec, Portfolio):
        spec.check_recipes()
        if not isinstance(spec.recipes, str):
            members = {"n_members": N_MEMBERS if estimator.n_members == "auto" else estimator.n_members}
            return {name: {**members, **recipe} for name, recipe in spec.recipes.items()}
        if not isinstance(previous, PortfolioModel) and (X is None or not is_table(X)):
            raise ValueError(
                f"ensemble={estimator.ensemble!r} has the recipes that are recommended for a table, by its "
                "numbers of rows and columns; for other inputs and for partial_fit, pass recipes to Portfolio."
            )
        return _recommended(X, y, previous, changed, estimator.tasks)
    named = changed & OF_ONE_TRAINING
    continues = isinstance(previous, PortfolioModel) and named <= {"warm_start"}
    is_sparse = issparse(X) or isinstance(y, SparseTargets)
    starts = not named and previous is None and X is not None and not is_sparse and is_table(X)
    return (
        _recommended(X, y, previous, changed, estimator.tasks) if continues or starts else {"": _single(estimator)}
    )


def _of_many_rows(estimator: Any, spec: Any, previous: Model | None, changed: set[str], what: str) -> Recipe:
    """Return "shared" for many rows as the only recipe, unless the user describes one training.

    Parameters
    ----------
    what : str
        Why there is no portfolio.
    """
    if isinstance(spec, Portfolio) or isinstance(previous, PortfolioModel):
        raise ValueError(f"a Portfolio {what}. Leave ensemble at 'auto'.")
    if changed & OF_ONE_TRAINING or previous is not None:
        return _single(estimator)
    recipe = recommended_recipes(MOST_ROWS + 1, 1, 1)["shared"]
    return {k: v for k, v in {**recipe, "n_members": 1}.items() if k not in changed}


def _recommended(
    X: RowsLike, y: TargetsLike, previous: Model | None, changed: set[str], tasks: Mapping[str, Any] | None
) -> dict[str, Recipe]:
    """Return the recommended recipes, or those of the model that continues, without what the user has set."""
    recipes: Mapping[str, Recipe]
    if isinstance(previous, PortfolioModel):
        recipes = {
            name: {**RECIPES.get(name, {}), "n_members": m.n_members} for name, m in previous.recipes.items()
        }
    else:
        _, container = read_targets(y, tasks)
        recipes = recommended_recipes(_num_samples(X), _n_columns(X), len(container.names))
    return {name: {k: v for k, v in recipe.items() if k not in changed} for name, recipe in recipes.items()}


def _stopping_as(early_stopping: Any, recipe: Recipe) -> Recipe:
    """Return a recipe in which True, False, "auto" or "per_task" is put into the spec of the estimator, if any."""
    when = recipe.get("early_stopping")
    if when is None or isinstance(when, EarlyStopping) or not isinstance(early_stopping, EarlyStopping):
        return recipe
    return {**recipe, "early_stopping": clone(early_stopping).set_params(when=when)}


def _n_columns(X: RowsLike) -> int:
    try:
        return int(_num_features(stack_vectors(X)))
    except (TypeError, ValueError):  # no rows of equal width, which the fit refuses with its own words
        return 1


def _single(estimator: Any) -> Recipe:
    """Return the number of members of one training, if it is open: one, or eight of a named ensemble."""
    if estimator.n_members != "auto":
        return {}
    return {"n_members": 1 if estimator.ensemble == "auto" else 2 * N_MEMBERS}


def changed_params(estimator: Any) -> set[str]:
    """Return the names of the parameters that do not have their default, also if a subclass has set them.

    An `EarlyStopping` that leaves open when to stop has the default, so that a recipe may say when.
    """
    estimator_class: Any = type(estimator)
    defaults = _first_defaults(estimator_class)
    values = {name: getattr(estimator, name) for name in defaults}
    values["early_stopping"] = resolve_early_stopping(estimator.early_stopping).when
    return {name for name, default in defaults.items() if not same(values[name], default)}


@cache  # signatures are read slowly
def _first_defaults(estimator_class: type) -> Recipe:
    """Return the defaults of the class that introduced the parameters."""
    first = next(cls for cls in reversed(estimator_class.__mro__) if "ensemble" in parameters_of(cls))
    return {name: parameter.default for name, parameter in parameters_of(first).items()}


def is_table(X: RowsLike) -> bool:
    """Return whether the trunk that is chosen for X is one for tables."""
    try:
        with warnings.catch_warnings():  # the fit issues them
            warnings.simplefilter("ignore")
            return isinstance(resolve_trunk("auto", X), MLP)
    except (TypeError, ValueError):  # the fit raises them
        return False
