"""Contenders of the quality benchmark: they fit the training rows and predict every task of the test rows.

Contenders that learn one target are fitted once for each task, on the rows that have its label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _datasets import Rows
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import ShuffleSplit
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.model_selection import TaskWeightRandomSearchCV, task_weight_simplex
from sklearn_mtl.tasks import Task

# Candidates of the search over task weights.
N_CANDIDATES = 8


class Predicted(NamedTuple):
    """Predictions of one task: numbers, or probabilities with the classes of their columns."""

    values: np.ndarray
    classes: np.ndarray | None = None


#: fits rows with a seed, and returns a function that predicts inputs
Contender = Callable[[Rows, int], Callable[[pd.DataFrame], Mapping[str, Predicted]]]


def one_per_task(make: Callable[[str, int], BaseEstimator]) -> Contender:
    """Fit a separate estimator for each task."""

    def contender(rows: Rows, seed: int) -> Callable[[pd.DataFrame], Mapping[str, Predicted]]:
        fitted = {}
        for name, kind in rows.kinds.items():
            known = rows.y[name].notna().to_numpy()
            y = rows.y.loc[known, name]
            fitted[name] = make(kind, seed).fit(rows.X[known], y if kind == "regression" else y.astype(str))
        return lambda X: {name: predicted(estimator, X) for name, estimator in fitted.items()}

    return contender


def predicted(estimator: Any, X: pd.DataFrame) -> Predicted:
    if hasattr(estimator, "classes_"):
        return Predicted(estimator.predict_proba(X), estimator.classes_)
    return Predicted(estimator.predict(X))


def one_net(regression: Task | str = "regression", **params: Any) -> Contender:
    """Fit one net of this package to all tasks."""

    def contender(rows: Rows, seed: int) -> Callable[[pd.DataFrame], Mapping[str, Predicted]]:
        tasks = {name: regression if kind == "regression" else kind for name, kind in rows.kinds.items()}
        net = MultiTaskNetEstimator(tasks=tasks, random_state=seed, **params).fit(rows.X, rows.y)
        return lambda X: predicted_by_net(net, X)

    return contender


def one_net_with_search(n_members: int) -> Contender:
    """Search the task weights with single nets, and fit an ensemble to all tasks with the best ones."""

    def contender(rows: Rows, seed: int) -> Callable[[pd.DataFrame], Mapping[str, Predicted]]:
        search = TaskWeightRandomSearchCV(
            MultiTaskNetEstimator(tasks=rows.kinds, random_state=seed),
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


def encoded(encoder: BaseEstimator, numbers: Any = "passthrough") -> Any:
    """Encode columns of categories, and treat columns of numbers."""
    return make_column_transformer(
        (encoder, make_column_selector(dtype_include="category")), remainder=numbers, sparse_threshold=0
    )


def _linear_columns() -> Any:
    return encoded(OneHotEncoder(handle_unknown="ignore", min_frequency=5), StandardScaler())


def _tree_columns() -> Any:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    return encoded(encoder)


def linear(kind: str, seed: int) -> BaseEstimator:
    # the strength of ridge is chosen by leave-one-out, because no fixed value works everywhere
    model = RidgeCV(np.logspace(-3, 4, 15)) if kind == "regression" else LogisticRegression(max_iter=1000)
    return make_pipeline(_linear_columns(), model)


def forest(kind: str, seed: int) -> BaseEstimator:
    model = RandomForestRegressor if kind == "regression" else RandomForestClassifier
    return make_pipeline(_tree_columns(), model(random_state=seed))


def boosting(kind: str, seed: int) -> BaseEstimator:
    model = HistGradientBoostingRegressor if kind == "regression" else HistGradientBoostingClassifier
    return model(categorical_features="from_dtype", random_state=seed)


def mlp(kind: str, seed: int) -> BaseEstimator:
    if kind == "regression":
        return make_pipeline(_linear_columns(), ScaledRegressor(random_state=seed))
    return make_pipeline(_linear_columns(), MLPClassifier(random_state=seed))


class ScaledRegressor(MLPRegressor):
    """MLPRegressor of the standardised target; without this it fails for targets in large units."""

    def fit(self, X: Any, y: Any) -> ScaledRegressor:
        y = np.asarray(y, dtype=float)
        self.mean_, self.deviation_ = y.mean(), y.std() or 1.0
        return super().fit(X, (y - self.mean_) / self.deviation_)

    def predict(self, X: Any) -> np.ndarray:
        return super().predict(X) * self.deviation_ + self.mean_


def pytabkit_model(name: str) -> Callable[[str, int], BaseEstimator]:
    """Make an estimator of pytabkit with its defaults; it is installed separately."""

    def make(kind: str, seed: int) -> BaseEstimator:
        import pytabkit

        model = getattr(pytabkit, f"{name}_{'Regressor' if kind == 'regression' else 'Classifier'}")
        return model(device="cpu", random_state=seed, n_threads=1)

    return make


PEERS: dict[str, Contender] = {
    "ridge / logistic": one_per_task(linear),
    "random forest": one_per_task(forest),
    "gradient boosting": one_per_task(boosting),
    "sklearn MLP": one_per_task(mlp),
}
#: nets for tables, in an environment that has pytabkit
TABULAR: dict[str, Contender] = {
    "RealMLP": one_per_task(pytabkit_model("RealMLP_TD")),
    "TabM": one_per_task(pytabkit_model("TabM_D")),
}
OURS: dict[str, Contender] = {
    "ours, n_members=8": one_net(n_members=8),
    "ours": one_net(),
    "ours, weights searched": one_net_with_search(n_members=8),
    "ours, a net per task": one_net(n_members=8, architecture="independent"),
}
