"""Models of scikit-learn for one target, of kind "regression", "classification" or "multilabel".

Missing inputs are imputed, except by boosting, which has splits for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler


def encoded(encoder: BaseEstimator, numbers: Any = "passthrough") -> Any:
    """Encode columns of categories, and treat columns of numbers."""
    return make_column_transformer(
        (encoder, make_column_selector(dtype_include="category")), remainder=numbers, sparse_threshold=0
    )


def _linear_columns() -> Any:
    return encoded(
        OneHotEncoder(handle_unknown="ignore", min_frequency=5), make_pipeline(_imputer(), StandardScaler())
    )


def _tree_columns() -> Any:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    return encoded(encoder, _imputer())


def _imputer() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def constant(kind: str, seed: int) -> BaseEstimator:
    return DummyRegressor() if kind == "regression" else DummyClassifier()


def linear(kind: str, seed: int) -> BaseEstimator:
    # the strength of ridge is chosen by leave-one-out, because no fixed value works everywhere
    model = RidgeCV(np.logspace(-3, 4, 15)) if kind == "regression" else LogisticRegression(max_iter=1000)
    return _for_sets(make_pipeline(_linear_columns(), model), kind)


def forest(kind: str, seed: int) -> BaseEstimator:
    model = RandomForestRegressor if kind == "regression" else RandomForestClassifier
    return make_pipeline(_tree_columns(), model(random_state=seed))


def boosting(kind: str, seed: int) -> BaseEstimator:
    model = HistGradientBoostingRegressor if kind == "regression" else HistGradientBoostingClassifier
    return _for_sets(model(categorical_features="from_dtype", random_state=seed), kind)


def mlp(kind: str, seed: int) -> BaseEstimator:
    if kind == "regression":
        return make_pipeline(_linear_columns(), ScaledRegressor(random_state=seed))
    return make_pipeline(_linear_columns(), MLPClassifier(random_state=seed))


def _for_sets(model: BaseEstimator, kind: str) -> BaseEstimator:
    """Fit one classifier for each label, where the model itself learns one class only."""
    return OneVsRestClassifier(model) if kind == "multilabel" else model


class ScaledRegressor(MLPRegressor):
    """MLPRegressor of the standardised target; without this it fails for targets in large units."""

    def fit(self, X: Any, y: Any) -> ScaledRegressor:
        y = np.asarray(y, dtype=float)
        self.mean_, self.deviation_ = y.mean(), y.std() or 1.0
        return super().fit(X, (y - self.mean_) / self.deviation_)

    def predict(self, X: Any) -> np.ndarray:
        return super().predict(X) * self.deviation_ + self.mean_
