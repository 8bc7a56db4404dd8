"""Groups of tasks as an estimator: what it trains, and that it behaves like any other."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_linnerud
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.model_selection import TaskGrouping
from sklearn_mtl.persistence import load_model, save_model
from sklearn_mtl.trunks import MLP

SMALL = {"trunk": MLP((8,), scaling="standard"), "max_epochs": 4, "random_state": 0}
APART = np.array([[0, 1, -1], [1, 0, -1], [-1, -1, 0]])


@pytest.fixture
def rows():
    return load_linnerud(return_X_y=True, as_frame=True)


def grouping(**params):
    return TaskGrouping(MultiTaskNetRegressor(**SMALL), affinity=APART, cv=2, **params)


def test_each_group_is_the_network_of_its_tasks(rows):
    X, y = rows
    fitted = grouping(n_groups=2).fit(X, y)
    assert set(fitted.scores_) == {"groups", "together"}
    if fitted.scores_["groups"] > fitted.scores_["together"]:
        assert fitted.groups_ == [("Weight", "Waist"), ("Pulse",)]
    predicted = fitted.predict(X)
    for served, others in zip(fitted.groups_, fitted.auxiliary_, strict=True):
        alone = MultiTaskNetRegressor(**SMALL).fit(X, y[list(served + others)])
        np.testing.assert_allclose(predicted[list(served)], alone.predict(X)[list(served)], rtol=1e-5)


def test_the_best_of_groups_together_and_alone_is_fitted(rows):
    X, y = rows
    fitted = grouping().fit(X, y)
    best = max(fitted.scores_, key=fitted.scores_.get)
    expected = {"groups": [("Weight", "Waist"), ("Pulse",)], "together": [tuple(y)], "alone": [(n,) for n in y]}
    assert fitted.groups_ == expected[best]


def test_one_group_is_the_shared_network(rows):
    X, y = rows
    fitted = grouping(n_groups=1).fit(X, y)
    np.testing.assert_allclose(fitted.predict(X), MultiTaskNetRegressor(**SMALL).fit(X, y).predict(X), rtol=1e-5)
    assert (fitted.task_shares_["shared"] == 1).all()


def test_affinities_are_estimated_if_none_are_given(rows):
    X, y = rows
    fitted = TaskGrouping(MultiTaskNetRegressor(**SMALL), cv=2).fit(X, y)
    assert fitted.affinity_.shape == (3, 3)
    assert sorted(name for served in fitted.groups_ for name in served) == sorted(y)


def test_classes_probabilities_and_missing_labels():
    rng = np.random.RandomState(0)
    X = pd.DataFrame(rng.randn(60, 3), columns=list("pqr"))
    y = pd.DataFrame({"kind": rng.choice(["x", "y"], 60), "size": rng.randn(60), "more": rng.randn(60)})
    y.loc[:5, "size"] = np.nan
    fitted = TaskGrouping(MultiTaskNetEstimator(**SMALL), affinity=APART, cv=2).fit(X, y)
    assert fitted.classes_["kind"].tolist() == ["x", "y"]
    assert list(fitted.predict(X).columns) == list(y)
    np.testing.assert_allclose(fitted.predict_proba(X)["kind"].sum(axis=1), 1, rtol=1e-5)
    scores = fitted.score_tasks(X, y)
    assert list(scores) == list(y)
    assert fitted.score(X, y) == pytest.approx(np.mean(list(scores.values())))
    assert fitted.feature_names_in_.tolist() == list("pqr")


@pytest.mark.parametrize("form", ["array", "targets", "frame"])
def test_predictions_have_the_container_of_y(rows, form):
    X, y = rows
    given = {"array": y.to_numpy(), "frame": y, "targets": Targets(y)}[form]
    fitted = grouping().fit(X, given)
    assert type(fitted.predict(X)) is type(given)
    assert np.isfinite(fitted.score(X, given))


def test_clone_pickle_search_and_pipeline(rows):
    X, y = rows
    fitted = grouping().fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))
    again = clone(fitted)
    with pytest.raises(NotFittedError):
        again.predict(X)
    assert again.get_params()["net__max_epochs"] == 4
    search = GridSearchCV(grouping(), {"net__max_epochs": [1, 2]}, cv=2).fit(X, y)
    assert search.best_params_["net__max_epochs"] in (1, 2)
    assert np.isfinite(cross_val_score(make_pipeline(StandardScaler(), grouping()), X, y, cv=2)).all()
    inside = TaskGrouping(make_pipeline(StandardScaler(), MultiTaskNetRegressor(**SMALL)), affinity=APART, cv=2)
    assert inside.fit(X, y).predict(X).shape == (20, 3)


def test_a_saved_grouping_predicts_alike(rows, tmp_path):
    X, y = rows
    fitted = TaskGrouping(MultiTaskNetRegressor(**SMALL), method="gradient", cv=2).fit(X, y)
    save_model(fitted, tmp_path / "grouping.mtl")
    again = load_model(tmp_path / "grouping.mtl")
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert again.groups_ == fitted.groups_
    pd.testing.assert_frame_equal(again.affinity_, fitted.affinity_)


def test_advice_follows_from_the_columns_of_the_affinities(rows):
    X, y = rows
    affinity = pd.DataFrame([[0, 0, -1.0], [2, 0, -1], [1, 0.1, 0]], index=list(y), columns=list(y))
    advice = TaskGrouping(MultiTaskNetRegressor(**SMALL), affinity=affinity, cv=2).fit(X, y).drop_redundant()
    assert advice["advice"].tolist() == ["helps others", "may leave", "harms others"]
    assert advice["gives"].tolist() == pytest.approx([3.0, 0.1, -2.0])


@pytest.mark.parametrize("affinity", [np.zeros((2, 2)), np.full((3, 3), np.nan)])
def test_affinities_of_other_tasks_are_refused(rows, affinity):
    X, y = rows
    with pytest.raises(ValueError, match=r"affinity should be finite numbers of shape \(3, 3\)"):
        TaskGrouping(MultiTaskNetRegressor(**SMALL), affinity=affinity, cv=2).fit(X, y)
