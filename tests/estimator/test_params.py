"""Parameters of tasks and parts, by name."""

import copy

import pytest
from sklearn.base import clone

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.trunks import MLP

from .._helpers import (
    assert_same,
    assert_same_model,
    net,
)
from ._data import MASS, SICK, N, RateRecorder, X

ODD_NAMES = ["a.b", "type", "rate__2", "rate", "two words", "weight", "forward", "0"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_task_may_be_called_anything(name):
    estimator = net(tasks={name: "regression"}, early_stopping=True)
    estimator.set_params(**{f"task_weights__{name}": 0.5, f"tasks__{name}__loss": "huber"})
    estimator.fit(X, {name: MASS, "other": SICK})
    assert estimator.task_names_ == [name, "other"]
    assert estimator.get_params()[f"task_weights__{name}"] == 0.5
    assert estimator.tasks_[name].loss == "huber"
    assert f"valid_loss__{name}" in estimator.history_
    assert estimator.predict(X, tasks=[name])[name].shape == (N,)


def test_longest_task_name_wins():
    estimator = net(tasks={"rate": "regression", "rate__2": "regression"})
    estimator.set_params(tasks__rate__2__loss="huber", task_weights__rate__2=2.0, task_weights__rate=3.0)
    estimator.fit(X, {"rate": MASS, "rate__2": MASS})
    assert estimator.tasks_["rate"].loss == "squared_error"
    assert estimator.tasks_["rate__2"].loss == "huber"
    assert estimator.task_weights == {"rate__2": 2.0, "rate": 3.0}


def test_parameters_are_listed_by_name():
    estimator = net(
        tasks={"mass": Regression(loss="huber"), "sick": "classification"},
        task_weights={"mass": 2.0},
        score_weights={"sick": 3.0},
    )
    params = estimator.get_params()
    assert params["task_weights__mass"] == 2.0
    assert params["score_weights__sick"] == 3.0
    assert params["tasks__mass__loss"] == "huber"
    assert params["tasks__sick"] == "classification"
    assert params["trunk__hidden_sizes"] == (8,)
    assert "task_weights__mass" not in estimator.get_params(deep=False)


def test_parameters_are_set_by_name():
    estimator = net(trunk="mlp").set_params(
        task_weights__mass=2.0,
        score_weights__sick=3.0,
        tasks__mass="regression",
        tasks__mass__loss="huber",
        trunk__hidden_sizes=(4,),
    )
    assert estimator.task_weights == {"mass": 2.0}
    assert estimator.score_weights == {"sick": 3.0}
    assert estimator.tasks["mass"].loss == "huber"
    assert estimator.trunk.hidden_sizes == (4,)
    estimator.fit(X, {"mass": MASS, "sick": SICK})
    assert estimator.transform(X).shape == (N, 4)


def test_whole_mapping_is_set_before_its_entries():
    estimator = net().set_params(task_weights__a=5.0, task_weights={"a": 1.0, "b": 2.0})
    assert estimator.task_weights == {"a": 5.0, "b": 2.0}


def test_mappings_of_the_caller_are_never_written_to():
    weights, scores, tasks = {"mass": 1.0}, {"mass": 1.0}, {"mass": Regression(), "sick": "classification"}
    trunk = MLP((8,))
    estimator = MultiTaskNetEstimator(tasks, weights, scores, trunk=trunk, max_epochs=1)
    assert estimator.task_weights is weights
    assert estimator.tasks is tasks
    estimator.set_params(
        task_weights__mass=9.0,
        score_weights__mass=9.0,
        tasks__mass__loss="huber",
        tasks__sick__label_smoothing=0.1,
    )
    estimator.fit(X, {"mass": MASS, "sick": SICK})
    assert weights == {"mass": 1.0}
    assert scores == {"mass": 1.0}
    assert tasks["mass"].loss == "squared_error"
    assert tasks["sick"] == "classification"
    assert not [name for name in vars(tasks["mass"]) if name.endswith("_")]
    assert not [name for name in vars(trunk) if name.endswith("_")]
    assert estimator.tasks_["mass"].loss == "huber"


def test_clone_keeps_parameters_and_shares_nothing():
    original = net(
        tasks={"mass": Regression(loss="huber")}, task_weights={"mass": 2.0}, callbacks=[RateRecorder()]
    )
    original.fit(X, {"mass": MASS})
    copied = clone(original)
    assert copied.task_weights == {"mass": 2.0}
    assert copied.task_weights is not original.task_weights
    assert copied.tasks["mass"] is not original.tasks["mass"]
    assert copied.tasks["mass"].loss == "huber"
    assert not hasattr(copied, "net_")
    assert_same_model(copied.fit(X, {"mass": MASS}), original)


def test_fit_does_not_write_to_parameters():
    estimator = net(tasks={"mass": "regression"}, device="auto", trunk="auto")
    before = dict(estimator.get_params(deep=False))
    estimator.fit(X, {"mass": MASS, "sick": SICK})
    assert estimator.get_params(deep=False) == before


def test_copy_shares_the_model_and_nothing_else():
    estimator = net().fit(X, MASS)
    twin = copy.copy(estimator)
    predictions = twin.predict(X)
    estimator.fit(X, -MASS)
    assert_same(twin.predict(X), predictions)


def test_parameters_of_a_task_that_is_inferred_are_set_by_name():
    y = Targets(rare=(X[:, 0] > 1).astype(int), mass=MASS)
    inferred = net().set_params(tasks__rare__class_weight="balanced")
    stated = net(tasks={"rare": Classification(class_weight="balanced")})
    assert_same_model(inferred.fit(X, y), stated.fit(X, y))
    assert inferred.get_params()["tasks__rare__class_weight"] == "balanced"
    assert_same_model(clone(inferred).fit(X, y), stated)
    assert inferred.set_params(warm_start=True).fit(X, y).n_iter_ == 2 * stated.n_iter_
    with pytest.raises(ValueError, match="tasks"):
        inferred.set_params(tasks__rare__class_weight=None).fit(X, y)


def test_the_picture_names_a_task_of_which_a_parameter_is_set():
    shown = net().set_params(tasks__rare__class_weight="balanced")._repr_html_()
    assert "rare__class_weight" not in shown.split("Data flow to", 1)[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tasks__nope__class_weight", r"tasks names \['nope__class_weight'\], but y has the targets"),
        ("tasks__rare__nope", "task 'rare': Invalid parameter 'nope'"),
        ("tasks__mass__class_weight", "task 'mass': Invalid parameter 'class_weight' for estimator Regression"),
    ],
)
def test_parameters_that_no_task_has_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        net().set_params(**{name: 1}).fit(X, {"rare": SICK, "mass": MASS})


def test_representation_of_the_estimator_is_short():
    assert repr(MultiTaskNetEstimator(max_epochs=3)) == "MultiTaskNetEstimator(max_epochs=3)"
