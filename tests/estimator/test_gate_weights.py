"""Gate weights of each row."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetRegressor, Targets
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    CrossStitch,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
    TaskGraph,
)

from .._helpers import inputs, net

X = inputs(60)
Y = Targets(number=X[:, 0] ** 2, label=X[:, 1] > 0, other=X[:, 2])
FUSED = ["number 0", "number 1", "label 0", "label 1", "other 0", "other 1"]
SHARED = ["shared 0", "shared 1"]


def own_and_shared(n_levels, n_specific):
    return {
        name: [
            (level + 1, expert)
            for level in range(n_levels)
            for expert in ([f"{name} {number}" for number in range(n_specific)] + SHARED)
        ]
        for name in Y
    }


def alike(columns):
    return dict.fromkeys(Y, columns)


CASES = {
    "mmoe": (MMoE(n_experts=3), alike([(1, f"expert {number}") for number in range(3)])),
    "sparse mmoe": (MMoE(n_experts=3, top_k=2), alike([(1, f"expert {number}") for number in range(3)])),
    "ple": (PLE(), own_and_shared(1, 1)),
    "ple of two levels": (PLE(n_specific=2, n_levels=2), own_and_shared(2, 2)),
    "ple without private experts": (PLE(n_specific=0, n_levels=2), own_and_shared(2, 0)),
    "adatt": (AdaTT(n_experts=2), alike([(1, name) for name in FUSED])),
    "adatt of two levels": (
        AdaTT(n_experts=2, n_levels=2, top_k=3),
        alike([(level, name) for level in (1, 2) for name in FUSED]),
    ),
    "graph of experts": (
        TaskGraph({"label": ["number"]}, sharing=MMoE(n_experts=2)),
        alike([(1, "expert 0"), (1, "expert 1")]),
    ),
}
EVERY = pytest.mark.parametrize(("architecture", "columns"), CASES.values(), ids=CASES.keys())


def fitted(architecture, X=X, y=Y, **params):
    return net(architecture=architecture, dtype="float64", **params).fit(X, y)


@EVERY
def test_columns_are_tasks_levels_and_experts(architecture, columns):
    gates = fitted(architecture).gate_weights(X)
    assert isinstance(gates, pd.DataFrame)
    assert gates.columns.names == ["task", "level", "expert"]
    assert gates.columns.is_unique
    assert set(gates.columns) == {(task, *column) for task in Y for column in columns[task]}
    for task in Y:
        assert gates[task].columns.get_level_values("level").is_monotonic_increasing
    assert gates.shape == (60, sum(map(len, columns.values())))
    assert gates.dtypes.unique() == [np.dtype("float64")]


@EVERY
def test_weights_of_a_task_and_level_sum_to_one(architecture, columns):
    gates = fitted(architecture).gate_weights(X)
    assert (gates >= 0).all(axis=None)
    sums = gates.T.groupby(level=["task", "level"]).sum().T
    np.testing.assert_allclose(sums, 1, atol=1e-12)


@EVERY
def test_weights_differ_by_task_and_row(architecture, columns):
    gates = fitted(architecture).gate_weights(X)
    assert (gates.std() > 0).any()
    assert not np.allclose(gates["number"], gates["other"])


@EVERY
def test_some_tasks(architecture, columns):
    estimator = fitted(architecture)
    whole = estimator.gate_weights(X)
    for tasks in (["label"], ["other", "number"]):
        some = estimator.gate_weights(X, tasks=tasks)
        assert set(some.columns.get_level_values("task")) == set(tasks)
        for task in tasks:
            pd.testing.assert_frame_equal(some[task], whole[task], rtol=0, atol=1e-12)


@EVERY
def test_more_rows_than_are_computed_at_once(architecture, columns):
    estimator, many = fitted(architecture), inputs(5000, seed=3)
    whole = estimator.gate_weights(many)
    pieces = [estimator.gate_weights(many[start : start + 1000]) for start in range(0, 5000, 1000)]
    assert len(whole) == 5000
    pd.testing.assert_frame_equal(whole, pd.concat(pieces, ignore_index=True), rtol=0, atol=1e-12)


def test_as_many_experts_as_asked_for_per_row():
    gates = fitted(MMoE(n_experts=4, top_k=2)).gate_weights(X)
    assert ((gates > 0).T.groupby(level="task").sum() == 2).all(axis=None)


def test_the_index_is_that_of_the_frame():
    frame = pd.DataFrame(X, columns=list("abcd"), index=[f"row {number}" for number in range(60)])
    estimator = fitted(MMoE(n_experts=2), frame)
    assert estimator.gate_weights(frame).index.equals(frame.index)
    assert estimator.gate_weights(frame.iloc[::-1]).index.equals(frame.index[::-1])
    assert list(fitted(MMoE(n_experts=2)).gate_weights(X).index) == list(range(60))


def test_gates_of_a_graph_are_given_in_any_order_of_dependencies():
    estimator = fitted(TaskGraph({"number": ["other"]}, sharing=MMoE(n_experts=2)))
    assert set(estimator.gate_weights(X, tasks=["number"]).columns.get_level_values("task")) == {"number"}


# -- tasks without gates


@pytest.mark.parametrize("architecture", [MMoE(n_experts=2), PLE(n_levels=2), AdaTT()], ids=repr)
def test_an_idle_task_has_no_gates(architecture):
    estimator = fitted(architecture, task_weights={"label": 0})
    gates = estimator.gate_weights(X)
    assert set(gates.columns.get_level_values("task")) == {"number", "other"}
    absent = fitted(architecture, y=Targets({name: Y[name] for name in ("number", "other")}))
    pd.testing.assert_frame_equal(gates, absent.gate_weights(X))


@pytest.mark.parametrize("architecture", [MMoE(n_experts=2), PLE(n_levels=2), AdaTT()], ids=repr)
def test_a_task_that_was_added_has_no_gates(architecture):
    estimator = fitted(architecture)
    before = estimator.gate_weights(X)
    estimator.add_task("new", X, X[:, 3])
    pd.testing.assert_frame_equal(estimator.gate_weights(X), before)


@pytest.mark.parametrize("architecture", [MMoE(n_experts=2), PLE(n_levels=2), AdaTT()], ids=repr)
def test_asking_for_tasks_without_gates_only_is_refused(architecture):
    estimator = fitted(architecture, task_weights={"label": 0}).add_task("new", X, X[:, 3])
    with pytest.raises(
        ValueError, match=r"The tasks \['label'.*\] have no gates: they were not trained, or were added later"
    ):
        estimator.gate_weights(X, tasks=["label", "new"])


# -- estimators without gates


@pytest.mark.parametrize(
    "architecture",
    ["hard_sharing", HardSharing(), Independent(), CrossStitch(), SubspaceSharing(), TaskGraph({})],
    ids=["shorthand", "HardSharing", "Independent", "CrossStitch", "SubspaceSharing", "TaskGraph"],
)
def test_architectures_without_gates_do_not_have_the_method(architecture):
    assert not hasattr(net(architecture=architecture), "gate_weights")
    assert not hasattr(fitted(architecture), "gate_weights")


@pytest.mark.parametrize("architecture", ["mmoe", "ple", "adatt", TaskGraph({}, sharing="mmoe")], ids=str)
def test_architectures_with_gates_have_the_method_before_fit(architecture):
    assert hasattr(net(architecture=architecture), "gate_weights")
    with pytest.raises(NotFittedError):
        net(architecture=architecture).gate_weights(X)


@pytest.mark.parametrize("tasks", [["nothing"], [], "number"], ids=str)
def test_tasks_that_are_not_there_are_refused(tasks):
    with pytest.raises(ValueError, match=r"tasks=.* should name some of the tasks"):
        fitted(MMoE(n_experts=2)).gate_weights(X, tasks=tasks)


def test_other_columns_are_refused():
    with pytest.raises(ValueError, match="features"):
        fitted(MMoE(n_experts=2)).gate_weights(X[:, :3])


def test_companions_and_single_targets():
    regressor = MultiTaskNetRegressor(architecture="mmoe", max_epochs=1, random_state=0).fit(X, X[:, 0])
    assert list(regressor.gate_weights(X).columns.get_level_values("task").unique()) == ["y"]
    classifier = MultiTaskNetClassifier(architecture="ple", max_epochs=1, random_state=0)
    gates = classifier.fit(X, (X[:, :2] > 0).astype(int)).gate_weights(X)
    assert set(gates.columns.get_level_values("task")) == {"0", "1"}
    assert gates.dtypes.unique() == [np.dtype("float32")]
