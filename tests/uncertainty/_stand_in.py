"""A cheap predictor with the methods of a fitted network, and made data of which it knows the noise."""

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_mtl import Targets
from sklearn_mtl.tasks import Classification, Count, MultilabelClassification, Regression

CLASSES = np.array(["ape", "bee", "cat"])


def made(n_rows, seed=0):
    """Make exchangeable rows: X has three columns, the noise of numbers grows with the second one."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=n_rows), rng.uniform(0.2, 2.0, n_rows), rng.integers(0, 2, n_rows)])
    noise = rng.normal(size=(n_rows, 3)) * X[:, 1:2]
    mass = 3 * X[:, 0] + noise[:, 0]
    size = np.column_stack([X[:, 0], -X[:, 0]]) + noise[:, 1:]
    proba = probabilities(X)
    kind = CLASSES[(rng.random((n_rows, 1)) > proba.cumsum(axis=1)[:, :2]).sum(axis=1)]
    tags = (rng.random((n_rows, 4)) < label_probabilities(X)).astype(float)
    eggs = rng.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    return X, Targets(mass=mass, size=size, kind=kind, tags=tags, eggs=eggs)


def probabilities(X):
    X = np.asarray(X)
    logits = np.column_stack([X[:, 0], 0.5 * X[:, 1], -X[:, 0]])
    each = np.exp(logits)
    return each / each.sum(axis=1, keepdims=True)


def label_probabilities(X):
    X = np.asarray(X)
    return 1 / (1 + np.exp(-(X[:, :1] + np.array([-1.0, 0.0, 0.5, 1.0]))))


class StandIn(BaseEstimator):
    """Predicts the means of made data, a little wrongly, without a fit."""

    def __init__(self, tasks=("mass", "size", "kind", "tags", "eggs"), wrong=0.3):
        self.tasks = tasks
        self.wrong = wrong

    def fit(self, X, y):
        specs = {
            "mass": Regression(),
            "size": Regression(),
            "kind": Classification(),
            "tags": MultilabelClassification(),
            "eggs": Count(),
        }
        self.tasks_ = {name: specs[name].fit(y[name]) for name in self.tasks}
        self.classes_ = {name: self.tasks_[name].classes_ for name in self.tasks if name in ("kind", "tags")}
        self.n_features_in_ = X.shape[1]
        return self

    @property
    def task_names_(self):
        return list(self.tasks_)

    def _numbers(self, X):
        X = np.asarray(X)
        centre = X[:, 0] * (1 + self.wrong)
        return {"mass": 3 * centre, "size": np.column_stack([centre, -centre]), "eggs": np.exp(0.3 * centre)}

    def predict(self, X, tasks=None):
        each = self._numbers(X)
        each["kind"] = CLASSES[probabilities(X).argmax(axis=1)]
        each["tags"] = (label_probabilities(X) > 0.5).astype(int)
        return Targets({name: each[name] for name in tasks or self.tasks})

    def predict_proba(self, X, tasks=None):
        each = {"kind": probabilities(X) ** 2, "tags": label_probabilities(X) ** 1.5}
        each["kind"] /= each["kind"].sum(axis=1, keepdims=True)
        return Targets({name: each[name] for name in tasks or each})

    def predict_std(self, X, tasks=None):
        spread = np.asarray(X)[:, 1]
        each = {
            "mass": spread,
            "size": np.column_stack([spread, spread]),
            "eggs": np.sqrt(self._numbers(X)["eggs"]),
        }
        return Targets({name: each[name] for name in tasks or each})


class Quantiles(StandIn):
    """A stand-in that also predicts quantiles."""

    def predict_quantiles(self, X, q, tasks=None):
        from scipy.stats import norm

        return Targets(
            {name: (3 * X[:, :1] + 0.7 * X[:, 1:2] * norm.ppf(np.asarray(q)[None])) for name in tasks or ["mass"]}
        )


def fitted(cls=StandIn, **params):
    """Fit a stand-in to the classes and scales of made data."""
    return cls(**params).fit(*made(200, seed=99))
