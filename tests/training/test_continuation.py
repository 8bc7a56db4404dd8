"""Changed parameters in a fit that continues: accepted and rejected ones."""

import pickle
import re

import joblib
import numpy as np
import pytest
import torch
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.architectures import MMoE
from sklearn_mtl.persistence import load_model, save_model
from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.trunks import MLP
from sklearn_mtl.weighting import Uncertainty

X = np.random.default_rng(0).normal(size=(60, 4))
Y = Targets(a=X[:, 0] > 0, b=X[:, 1] + X[:, 2] ** 2)
WAYS = ("fit", "partial_fit")


def fitted(**params):
    params = {"max_epochs": 2, "random_state": 0, "warm_start": True, **params}
    return MultiTaskNetEstimator(**params).fit(X, Y)


def gone_on(estimator, how, **change):
    return getattr(estimator.set_params(**change), how)(X, Y).predict(X)["b"]


def own_trunk(in_features):
    return nn.Linear(in_features, 4)


BUILT_BY = {
    "trunk": MLP((7,)),
    "trunk__dropout": 0.5,
    "architecture": "mmoe",
    "weighting": "uncertainty",
    "penalties": ["trace_norm"],
    "dtype": "float64",
    "tasks": {"b": Regression(loss="absolute_error")},
    "categorical_features": [0],
}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", BUILT_BY)
def test_what_a_network_was_built_by_stays(name, how):
    estimator = fitted(trunk="mlp")
    before, old = estimator.predict(X)["b"], estimator.get_params()[name.partition("__")[0]]
    with pytest.raises(ValueError, match=rf"^{name.partition('__')[0]}.*, but .*warm_start=False"):
        gone_on(estimator, how, **{name: BUILT_BY[name]})
    np.testing.assert_array_equal(estimator.predict(X)["b"], before)
    estimator.set_params(warm_start=False).fit(X, Y)
    estimator.set_params(**{name.partition("__")[0]: old}, warm_start=False).fit(X, Y)


def test_the_message_has_both_values():
    message = "trunk=MLP(hidden_sizes=(7,)), but the fitted network, whose training continues, has trunk=MLP();"
    with pytest.raises(ValueError, match=re.escape(message)):
        gone_on(fitted(trunk="mlp"), "fit", trunk=MLP((7,)))


@pytest.mark.parametrize(
    "change",
    [{"n_members": 3}, {"n_members": 3, "ensemble": "batch"}],
    ids=["deep", "batch"],
)
def test_an_ensemble_is_another_network(change):
    with pytest.raises(ValueError, match="n_members=3"):
        gone_on(fitted(), "fit", **change)


EQUAL = {
    "trunk by name": ({"trunk": "mlp"}, {"trunk": MLP()}),
    "trunk that was chosen": ({"trunk": "auto"}, {"trunk": "auto"}),
    "trunk in another container": ({"trunk": MLP((8, 8))}, {"trunk": MLP([8, 8])}),
    "function": ({"trunk": own_trunk}, {"trunk": own_trunk}),
    "module": ({"trunk": nn.Linear(4, 3)}, {}),
    "architecture": ({"architecture": "mmoe"}, {"architecture": MMoE()}),
    "weighting": ({"weighting": "uncertainty"}, {"weighting": Uncertainty()}),
    "penalties": ({"penalties": ["trace_norm"]}, {"penalties": ("trace_norm",)}),
    "task that was inferred": ({"tasks": None}, {"tasks": {"b": "regression", "a": Classification()}}),
    "task that is inferred now": ({"tasks": {"b": "regression"}}, {"tasks": None}),
    "categories": ({"categorical_features": None}, {"categorical_features": None}),
    "seed": ({}, {"random_state": 7}),
}


@pytest.mark.parametrize("case", EQUAL)
def test_the_same_in_other_words_goes_on(case):
    first, change = EQUAL[case]
    assert fitted(**first).set_params(**change).fit(X, Y).n_iter_ == 4


