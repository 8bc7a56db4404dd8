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

from sklearn_mtl import DeepEnsemble, MultiTaskNetEstimator, MultiTaskNetRegressor, Portfolio, Targets
from sklearn_mtl.architectures import Grouped, Independent
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


# -- insured


@pytest.fixture(scope="module")
def insured():
    X, y = load_linnerud(return_X_y=True, as_frame=True)
    return grouping(insured=True).fit(X, y)


def test_insured_is_a_portfolio_of_the_net_shared_grouped_and_separate(rows, insured):
    X, y = rows
    groups = [["Weight", "Waist"], ["Pulse"]]
    recipes = {
        "shared": {"n_members": 1},
        "grouped": {"n_members": 1, "architecture": Grouped(groups)},
        "separate": {"n_members": 1, "architecture": Independent()},
    }
    net = MultiTaskNetRegressor(**SMALL, ensemble=Portfolio(recipes)).fit(X, y)
    np.testing.assert_array_equal(insured.predict(X), net.predict(X))
    pd.testing.assert_frame_equal(insured.task_shares_, net.task_shares_)
    assert insured.score_tasks(X, y) == net.score_tasks(X, y)
    assert insured.groups_ == [tuple(group) for group in groups]
    assert insured.auxiliary_ == [(), ()]
    assert set(insured.scores_) == {"groups", "together", "alone"}


def test_shares_of_an_insured_task_sum_to_one(insured):
    shares = insured.task_shares_
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares.loc["Waist"] > 0).all()
    assert shares.loc["Pulse", "grouped"] == 0  # its group is a network of its own


def test_a_saved_insured_grouping_predicts_alike(rows, insured, tmp_path):
    X, _ = rows
    save_model(insured, tmp_path / "grouping.mtl")
    for again in (load_model(tmp_path / "grouping.mtl"), pickle.loads(pickle.dumps(insured))):
        np.testing.assert_array_equal(again.predict(X), insured.predict(X))
        pd.testing.assert_frame_equal(again.task_shares_, insured.task_shares_)


def test_a_task_in_a_wrong_group_falls_back_on_the_others():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    product = X[:, 0] * X[:, 1]
    # few labels of a task that another one explains, and of which a third knows nothing
    y = {
        "rare": np.where(np.arange(300) % 8 == 0, product, np.nan),
        "twin": product,
        "noise": rng.normal(size=300),
    }
    wrong = np.array([[0, -1, 1], [-1, 0, -1], [1, -1, 0]])
    trunk = MLP((16,), scaling="standard")
    net = MultiTaskNetRegressor(trunk=trunk, n_members=2, max_epochs=40, learning_rate=1e-2, random_state=0)
    fitted = TaskGrouping(net, affinity=wrong, cv=2, insured=True).fit(X, y)
    assert fitted.groups_ == [("rare", "noise"), ("twin",)]
    shares = fitted.task_shares_.loc["rare"]
    assert shares["shared"] > 2 * shares["grouped"]


def test_insured_pipelines_have_the_recipes_of_the_transformed_rows(rows):
    X, y = rows
    net = MultiTaskNetRegressor(max_epochs=1, random_state=0)  # the recommended recipes
    inside = TaskGrouping(make_pipeline(StandardScaler(), net), affinity=APART, cv=2, insured=True).fit(X, y)
    weights = inside.nets_[0][-1].recipe_weights_["Waist"]
    own = net.fit(X, y).recipe_weights_["Waist"]
    assert set(own) < set(weights)
    assert set(weights) - set(own) == {f"{name}, grouped" for name in own if name.startswith("shared")}
    assert inside.predict(X).shape == (20, 3)


def test_a_group_of_all_tasks_adds_no_member(rows):
    X, y = rows
    fitted = grouping(insured=True, n_groups=1).fit(X, y)
    assert list(fitted.nets_[0].recipe_weights_["Pulse"]) == ["shared", "separate"]
    assert (fitted.task_shares_["grouped"] == 0).all()


@pytest.mark.parametrize("ensemble", ["batch", DeepEnsemble(bootstrap=True)], ids=repr)
def test_other_ensembles_cannot_be_insured(rows, ensemble):
    net = MultiTaskNetRegressor(**SMALL, n_members=2, ensemble=ensemble)
    with pytest.raises(ValueError, match=r"insured=True trains a portfolio, .* net has ensemble="):
        TaskGrouping(net, affinity=APART, cv=2, insured=True).fit(*rows)


# -- as an estimator


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
