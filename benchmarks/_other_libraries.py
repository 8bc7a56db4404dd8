"""Contenders of other libraries, in an environment of their own that has pytabkit, XGBoost or CatBoost.

They are imported in use: the benchmark runs without them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from _rows import Rows
from _single_targets import Contender, Predict, Predicted, Unsuited
from sklearn.base import BaseEstimator
from sklearn.preprocessing import LabelEncoder, MultiLabelBinarizer


def pytabkit_model(name: str) -> Callable[[str, int], BaseEstimator]:
    """Make an estimator of pytabkit with its defaults."""

    def make(kind: str, seed: int) -> BaseEstimator:
        import pytabkit

        model = getattr(pytabkit, f"{name}_{'Regressor' if kind == 'regression' else 'Classifier'}")
        return model(device="cpu", random_state=seed, n_threads=1)

    return make


def xgboost_model(kind: str, seed: int) -> BaseEstimator:
    """Make an estimator with the defaults of XGBoost, which takes categories and missing inputs."""
    import xgboost

    params = {"random_state": seed, "n_jobs": 1, "enable_categorical": True}
    return xgboost.XGBRegressor(**params) if kind == "regression" else EncodedXGB(**params)


class EncodedXGB(BaseEstimator):
    """XGBClassifier of text labels, and of indicators as they are."""

    def __init__(self, **params: Any) -> None:
        self.params = params

    def fit(self, X: pd.DataFrame, y: Any) -> EncodedXGB:
        import xgboost

        self.model_ = xgboost.XGBClassifier(**self.params)
        if np.ndim(y) == 1:
            encoder = LabelEncoder()
            y = encoder.fit_transform(y)
            self.classes_ = encoder.classes_
        self.model_.fit(X, y)
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict_proba(X)


def one_for_all(make: Callable[[str, int, bool], Any]) -> Contender:
    """Fit one model to all targets, which are numbers or have two classes each.

    ``make`` gets the kind of the tasks, a seed, and whether labels are missing; it raises `Unsuited` where it
    learns no such targets.
    """

    def contender(rows: Rows, seed: int) -> Predict:
        kinds = set(rows.kinds.values())
        if len(kinds) > 1:
            raise Unsuited("one model for numbers and classes")
        (kind,) = kinds
        if kind == "regression":
            model = make(kind, seed, bool(rows.y.isna().any(axis=None))).fit(rows.X, rows.y.to_numpy())
            return lambda X: _by_name(rows, model.predict(X), None)
        if rows.y.isna().any(axis=None):
            raise Unsuited("missing classes")
        targets, names = _indicators(rows, kind)
        model = make(kind, seed, False).fit(rows.X, targets)
        return lambda X: _by_name(rows, np.asarray(model.predict_proba(X)), names)

    return contender


def _indicators(rows: Rows, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return 0 and 1 for each label, and the labels of the columns or the two classes of all tasks."""
    if kind == "multilabel":
        binarizer = MultiLabelBinarizer()
        return binarizer.fit_transform(rows.y.iloc[:, 0]), binarizer.classes_
    labels = rows.y.astype(str)
    classes = np.unique(labels)
    if len(classes) != 2:
        raise Unsuited("classes other than two")
    return (labels == classes[1]).to_numpy(int), classes


def _by_name(rows: Rows, values: np.ndarray, names: np.ndarray | None) -> dict[str, Predicted]:
    if rows.kinds == dict.fromkeys(rows.y, "multilabel"):
        return {rows.y.columns[0]: Predicted(values, names)}
    columns = dict(zip(rows.y, values.T, strict=True))
    if names is None:
        return {name: Predicted(column) for name, column in columns.items()}
    return {name: Predicted(np.column_stack([1 - column, column]), names) for name, column in columns.items()}


def _xgboost_multi(kind: str, seed: int, missing: bool) -> Any:
    import xgboost

    if missing:
        raise Unsuited("missing numbers")
    model = xgboost.XGBRegressor if kind == "regression" else xgboost.XGBClassifier
    return model(
        multi_strategy="multi_output_tree",
        tree_method="hist",
        random_state=seed,
        n_jobs=1,
        enable_categorical=True,
    )


def _catboost_multi(kind: str, seed: int, missing: bool) -> Any:
    import catboost

    params = {"random_seed": seed, "thread_count": 1, "verbose": False, "allow_writing_files": False}
    if kind == "regression":
        loss = "MultiRMSEWithMissingValues" if missing else "MultiRMSE"
        return WithCategories(catboost.CatBoostRegressor(loss_function=loss, **params))
    return WithCategories(catboost.CatBoostClassifier(loss_function="MultiLogloss", **params))


class WithCategories:
    """CatBoost, which is told the columns of categories in ``fit``."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> WithCategories:
        self.model.fit(X, y, cat_features=list(X.select_dtypes("category")))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.model.predict(X)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.model.predict_proba(X)


xgboost_multi = one_for_all(_xgboost_multi)
catboost_multi = one_for_all(_catboost_multi)
