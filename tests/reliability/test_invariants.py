"""Invariants of every fit and prediction, for random mixes of tasks, missing labels, dtypes and containers."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model

# -- targets of every kind, two different labels first, so that there is something to learn

KINDS = {
    "text": lambda n, rng: _labels(["a", "b"], rng.choice(["a", "b", "ü c"], n), object),
    "integers": lambda n, rng: _labels([3, 5], rng.choice([3, 5, -2], n), np.int64),
    "bool": lambda n, rng: _labels([True, False], rng.random(n) < 0.5, bool),
    "zeros and ones": lambda n, rng: _labels([0.0, 1.0], rng.integers(0, 2, n), np.float32),
    "numbers": lambda n, rng: _labels([0.5, 1.5], rng.normal(5, 100, n), np.float64),
    "narrow numbers": lambda n, rng: _labels([0.5, 1.5], rng.normal(0, 1e-3, n), np.float32),
    "columns": lambda n, rng: _labels([[0.5, 1.5], [2.5, 3.5]], rng.normal(size=(n, 2)), np.float64),
    "label set": lambda n, rng: _labels([[0, 1, 0], [1, 0, 1]], rng.integers(0, 2, (n, 3)), np.float64),
}
ONE_COLUMN = [kind for kind in KINDS if kind not in ("columns", "label set")]


def _labels(first, others, dtype):
    values = np.asarray(others).astype(dtype)
    values[:2] = np.asarray(first, dtype=dtype)
    return values


def with_gaps(values, share, rng):
    """Remove labels, except the first two, in a dtype with missing values."""
    gone = rng.random(values.shape) < share
    gone[:2] = False
    if not gone.any():
        return values
    values = values.astype(object if values.dtype.kind in "Oib" else values.dtype)
    values[gone] = None if values.dtype == object else np.nan
    return values


def structured(y):
    array = np.empty(len(next(iter(y.values()))), dtype=[(k, v.dtype, v.shape[1:]) for k, v in y.items()])
    for name, values in y.items():
        array[name] = values
    return array


CONTAINERS = {
    "array": lambda y: next(iter(y.values())),
    "matrix": lambda y: np.column_stack([values.astype(object) for values in y.values()]),
    "dict": dict,
    "targets": Targets,
    "pandas": pd.DataFrame,
    "polars": lambda y: pl.DataFrame({name: values.tolist() for name, values in y.items()}, strict=False),
    "structured": structured,
}
WITH_BLOCKS = ("dict", "targets", "structured")

X_DTYPES = ("float64", "float32", "int64", "bool")


def rows_of(kind, n, rng):
    """Make X: an array of some dtype, or a frame with a column of text."""
    values = rng.normal(scale=3, size=(n, 3))
    if kind in X_DTYPES:
        return (values > 0) if kind == "bool" else values.astype(kind)
    colours = rng.choice(["red", "green"], n)
    if kind == "pandas":
        return pd.DataFrame(values, columns=list("abc"), index=np.arange(n) * 10).assign(colour=colours)
    return pl.DataFrame({"a": values[:, 0], "b": values[:, 1].astype(int), "colour": colours})


def pick(X, order):
    return X.iloc[order] if isinstance(X, pd.DataFrame) else X[order]


class Mix(NamedTuple):
    X: object
    y: object
    columns: dict
    params: dict


@st.composite
def mixes(draw):
    container = draw(st.sampled_from(sorted(CONTAINERS)))
    kinds = sorted(KINDS) if container in WITH_BLOCKS else ONE_COLUMN
    most = 1 if container == "array" else 4
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=most))
    n = draw(st.integers(6, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    missing = draw(st.sampled_from([0.0, 0.2, 0.7]))
    columns = {f"{kind} {i}": with_gaps(KINDS[kind](n, rng), missing, rng) for i, kind in enumerate(chosen)}
    X = rows_of(draw(st.sampled_from([*X_DTYPES, "pandas", "polars"])), n, rng)
    params = {
        "trunk": draw(st.sampled_from(["auto", MLP((4,)), MLP((4, 3), dropout=0.4)])),
        "max_epochs": draw(st.integers(1, 2)),
        "batch_size": draw(st.integers(1, 6)),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
        "early_stopping": draw(st.booleans()),
        "architecture": draw(st.sampled_from(["hard_sharing", "independent", "mmoe"])),
        "random_state": draw(st.integers(0, 9)),
    }
    return Mix(X, CONTAINERS[container](columns), columns, params)


def read(predictions, tasks):
    """Return predictions in any container as one array per task."""
    if isinstance(predictions, np.ndarray) and predictions.dtype.names:
        return {name: predictions[name] for name in tasks}
    if isinstance(predictions, np.ndarray):
        matrix = predictions[:, None] if predictions.ndim == 1 else predictions
        return dict(zip(tasks, matrix.T, strict=True))
    if isinstance(predictions, pl.DataFrame | pd.DataFrame):
        return {name: np.asarray(predictions[name].to_list()) for name in tasks}
    return dict(predictions)


def check_container(predictions, mix):
    """Predictions have the form of y: the same container, number of rows, names and shapes."""
    y = mix.y
    if isinstance(y, dict | Targets):
        assert isinstance(predictions, Targets)
        assert list(predictions) == list(y)
        assert {k: v.shape for k, v in predictions.items()} == {k: v.shape for k, v in mix.columns.items()}
    else:
        assert type(predictions) is type(y)
        assert len(predictions) == len(y)
    if isinstance(y, np.ndarray):
        assert predictions.shape == y.shape
        assert predictions.dtype.names == y.dtype.names
    if isinstance(y, pd.DataFrame | pl.DataFrame):
        assert list(predictions.columns) == list(y.columns)
    if isinstance(y, pd.DataFrame) and isinstance(mix.X, pd.DataFrame):
        assert predictions.index.equals(mix.X.index)


def check_values(estimator, predictions):
    """Labels are among the classes, and numbers are finite."""
    for name, values in read(predictions, estimator.task_names_).items():
        task = estimator.tasks_[name]
        if task.kind == "classification" and values.ndim == 1:
            assert set(values.tolist()) <= set(task.classes_.tolist()), name
        elif task.kind == "classification":
            assert set(values.ravel().tolist()) <= {0, 1}, name
        else:
            assert np.isfinite(values.astype(float)).all(), name


def check_probabilities(estimator, X):
    if not hasattr(estimator, "predict_proba"):
        return
    given = estimator.predict_proba(X)
    for proba in given.values() if isinstance(given, Targets) else given if isinstance(given, list) else [given]:
        assert ((proba >= 0) & (proba <= 1)).all()
        assert proba.dtype == np.float64


def check_order(estimator, mix, predictions):
    """Outputs and predictions of permuted rows are the permuted ones."""
    order = np.random.default_rng(0).permutation(len(mix.X))
    permuted = pick(mix.X, order)
    names, view = estimator.task_names_, estimator._fitted_view()
    outputs, others = (estimator._model.outputs(rows, names, view) for rows in (mix.X, permuted))
    values, other_values = read(predictions, names), read(estimator.predict(permuted), names)
    for name in names:
        wanted, given = outputs[name][order], others[name]
        np.testing.assert_allclose(given, wanted, rtol=1e-4, atol=1e-4, err_msg=name)
        # products may be rounded differently in another order; equal outputs are decoded equally
        alike = (given == wanted).reshape(len(order), -1).all(axis=1)
        np.testing.assert_array_equal(other_values[name][alike], values[name][order][alike], err_msg=name)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mixes())
def test_invariants(mix):
    estimator = MultiTaskNetEstimator(**mix.params).fit(mix.X, mix.y)
    predictions = estimator.predict(mix.X)
    check_container(predictions, mix)
    check_values(estimator, predictions)
    check_probabilities(estimator, mix.X)
    check_order(estimator, mix, predictions)
    assert np.isfinite(estimator.history_.filter(like="train_loss").to_numpy(dtype=float)).any(axis=0).all()
    scores = estimator.score_tasks(mix.X, mix.y)
    assert list(scores) == estimator.task_names_
    assert np.isfinite(list(scores.values())).all()
    again = MultiTaskNetEstimator(**mix.params).fit(mix.X, mix.y)
    assert_same_model(again, estimator)
    if isinstance(predictions, Targets):
        assert_same(again.predict(mix.X), predictions)
