"""The state that a model is saved as: of another version, of another layout, and what is no state."""

import copy
import pickle

import numpy as np
import pytest
import torch

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.architectures import TaskGraph
from sklearn_mtl.exceptions import ModelVersionWarning
from sklearn_mtl.model import _state
from sklearn_mtl.penalties import TraceNorm
from sklearn_mtl.tasks import Regression
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, inputs, mixed_targets, net

X = inputs(40)


def everything(estimator):
    """Return all that a fitted estimator says about some rows."""
    said = {"predict": estimator.predict(X), "transform": estimator.transform(X)}
    return said | ({"proba": estimator.predict_proba(X)} if hasattr(estimator, "predict_proba") else {})


def rebuilt(state):
    """Make an estimator from a state, as pickle does."""
    estimator = MultiTaskNetEstimator.__new__(MultiTaskNetEstimator)
    estimator.__setstate__(state)
    return estimator


def test_state_holds_layout_and_versions():
    state = net().fit(X, X[:, 0]).__getstate__()["_state"]
    assert state["layout"] == 1
    assert list(state["versions"]) == ["sklearn_mtl", "scikit-learn", "torch", "numpy"]
    assert state["versions"]["torch"] == torch.__version__


def test_another_version_is_warned_of(monkeypatch):
    estimator = net().fit(X, mixed_targets(X))
    with monkeypatch.context() as patch:
        patch.setattr(_state, "__version__", "0.0.1")
        pickled = pickle.dumps(estimator)
    with pytest.warns(ModelVersionWarning, match=r"saved with sklearn_mtl 0\.0\.1, .* loaded with sklearn_mtl"):
        loaded = pickle.loads(pickled)
    assert_same(everything(loaded), everything(estimator))


def test_unfitted_estimator_of_another_version_is_not_warned_of(monkeypatch):
    monkeypatch.setattr(_state, "__version__", "0.0.1")
    pickled = pickle.dumps(net())
    monkeypatch.undo()
    pickle.loads(pickled)


@pytest.mark.parametrize("layout", [2, 0, None, "1", True])
def test_unknown_layout_is_refused_by_name(layout):
    state = net().fit(X, X[:, 0]).__getstate__()
    state["_state"]["layout"] = layout
    with pytest.raises(ValueError, match=rf"has layout {layout!r}, written by sklearn_mtl .* layouts up to 1"):
        rebuilt(state)


def test_older_layout_is_migrated(monkeypatch):
    estimator = net().fit(X, X[:, 0])
    state = estimator.__getstate__()
    old = {**state, "_state": {**state["_state"], "named_otherwise": state["_state"]["weights"]}}
    del old["_state"]["weights"]

    def to_the_next(state):
        state["weights"] = state.pop("named_otherwise")
        return state

    monkeypatch.setattr(_state, "STATE_LAYOUT", 2)
    monkeypatch.setattr(_state, "MIGRATIONS", {1: to_the_next})
    assert_same(everything(rebuilt(old)), everything(estimator))
    assert "named_otherwise" in old["_state"]


def test_parameters_that_have_come_since_have_their_defaults():
    estimator = net(tasks={"y": "regression"}).fit(X, X[:, 0])
    state = copy.deepcopy(estimator.__getstate__())
    blueprint = state["_state"]["blueprint"]
    for attributes, name in (
        (state, "penalties"), (vars(state["trunk"]), "ranks"), (vars(blueprint.trunk), "embedding_size"),
        (vars(blueprint.tasks["y"]), "loss"), (vars(blueprint.architecture), "bypass_sizes"),
    ):  # fmt: skip
        del attributes[name]
    loaded = rebuilt(state)
    assert loaded.get_params(deep=True).keys() == estimator.get_params(deep=True).keys()
    assert_same(everything(loaded), everything(estimator))


def test_parts_are_completed_too():
    task, penalty, inner = Regression(), TraceNorm(), MLP()
    estimator = net(tasks={"a": task}, penalties=[penalty], architecture=TaskGraph({}, sharing=inner))
    del task.loss, penalty.strength, inner.ranks
    _state.complete_params(estimator)
    assert (task.loss, penalty.strength, inner.ranks) == (Regression().loss, TraceNorm().strength, MLP().ranks)


def change_weights(state, change):
    state["_state"]["weights"] = {name: change(array) for name, array in state["_state"]["weights"].items()}


def blueprint_of(state):
    return state["_state"]["blueprint"]


BROKEN = {
    "shape": (lambda s: change_weights(s, lambda array: array[..., :1]), "of shape .* expected shape"),
    "dtype": (lambda s: change_weights(s, lambda array: array.astype(float)), "dtype float64; .* dtype float32"),
    "not finite": (lambda s: change_weights(s, lambda array: array * np.nan), "are not finite in"),
    "no array": (lambda s: change_weights(s, lambda array: array.tolist()), "is a list, not a ndarray"),
    "fewer": (lambda s: s["_state"]["weights"].popitem(), r"lack \['.*'\], and contain unexpected \[\]"),
    "more": (lambda s: s["_state"]["weights"].update(a=np.zeros(1)), r"lack \[\], and contain unexpected \['a'\]"),
    "weighting": (lambda s: s["_state"]["weighting"].update(a=np.zeros(1)), "the weighting of this model"),
    "trunk": (lambda s: vars(blueprint_of(s)).update(trunk=3), "trunk of this model is a int, not a Trunk"),
    "task": (lambda s: blueprint_of(s).tasks.update(y="mean"), "task 'y' of this model is a str, not a Task"),
    "members": (lambda s: vars(blueprint_of(s)).update(n_members=10**9), "not those of 1000000000 members"),
    "members that share weights": (
        lambda s: vars(blueprint_of(s)).update(n_members=10**9, ensemble="batch"),
        "not those of 1000000000 members",
    ),
}


@pytest.mark.parametrize(("break_it", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_state_that_is_none_is_refused(break_it, message):
    state = copy.deepcopy(net().fit(X, X[:, 0]).__getstate__())
    break_it(state)
    with pytest.raises(ValueError, match=message):
        rebuilt(state)
