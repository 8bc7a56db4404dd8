"""Cases of bad input, and the rows and networks to make them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.trunks import MLP

from .._helpers import inputs, net

N = 24


class BadInput(NamedTuple):
    """One case: its description, the code, and the expected error or warning."""

    what: str
    build: Callable[[], Any]
    error: type[Exception] | tuple[type[Exception], ...]
    message: str


# -- parts of the rows


def labels(**tasks):
    """Make two valid tasks, and replace or add some."""
    X = inputs(N)
    return {"kind": np.where(X[:, 0] > 0, "b", "a"), "mass": X[:, 1].copy(), **tasks}


def spoiled(value, dtype=float):
    X = inputs(N).astype(dtype)
    X[3, 1] = value
    return X


def fit(X=None, y=None, sample_weight=None, **params):
    return net(**params).fit(inputs(N) if X is None else X, labels() if y is None else y, sample_weight)


def with_bad_X(X):
    return lambda: net().fit(X, labels())


def with_bad_y(estimator=MultiTaskNetEstimator, **tasks):
    return lambda: net_of(estimator).fit(inputs(N), labels(**tasks))


def net_of(estimator):
    return estimator(trunk=MLP(hidden_sizes=(4,)), max_epochs=1, random_state=0)


def with_params(**params):
    return lambda: fit(**params)


def frame(columns="abcd"):
    return pd.DataFrame(inputs(N)[:, : len(columns)], columns=list(columns))


def fitted_on_frame():
    return fit(X=frame())


def predict(X):
    return lambda: fit().predict(X)


def weighted(weight):
    return lambda: fit(sample_weight=weight)


def one_bad(value):
    weight = np.ones(N)
    weight[2] = value
    return weight


def partial_fit_with_new_class():
    estimator = net().partial_fit(inputs(N), labels())
    return estimator.partial_fit(inputs(N), labels(kind=np.where(inputs(N)[:, 0] > 0, "b", "new")))


def float_columns(**changed):
    return pd.DataFrame({"a": 1.0, "b": np.arange(N, dtype=float), **changed})


MISSING = np.full(N, np.nan)
INFINITE = np.where(np.arange(N) == 2, np.inf, 1.5)
INFINITE_CLASS = np.where(np.arange(N) == 2, np.inf, 1.0)
RAGGED = [[1.0, 2.0]] * (N - 1) + [[1.0]]
DATES = np.full((N, 2), np.datetime64("2020-01-01"))
