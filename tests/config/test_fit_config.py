"""A config: one field for each parameter, and what a field may do."""

import inspect
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from sklearn_mtl import EarlyStopping, MultiTaskNetClassifier, MultiTaskNetEstimator, Optimizer
from sklearn_mtl.architectures import MMoE
from sklearn_mtl.config import FitConfig, May
from sklearn_mtl.penalties import TraceNorm
from sklearn_mtl.trunks import MLP
from sklearn_mtl.utils._digest import digest
from sklearn_mtl.utils._same import same

from .._helpers import assert_same_model, inputs, net

X = inputs()
MASS = 100 + 20 * X[:, 1]


def test_every_parameter_of_the_estimator_is_a_field():
    parameters = list(inspect.signature(MultiTaskNetEstimator).parameters)
    assert ["kind", *parameters] == [field.name for field in fields(FitConfig)]
    assert len(parameters) <= 29


def test_shorthands_are_specs_and_specs_are_copies():
    architecture, penalty = MMoE(n_experts=3), TraceNorm()
    config = MultiTaskNetEstimator(architecture=architecture, penalties=[penalty, "group_lasso"])._config()
    assert config.architecture is not architecture
    assert config.architecture.n_experts == 3
    assert config.penalties[0] is not penalty
    assert [type(each).__name__ for each in config.penalties] == ["TraceNorm", "GroupLasso"]
    assert isinstance(config.optimizer, Optimizer)
    assert same(config.early_stopping, EarlyStopping())
    assert type(config.weighting).__name__ == "Static"
    assert config.checkpoint is None


def test_a_config_is_frozen():
    with pytest.raises(FrozenInstanceError):
        MultiTaskNetEstimator(n_members=1)._config().max_epochs = 3


def test_kind_is_that_of_the_estimator():
    assert MultiTaskNetEstimator(n_members=1)._config().kind is None
    assert MultiTaskNetClassifier(n_members=1)._config().kind == "classification"


OTHER = {
    "task_weights": {"y": 2.0}, "score_weights": {"y": 2.0}, "metrics": {"y": "neg_max_error"},
    "optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.5, "max_epochs": 4, "batch_size": 7,
    "early_stopping": EarlyStopping(True, "score", n_iter_no_change=2), "validation": 0.3,
    "task_sampling": "round_robin", "device": "cpu",
    "callbacks": [], "checkpoint": "folder", "net_params": {"optimizer__betas": (0.5, 0.9)}, "random_state": 5,
    "warm_start": True, "verbose": 0, "tasks": {"y": "count"}, "trunk": MLP((3,)), "architecture": "mmoe",
    "weighting": "uncertainty", "n_members": 2, "ensemble": "batch", "penalties": ["trace_norm"],
    "dtype": "float64", "categorical_features": [0], "auxiliary": ["y"], "label_inputs": True,
}  # fmt: skip


def test_other_values_of_all_parameters_are_tried():
    assert set(OTHER) == {field.name for field in fields(FitConfig)} - {"kind"}


@pytest.mark.parametrize("name", sorted(FitConfig.names_that(May.CHANGE)))
def test_what_may_change_is_accepted_where_a_fit_continues(name, tmp_path):
    fitted = net(warm_start=True).fit(X, MASS)
    value = tmp_path if name == "checkpoint" else OTHER[name]
    assert fitted.set_params(**{name: value}).fit(X, MASS).n_iter_ > 3


@pytest.mark.parametrize("name", sorted({*OTHER} - FitConfig.names_that(May.CHANGE) - {"ensemble"}))
def test_what_may_not_change_is_refused_by_name(name):
    fitted = net(warm_start=True).fit(np.abs(X).round(), np.abs(MASS.round()) + 0.5)
    with pytest.raises(ValueError, match=name):
        fitted.set_params(**{name: OTHER[name]}).fit(np.abs(X).round(), np.abs(MASS.round()) + 0.5)


def test_the_ensemble_may_not_change_either():
    fitted = net(warm_start=True, n_members=2).fit(X, MASS)
    with pytest.raises(ValueError, match="ensemble"):
        fitted.set_params(ensemble="batch").fit(X, MASS)


def test_what_may_differ_in_a_stack_is_read_by_the_members():
    assert FitConfig.names_that(May.DIFFER_IN_STACK) == {
        "task_weights", "score_weights", "metrics", "optimizer", "learning_rate", "weight_decay", "max_epochs",
        "early_stopping",
    }  # fmt: skip


def test_of_what_may_differ_a_stack_shares_whether_rows_are_held_out():
    one, patient, off = (
        net(early_stopping=stopping)._config().alike_in_stack()
        for stopping in (EarlyStopping(True), EarlyStopping(True, "score", 99), False)
    )
    assert one["early_stopping__when"] is True
    assert digest(one) == digest(patient) != digest(off)
    assert set(one).isdisjoint(FitConfig.names_that(May.DIFFER_IN_STACK))


@pytest.mark.parametrize("name", sorted({*OTHER} - FitConfig.names_that(May.ENTER_KEY) - {"checkpoint"}))
def test_a_checkpoint_is_found_whatever_is_not_in_its_key(name, tmp_path):
    params = {"checkpoint": tmp_path, "max_epochs": 5}
    if name == "warm_start":  # the first fit has nothing to continue
        params["warm_start"] = False
    net(**params).fit(X, MASS)
    net(**{**params, name: OTHER[name]}).fit(X, MASS, resume=True)
    assert len(list(tmp_path.iterdir())) == 1


def test_values_of_some_fields_come_in_the_order_of_the_fields():
    config = net(learning_rate=0.5)._config()
    assert list(config.values_of({"verbose", "learning_rate"})) == ["learning_rate", "verbose"]
    assert config.values_of(["learning_rate"]) == {"learning_rate": 0.5}


def test_a_config_draws_the_seed_of_its_random_state():
    assert net(random_state=3)._config().draw_seed() == net(random_state=3)._config().draw_seed()
    one = net(random_state=3)
    assert_same_model(one.fit(X, MASS), net(random_state=3).fit(X, MASS))
