"""Contenders that learn one target: fitted for each task, or once to the rows of all tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _rows import Rows
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.preprocessing import MultiLabelBinarizer


class Unsuited(ValueError):
    """The contender does not learn data of this form."""


class Predicted(NamedTuple):
    """Predictions of one task: numbers, or probabilities with the classes or the labels of their columns."""

    values: np.ndarray
    classes: np.ndarray | None = None


Predict = Callable[[pd.DataFrame], Mapping[str, Predicted]]
#: fits rows with a seed, and returns a function that predicts inputs
Contender = Callable[[Rows, int], Predict]
#: makes an estimator from the kind of a task and a seed
Make = Callable[[str, int], BaseEstimator]


def one_per_task(make: Make) -> Contender:
    """Fit a separate estimator for each task."""

    def contender(rows: Rows, seed: int) -> Predict:
        fitted = {}
        for name, kind in rows.kinds.items():
            known = rows.y[name].notna().to_numpy()
            fitted[name] = _fit(make, kind, seed, rows.X[known], rows.y.loc[known, name])
        return lambda X: {name: predict(X) for name, predict in fitted.items()}

    return contender


def pooled(make: Make) -> Contender:
    """Fit one estimator to the rows of all tasks, each with a label of one task only; the task is a category."""

    def contender(rows: Rows, seed: int) -> Predict:
        if rows.owner is None:
            raise Unsuited("a pooled contender needs tasks with rows of their own")
        tasks = pd.CategoricalDtype(list(rows.y))
        kind = next(iter(rows.kinds.values()))
        y = rows.y.bfill(axis=1).iloc[:, 0] if kind == "regression" else _labels_of_owners(rows)
        known = y.notna().to_numpy()
        X = rows.X.assign(task=rows.owner.astype(tasks))
        predict = _fit(make, kind, seed, X[known], y[known])
        # of the classes, a task has those of its own rows
        own = {name: np.unique(rows.y[name].dropna().to_numpy()) for name in rows.y}

        def predict_all(X: pd.DataFrame) -> dict[str, Predicted]:
            column = {name: pd.Series(name, index=X.index, dtype=tasks) for name in rows.y}
            return {name: _restricted(predict(X.assign(task=column[name])), own[name]) for name in rows.y}

        return predict_all

    return contender


def _labels_of_owners(rows: Rows) -> pd.Series:
    assert rows.owner is not None
    columns = rows.y.columns.get_indexer(rows.owner)
    return pd.Series(rows.y.to_numpy()[np.arange(len(columns)), columns], index=rows.y.index)


def _restricted(predicted: Predicted, own: np.ndarray) -> Predicted:
    if predicted.classes is None:
        return predicted
    kept = np.isin(predicted.classes, own)
    # added to classes of probability 0, which would have no sum
    values = predicted.values[:, kept] + 1e-12
    return Predicted(values / values.sum(axis=1, keepdims=True), predicted.classes[kept])


def _fit(make: Make, kind: str, seed: int, X: pd.DataFrame, y: pd.Series) -> Callable[[pd.DataFrame], Predicted]:
    """Fit one task, and return what predicts it; classifiers refuse labels of one class, the constant does not."""
    if kind == "multilabel":
        return _fit_sets(make(kind, seed), X, y)
    if kind == "regression":
        model = make(kind, seed).fit(X, y)
        return lambda X: Predicted(model.predict(X))
    labels = y.astype(str)
    model = (make(kind, seed) if labels.nunique() > 1 else DummyClassifier()).fit(X, labels)
    return lambda X: Predicted(model.predict_proba(X), model.classes_)


def _fit_sets(model: Any, X: pd.DataFrame, y: pd.Series) -> Callable[[pd.DataFrame], Predicted]:
    binarizer = MultiLabelBinarizer()
    model.fit(X, binarizer.fit_transform(y))
    return lambda X: Predicted(_of_labels(model, X), binarizer.classes_)


def _of_labels(model: Any, X: pd.DataFrame) -> np.ndarray:
    """Return the probability of each label, shape (n_samples, n_labels)."""
    proba = model.predict_proba(X)
    if not isinstance(proba, list):
        return proba
    # forests return two columns for each label, or one where all rows agree; the class is in ``classes_``
    columns = zip(proba, model.classes_, strict=True)
    return np.column_stack([p @ np.asarray(classes, dtype=float) for p, classes in columns])