TRAINED_BY = {
    "learning_rate": 0.1,
    "weight_decay": 50.0,
    "optimizer": "sgd",
    "batch_size": 7,
    "optimizer__clip_norm": 1e-4,
    "task_sampling": "round_robin",
    "optimizer__schedule": "cosine",
    "task_weights": {"b": 5.0},
    "max_epochs": 5,
    "early_stopping": True,
    "net_params": {"optimizer__betas": (0.1, 0.2)},
}
ONE_EPOCH = {"max_epochs", "early_stopping"}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", TRAINED_BY)
def test_a_parameter_of_training_has_its_effect_from_then_on(name, how):
    if how == "partial_fit" and name in ONE_EPOCH:
        pytest.skip("partial_fit trains one epoch on all rows")
    unchanged = gone_on(fitted(trunk="mlp"), how)
    assert not np.array_equal(gone_on(fitted(trunk="mlp"), how, **{name: TRAINED_BY[name]}), unchanged)


def test_score_weights_are_those_of_now():
    estimator = fitted(early_stopping=True).set_params(score_weights={"a": 0.0}).fit(X, Y)
    history = estimator.history_
    np.testing.assert_allclose(history["valid_loss"][2:], history["valid_loss__b"][2:], rtol=1e-6)
    assert not np.allclose(history["valid_loss"][:2], history["valid_loss__b"][:2])


@pytest.mark.parametrize("change", [{"optimizer__amsgrad": True}, {"optimizer__betas": (0.5, 0.6)}], ids=str)
def test_portions_go_on_with_another_setting_of_the_optimiser(change):
    estimator = fitted().partial_fit(X, Y).set_params(net_params=change).partial_fit(X, Y)
    group = estimator.net_.optimizer_.param_groups[0]
    assert {
        f"optimizer__{key}": group[key.removeprefix("optimizer__")] for key in ("amsgrad", "betas")
    }.items() >= change.items()


@pytest.mark.parametrize("through", ["pickle", "joblib", "save_model"])
def test_a_loaded_model_refuses_the_same(through, tmp_path):
    estimator = fitted(trunk=MLP((8,)), tasks={"b": Regression(loss="absolute_error")}, categorical_features=[0])
    if through == "pickle":
        loaded = pickle.loads(pickle.dumps(estimator))
    elif through == "joblib":
        joblib.dump(estimator, tmp_path / "model")
        loaded = joblib.load(tmp_path / "model")
    else:
        save_model(estimator, tmp_path / "model")
        loaded = load_model(tmp_path / "model")
    for name, value in {"trunk": MLP((9,)), "tasks": None, "categorical_features": None}.items():
        with pytest.raises(ValueError, match=f"^{name}"):
            pickle.loads(pickle.dumps(loaded)).set_params(**{name: value}).fit(X, Y)
    assert loaded.fit(X, Y).n_iter_ == 4


def test_a_model_of_an_older_version_is_compared_by_what_is_known_of_it():
    estimator = fitted(trunk=MLP((8,)), categorical_features=None)
    object.__setattr__(estimator._model.blueprint, "asked", None)
    with pytest.raises(ValueError, match=r"^trunk=MLP\(hidden_sizes=\(9,\)\)"):
        gone_on(estimator, "fit", trunk=MLP((9,)))
    assert estimator.set_params(trunk=MLP((8,)), categorical_features="from_dtype").fit(X, Y).n_iter_ == 4


def test_a_further_task_is_added_to_the_network_that_was_fitted():
    with pytest.raises(ValueError, match=r"^architecture=MMoE"):
        fitted().set_params(architecture=MMoE()).add_task("c", X, X[:, 3])


def test_tasks_that_the_network_does_not_have_are_told():
    with pytest.raises(
        ValueError, match=r"tasks names \['c'\], but the fitted network has the tasks \['a', 'b'\]"
    ):
        gone_on(fitted(), "fit", tasks={"c": "regression"})


def test_a_parameter_that_a_module_is_made_with_is_compared():
    estimator = fitted(trunk=nn.Sequential(nn.Linear(4, 3)))
    with pytest.raises(ValueError, match=r"^trunk="):
        gone_on(estimator, "fit", trunk=nn.Sequential(nn.Linear(4, 5)))
    assert torch.is_tensor(next(estimator.net_.module_.parameters()))
