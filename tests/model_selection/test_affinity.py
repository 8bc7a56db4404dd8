"""Affinities of tasks: definitions, and relations that are known."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_linnerud
from sklearn.model_selection import KFold

from sklearn_mtl import MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.model_selection import task_affinity
from sklearn_mtl.model_selection._affinity import random_subsets
from sklearn_mtl.trunks import MLP

SMALL = {"trunk": MLP((8,), scaling="standard"), "max_epochs": 4, "random_state": 0}
METHODS = ["pairs", "subsets", "lookahead", "gradient"]


@pytest.fixture
def rows():
    return load_linnerud(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def two_equal_and_one_opposite():
    rng = np.random.RandomState(0)
    X = rng.randn(200, 4)
    a = np.tanh(X @ rng.randn(4))
    return X, Targets(a=a, same=a + 0.01 * rng.randn(200), other=np.tanh(X @ rng.randn(4)))


@pytest.mark.parametrize("method", METHODS)
def test_frame_of_tasks_with_an_empty_diagonal_that_repeats(rows, method):
    X, y = rows
    net = MultiTaskNetRegressor(**SMALL)
    first, second = (task_affinity(net, X, y, method=method, cv=2) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert list(first.index) == list(first.columns) == list(y)
    assert (np.diag(first) == 0).all()
    assert np.isfinite(first.to_numpy()).all()
    assert not hasattr(net, "tasks_")


def test_pairs_are_differences_of_scores(rows):
    X, y = rows
    cv = KFold(2, shuffle=True, random_state=0)
    found = task_affinity(MultiTaskNetRegressor(**SMALL), X, y[["Weight", "Waist"]], cv=cv)
    gains = []
    for train, test in cv.split(X):
        scores = [
            MultiTaskNetRegressor(**SMALL)
            .fit(X.iloc[train], y[names].iloc[train])
            .score_tasks(X.iloc[test], y[names].iloc[test])["Weight"]
            for names in (["Weight", "Waist"], ["Weight"])
        ]
        gains.append(scores[0] - scores[1])
    assert found.loc["Weight", "Waist"] == pytest.approx(np.mean(gains), abs=1e-4)


@pytest.mark.parametrize("method", ["lookahead", "gradient"])
def test_tasks_with_equal_targets_help_each_other_most(two_equal_and_one_opposite, method):
    X, y = two_equal_and_one_opposite
    net = MultiTaskNetRegressor(**{**SMALL, "max_epochs": 20})
    found = task_affinity(net, X, y, method=method)
    assert found.loc["a", "same"] > found.loc["a", "other"]
    assert found.loc["same", "a"] > found.loc["same", "other"]


def test_lookahead_does_not_change_the_training(rows):
    from sklearn_mtl.model_selection._affinity_steps import Lookahead

    X, y = rows
    plain = MultiTaskNetRegressor(**SMALL).fit(X, y)
    watched = MultiTaskNetRegressor(**SMALL, callbacks=[("lookahead", Lookahead(every=1))]).fit(X, y)
    np.testing.assert_allclose(watched.predict(X), plain.predict(X), rtol=1e-5)


def test_gradient_is_symmetric(rows):
    X, y = rows
    found = task_affinity(MultiTaskNetRegressor(**SMALL), X, y, method="gradient").to_numpy()
    np.testing.assert_array_equal(found, found.T)


def test_missing_labels_and_classes(rows):
    X, y = rows
    mixed = y.assign(kind=np.where(y["Waist"] > 35, "wide", "narrow"))
    mixed.loc[:4, "Weight"] = np.nan
    net = MultiTaskNetEstimator(**SMALL, tasks=dict.fromkeys(["Weight", "Waist", "Pulse"], "regression"))
    for method in METHODS:
        found = task_affinity(net, X, mixed, method=method, cv=KFold(2), n_subsets=6)
        assert np.isfinite(found.to_numpy()).all()


def test_unknown_method_is_refused(rows):
    X, y = rows
    with pytest.raises(ValueError, match="method='all' should be one of"):
        task_affinity(MultiTaskNetRegressor(**SMALL), X, y, method="all")


def test_auxiliary_tasks_are_refused(rows):
    X, y = rows
    with pytest.raises(ValueError, match=r"auxiliary=\['Pulse'\], but task_affinity finds out itself"):
        task_affinity(MultiTaskNetRegressor(**SMALL, auxiliary=["Pulse"]), X, y)


@pytest.mark.parametrize("n_tasks", [3, 5, 14, 40])
def test_subsets_have_each_task_about_as_often(n_tasks):
    names = [f"t{number}" for number in range(n_tasks)]
    subsets = random_subsets(names, 5 * n_tasks, 0)
    assert len(set(subsets)) == len(subsets)
    counts = [sum(name in subset for subset in subsets) for name in names]
    assert min(counts) > 0
    assert max(counts) <= 1.5 * min(counts) + 2
