"""Weights of tasks, and tasks of weight 0."""

import numpy as np
import pytest
import torch

from sklearn_mtl import EarlyStopping, Targets
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, head_in, head_of, mixed_targets, net
from ._data import MASS, SICK, N, X, assert_close, outputs

SETTINGS = {
    "adamw": {"weight_decay": 0.5},
    "adam": {"optimizer": "adam", "weight_decay": 0.1},
    "sgd with momentum": {"optimizer": "sgd", "weight_decay": 0.1, "net_params": {"optimizer__momentum": 0.9}},
    "a class": {"optimizer": torch.optim.RMSprop},
    "clipping": {"clip_norm": 0.01},
    "dropout": {"trunk": MLP((8, 8), dropout=0.5)},
    "early stopping": {"early_stopping": EarlyStopping(True, "loss", 2), "max_epochs": 30, "learning_rate": 0.05},
    "score watched": {"early_stopping": EarlyStopping(True, "score", 2), "max_epochs": 8},
    "schedule": {"schedule": "one_cycle"},
    "float64": {"dtype": "float64"},
}


@pytest.mark.parametrize("params", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("idle", ["species", "sick", "mass", "size", "tags"])
def test_task_of_weight_zero_is_as_if_it_were_not_there(params, idle):
    y = mixed_targets(X, missing=0.1)
    without = Targets({name: values for name, values in y.items() if name != idle})
    with_idle = net(**{**params, "task_weights": {idle: 0}}).fit(X, y)
    alone = net(**params).fit(X, without)

    assert with_idle.n_iter_ == alone.n_iter_
    raw, expected = outputs(with_idle), outputs(alone)
    for name in without:
        assert_same(raw[name], expected[name])
    for values, initial in zip(head_of(with_idle, idle), _initial_head(with_idle, idle), strict=True):
        assert_same(values, initial)


def _initial_head(estimator, task):
    """Copy the head that the estimator's network starts from."""
    return head_in(estimator._model.blueprint.network(), task)


def test_trained_heads_leave_their_initial_weights():
    estimator = net().fit(X, mixed_targets(X))
    for name in estimator.task_names_:
        assert np.abs(head_of(estimator, name)[0] - _initial_head(estimator, name)[0]).max() > 1e-4


def test_task_of_weight_zero_with_weights_of_rows():
    y = Targets(mass=MASS, sick=SICK)
    weight = np.random.default_rng(0).random(N)
    idle = net(task_weights={"sick": 0}).fit(X, y, {"mass": weight})
    alone = net().fit(X, {"mass": MASS}, {"mass": weight})
    assert_same(outputs(idle)["mass"], outputs(alone)["mass"])


def test_task_of_weight_zero_is_left_out_of_history():
    estimator = net(task_weights={"mass": 0}, early_stopping=True).fit(X, {"mass": MASS, "sick": SICK})
    assert not [column for column in estimator.history_ if column.endswith("__mass")]


def test_names_of_tasks_do_not_change_a_fit():
    y = mixed_targets(X)
    renamed = Targets({f"{name} of old": values for name, values in y.items()})
    one, other = outputs(net().fit(X, y)), outputs(net().fit(X, renamed))
    for name in y:
        np.testing.assert_array_equal(one[name], other[f"{name} of old"])


def test_doubled_weights_and_half_the_rate_are_the_same_sgd():
    y = mixed_targets(X, missing=0.2)
    exact = {"optimizer": "sgd", "weight_decay": 0.0, "dtype": "float64", "max_epochs": 10}
    weights = {"species": 1.0, "sick": 0.3, "mass": 2.0, "size": 1.0, "tags": 0.7}
    once = net(task_weights=weights, learning_rate=0.1, **exact).fit(X, y)
    twice = net(task_weights={k: 2 * v for k, v in weights.items()}, learning_rate=0.05, **exact).fit(X, y)
    assert_close(outputs(once), outputs(twice))
    other = net(task_weights=weights, learning_rate=0.05, **exact).fit(X, y)
    assert np.abs(outputs(once)["mass"] - outputs(other)["mass"]).max() > 1e-3


def test_larger_weight_fits_its_task_better():
    y = Targets(a=np.sin(3 * X[:, 0]), b=np.cos(3 * X[:, 1]))
    small = {"trunk": MLP((3,)), "max_epochs": 150, "learning_rate": 0.03}
    a = net(task_weights={"a": 20.0, "b": 0.1}, **small).fit(X, y).history_["train_loss__a"].iloc[-1]
    b = net(task_weights={"a": 0.1, "b": 20.0}, **small).fit(X, y).history_["train_loss__a"].iloc[-1]
    assert a < b
