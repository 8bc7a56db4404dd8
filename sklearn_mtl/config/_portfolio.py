"""An ensemble of different recipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..utils._params import StrOptions, resolve_spec
from ._ensemble import BatchEnsemble, DeepEnsemble, Ensemble

#: parameters of the estimator that a recipe may set
RECIPE_PARAMS = (
    "trunk",
    "architecture",
    "weighting",
    "optimizer",
    "learning_rate",
    "weight_decay",
    "max_epochs",
    "batch_size",
    "early_stopping",
    "n_members",
    "penalties",
    "task_sampling",
)


class Portfolio(Ensemble):
    """Ensemble of different recipes, weighted for each task by what they predict for rows that they did not see.

    A recipe is a set of parameters of the estimator. Each recipe is trained as a `DeepEnsemble` of ``n_members``
    networks, and predicts the rows that its members held out. For each task, these predictions decide how much
    each recipe counts, by greedy selection with replacement [1]_: all recipes are counted once, and each further
    step counts one again, the one that lowers the loss of the weighted mean most. There is a step for every third
    held-out label, at most 60, so with few labels the weights are nearly equal. With ``early_stopping=False``,
    rows are held out for the weights only.

    Parameters
    ----------
    recipes : "auto" or mapping of str to mapping, default="auto"
        Parameters by name of each recipe; those that it does not set are those of the estimator. ``max_epochs`` of
        the estimator bounds that of every recipe. If ``early_stopping`` of a recipe is no `EarlyStopping`, it says
        when to stop, and that of the estimator says the rest. "auto" is chosen by the shape of the table, see
        `recommended_recipes <sklearn_mtl.recommended_recipes>`.
    weighted : bool, default=True
        Whether recipes are weighted for each task. Otherwise they have equal weights.

    References
    ----------
    .. [1] Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble Selection from Libraries of Models", ICML 2004.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor, Portfolio
    >>> from sklearn_mtl.trunks import MLP
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> recipes = {
    ...     "shared": {"trunk": MLP(hidden_sizes=(32,), scaling="standard")},
    ...     "linear": {"trunk": MLP(hidden_sizes=(), scaling="standard"), "learning_rate": 1e-2},
    ... }
    >>> net = MultiTaskNetRegressor(ensemble=Portfolio(recipes), n_members=2, max_epochs=20, random_state=0)
    >>> weights = net.fit(X, y).recipe_weights_
    >>> {task: round(sum(of_task.values()), 6) for task, of_task in weights.items()}
    {'Weight': 1.0, 'Waist': 1.0, 'Pulse': 1.0}
    """

    _parameter_constraints: dict = {"recipes": [StrOptions({"auto"}), Mapping], "weighted": ["boolean"]}

    def __init__(self, recipes: str | Mapping[str, Mapping[str, Any]] = "auto", weighted: bool = True) -> None:
        self.recipes = recipes
        self.weighted = weighted

    def check_recipes(self) -> None:
        """Check the names of recipes and of their parameters.

        Raises
        ------
        TypeError, ValueError
        """
        if isinstance(self.recipes, str):
            return
        if not self.recipes:
            raise ValueError("recipes of Portfolio has no entry; it should have at least one recipe.")
        for name, recipe in self.recipes.items():
            if not isinstance(name, str) or not isinstance(recipe, Mapping):
                raise TypeError(
                    f"recipes of Portfolio should be a mapping of str to a mapping of parameters, got the entry "
                    f"{name!r}: {recipe!r}."
                )
            unknown = [param for param in recipe if param not in RECIPE_PARAMS]
            if unknown:
                raise ValueError(
                    f"recipe {name!r} of Portfolio sets {unknown}; a recipe may set {list(RECIPE_PARAMS)}."
                )


_SHORTHAND = {"auto": DeepEnsemble, "deep": DeepEnsemble, "batch": BatchEnsemble, "portfolio": Portfolio}


def resolve_ensemble(ensemble: Any) -> Ensemble:
    """Convert "deep", "batch" or "portfolio" to a spec; return a spec unchanged. "auto" is "deep"."""
    return resolve_spec("ensemble", ensemble, Ensemble, _SHORTHAND)
