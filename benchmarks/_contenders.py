"""Contenders of the quality benchmark: they fit the training rows and predict every task of the test rows.

Contenders that learn one target are fitted once for each task, on the rows that have its label. Where tasks have
rows of their own, pooled ones are fitted once to all rows, with the task as a category.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from _other_libraries import catboost_multi, pytabkit_model, xgboost_model, xgboost_multi
from _peers import boosting, constant, forest, linear, mlp
from _rows import Rows
from _single_targets import Contender, Predicted, one_per_task, pooled
from sklearn.model_selection import ShuffleSplit

from sklearn_mtl import MultiTaskNetEstimator, Portfolio, recommended_recipes
from sklearn_mtl.model_selection import TaskWeightRandomSearchCV, task_weight_simplex
from sklearn_mtl.tasks import Task

# Candidates of the search over task weights.
N_CANDIDATES = 8


def one_net(regression: Task | str = "regression", **params: Any) -> Contender:
    """Fit one net of this package to all tasks."""

    def contender(rows: Rows, seed: int) -> Callable[[pd.DataFrame], Mapping[str, Predicted]]:
        tasks = {name: regression if kind == "regression" else kind for name, kind in rows.kinds.items()}
        net = MultiTaskNetEstimator(tasks=tasks, random_state=seed, **params).fit(rows.X, rows.y)
        return lambda X: predicted_by_net(net, X)

    return contender


def portfolio(without: Collection[str] = (), weighted: bool = True, **params: Any) -> Contender:
    """Fit the recommended recipes, without some of them, with equal weights, or with parameters in each."""

    def contender(rows: Rows, seed: int) -> Callable[[pd.DataFrame], Mapping[str, Predicted]]:
        recipes = recommended_recipes(*rows.X.shape, rows.y.shape[1])
        kept = {name: {**recipe, **params} for name, recipe in recipes.items() if name not in without}
        return one_net(ensemble=Portfolio(kept, weighted))(rows, seed)

    return contender


def one_net_with_search(n_members: int) -> Contender:
    """Search the task weights with single nets, and fit an ensemble to all tasks with the best ones."""

    def contender(rows: Rows, seed: int) -> Callable[[pd.DataFrame], Mapping[str, Predicted]]:
        search = TaskWeightRandomSearchCV(
            MultiTaskNetEstimator(tasks=rows.kinds, n_members=1, random_state=seed),
            {"task_weights": task_weight_simplex(list(rows.y))},
            n_iter=N_CANDIDATES,
            cv=ShuffleSplit(n_splits=1, test_size=0.25, random_state=seed),
            refit=False,
            random_state=seed,
        ).fit(rows.X, rows.y)
        return one_net(n_members=n_members, **search.best_params_)(rows, seed)

    return contender


def predicted_by_net(net: MultiTaskNetEstimator, X: pd.DataFrame) -> Mapping[str, Predicted]:
    numbers = [name for name, task in net.tasks_.items() if task.kind == "regression"]
    classes = [name for name in net.tasks_ if name not in numbers]
    results = {}
    if numbers:
        predictions = net.predict(X, tasks=numbers)
        results |= {name: Predicted(np.asarray(predictions[name])) for name in numbers}
    if classes:
        proba = net.predict_proba(X, tasks=classes)
        results |= {name: Predicted(proba[name], net.classes_[name].astype(str)) for name in classes}
    return results


SINGLE = {
    "ridge / logistic": linear,
    "random forest": forest,
    "gradient boosting": boosting,
    "sklearn MLP": mlp,
}
PEERS: dict[str, Contender] = {
    "constant": one_per_task(constant),
    **{name: one_per_task(make) for name, make in SINGLE.items()},
}
#: where tasks have rows of their own
POOLED: dict[str, Contender] = {f"pooled {name}": pooled(make) for name, make in SINGLE.items()}
#: in an environment that has pytabkit, XGBoost and CatBoost
OTHERS: dict[str, Contender] = {
    "RealMLP": one_per_task(pytabkit_model("RealMLP_TD")),
    "TabM": one_per_task(pytabkit_model("TabM_D")),
    "XGBoost": one_per_task(xgboost_model),
    "XGBoost, one tree for all": xgboost_multi,
    "CatBoost, one for all": catboost_multi,
}
INDEPENDENT = ["independent", "independent, without bins"]
#: the default with a part left out, or with no other one
PORTFOLIOS: dict[str, Contender] = {
    "equal weights": portfolio(weighted=False),
    "without linear": portfolio(without=["linear"]),
    "without independent": portfolio(without=INDEPENDENT),
    "all independent": portfolio(without=INDEPENDENT, architecture="independent"),
    "without all epochs": portfolio(without=["shared, all epochs"]),
    "without plain": portfolio(without=["shared, without bins", "independent, without bins"]),
}
OURS: dict[str, Contender] = {
    "ours": one_net(),
    "ours, n_members=8": one_net(n_members=8),
    "ours, weights searched": one_net_with_search(n_members=8),
    "ours, a net per task": one_net(n_members=8, architecture="independent"),
}
