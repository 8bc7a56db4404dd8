"""The recipes of a fit: of a portfolio, those recommended for a table, or the parameters as they are."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

from scipy.sparse import issparse
from sklearn.utils.validation import _num_features, _num_samples

from ..columns._arrays import stack_vectors
from ..config import Optimizer, Portfolio
from ..targets import read_targets
from ..training import Model, PortfolioModel, batch_size_of
from ..trunks import MLP, resolve_trunk
from ..utils._same import same
from ..utils._types import RowsLike, TargetsLike

#: parameters by name
Recipe = Mapping[str, Any]

#: a parameter of these that is set describes one training, and no recommended recipes replace it
OF_ONE_TRAINING = (
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
)
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
        name: {**recipe, **_steps(n_rows, faster=10 if name == "linear" else 1)}
        for name, recipe in RECIPES.items()
        if name not in left_out
    }


def _steps(n_rows: int, faster: int) -> dict[str, Any]:
    """Return members, and size and number of steps; the learning rate is ``faster`` times that of networks."""
    if n_rows > MANY_ROWS:
        return {
            "n_members": FEWER_MEMBERS if n_rows <= MOST_ROWS else 2,
            "learning_rate": 2e-3 * max(1, faster / 2),
            "max_epochs": max(4, min(10, ROW_EPOCHS // n_rows)),
            "optimizer": Optimizer(schedule="one_cycle"),
            "early_stopping": False,
        }
    larger, rate = (4, 3e-3) if n_rows <= FEW_ROWS else (2, 2e-3)
    batch_size = min(larger * batch_size_of("auto", n_rows), n_rows)
    steps = {"n_members": N_MEMBERS, "learning_rate": rate * faster, "batch_size": batch_size}
    return steps if n_rows <= SOME_ROWS else {**steps, "max_epochs": FEWER_EPOCHS}


def recipes_of_fit(estimator: Any, X: RowsLike, y: TargetsLike, previous: Model | None) -> dict[str, Recipe]:
    """Return the changes of the parameters that each training of a fit makes; one entry of none for a single one.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator
    X, y : object
        The rows of the fit; X is None for a fit that recommends nothing.
    previous : Model or None
        The model that continues.
    """
    ensemble = estimator.ensemble
    if ensemble == "portfolio" or isinstance(ensemble, Portfolio):
        spec = Portfolio() if isinstance(ensemble, str) else ensemble
        spec.check_recipes()
        recipes = _recommended(X, y, previous) if isinstance(spec.recipes, str) else spec.recipes
        members = {"n_members": N_MEMBERS if estimator.n_members == "auto" else estimator.n_members}
        return {name: {**members, **recipe} for name, recipe in recipes.items()}
    changed = _changed(estimator)
    if changed.intersection(OF_ONE_TRAINING):
        if not (isinstance(previous, PortfolioModel) and changed.intersection(OF_ONE_TRAINING) <= {"warm_start"}):
            return {"": _single(estimator)}
    elif not isinstance(previous, PortfolioModel) and (X is None or previous is not None or not _is_table(X)):
        return {"": _single(estimator)}
    try:
        recipes = _recommended(X, y, previous)
    except (TypeError, ValueError):  # the fit raises them, with its own words
        return {"": _single(estimator)}
    # what the user has set is for all recipes
    return {name: {k: v for k, v in recipe.items() if k not in changed} for name, recipe in recipes.items()}


def _recommended(X: RowsLike, y: TargetsLike, previous: Model | None) -> dict[str, Recipe]:
    if isinstance(previous, PortfolioModel):
        return {name: {**RECIPES[name], "n_members": model.n_members} for name, model in previous.recipes.items()}
    _, container = read_targets(y)
    X = stack_vectors(X)
    return recommended_recipes(_num_samples(X), _num_features(X), len(container.names))


def _single(estimator: Any) -> Recipe:
    """Return the number of members of one training, if it is open: one, or eight of a named ensemble."""
    if estimator.n_members != "auto":
        return {}
    return {"n_members": 1 if estimator.ensemble == "auto" else 2 * N_MEMBERS}


def _changed(estimator: Any) -> set[str]:
    """Return the names of the parameters that do not have their default."""
    parameters = inspect.signature(type(estimator).__init__).parameters
    return {
        name
        for name, value in estimator.get_params(deep=False).items()
        if name in parameters and not same(value, parameters[name].default)
    }


def _is_table(X: RowsLike) -> bool:
    if issparse(X):
        return False
    try:
        with warnings.catch_warnings():  # the fit issues them
            warnings.simplefilter("ignore")
            return isinstance(resolve_trunk("auto", X), MLP)
    except (TypeError, ValueError):  # the fit raises them
        return False
