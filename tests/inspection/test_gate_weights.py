import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_mtl.architectures import PLE, AdaTT, HardSharing, MMoE, TaskGraph
from sklearn_mtl.inspection import GateWeightsDisplay

from .._helpers import inputs, mixed_targets, net

matplotlib.use("agg")

X = inputs(60)
Y = {name: mixed_targets(X)[name] for name in ("species", "mass", "tags")}


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def layered():
    return net(architecture=PLE(n_shared=2, n_specific=1, n_levels=2)).fit(X, Y)


def labels(ticks):
    return [tick.get_text() for tick in ticks]


def test_experts_of_other_tasks_are_blank(layered):
    display = GateWeightsDisplay.from_estimator(layered, X)
    one_level = ["species 0", "mass 0", "tags 0", "shared 0", "shared 1"]
    assert labels(display.ax_.get_xticklabels()) == one_level * 2
    assert labels(display.ax_.get_yticklabels()) == list(Y)
    there = np.hstack([np.eye(3), np.ones((3, 2))] * 2).astype(bool)
    assert (~np.isnan(display.weights.to_numpy()) == there).all()
    assert (np.ma.getmaskarray(display.im_.get_array()) == ~there).all()
    assert ([[text is not None for text in row] for row in display.text_] == there).all()


def test_numbers_are_the_mean_weights(layered):
    display = GateWeightsDisplay.from_estimator(layered, X)
    means = layered.gate_weights(X).mean()
    for (task, level, expert), mean in means.items():
        row, column = list(display.weights.index).index(task), list(display.weights.columns).index((level, expert))
        assert display.weights.iloc[row, column] == mean
        assert display.text_[row, column].get_text() == f"{mean:.2f}"
        assert display.text_[row, column].get_position() == (column, row)
    np.testing.assert_allclose(display.weights.sum(axis=1), 2.0, rtol=1e-5)


def test_levels_are_named_where_there_are_several(layered):
    display = GateWeightsDisplay.from_estimator(layered, X)
    others = {id(text) for text in display.text_.flat}
    assert [text.get_text() for text in display.ax_.texts if id(text) not in others] == ["level 1", "level 2"]
    assert [line.get_xdata()[0] for line in display.ax_.lines] == [4.5]
    one = GateWeightsDisplay.from_estimator(net(architecture="mmoe").fit(X, Y), X)
    assert len(one.ax_.texts) == one.text_.size == 3 * 4
    assert not one.ax_.lines


@pytest.mark.parametrize(
    ("architecture", "columns"),
    [
        (MMoE(n_experts=2), ["expert 0", "expert 1"]),
        (AdaTT(), ["species 0", "mass 0", "tags 0"]),
        (TaskGraph({"mass": ["species"]}, sharing=MMoE(n_experts=1)), ["expert 0"]),
    ],
    ids=["mmoe", "adatt", "graph"],
)
def test_all_experts_are_there(architecture, columns):
    display = GateWeightsDisplay.from_estimator(net(architecture=architecture).fit(X, Y), X)
    display.figure_.canvas.draw()
    assert labels(display.ax_.get_xticklabels()) == columns
    assert not np.isnan(display.weights.to_numpy()).any()


def test_some_tasks_are_drawn(layered):
    display = GateWeightsDisplay.from_estimator(layered, X, tasks=["mass"])
    assert labels(display.ax_.get_yticklabels()) == ["mass"]
    assert labels(display.ax_.get_xticklabels()) == ["mass 0", "shared 0", "shared 1"] * 2


def test_tasks_without_gates_are_left_out():
    estimator = net(architecture="mmoe", task_weights={"mass": 0}).fit(X, Y)
    assert list(GateWeightsDisplay.from_estimator(estimator, X).weights.index) == ["species", "tags"]


def test_axes_and_formats_of_the_user(layered):
    figure, ax = pyplot.subplots()
    display = GateWeightsDisplay.from_estimator(layered, X, ax=ax)
    assert (display.ax_, display.figure_) == (ax, figure)
    assert display.plot(cmap="magma", values_format=".0%") is display
    assert display.im_.get_cmap().name == "magma"
    assert display.text_[0, 0].get_text().endswith("%")


def test_names_are_drawn_as_they_are():
    targets = {"$x_{": X[:, 0], "a very " + "long " * 20 + "name": X[:, 1]}
    display = GateWeightsDisplay.from_estimator(net(architecture=PLE()).fit(X, targets), X)
    display.figure_.canvas.draw()
    assert labels(display.ax_.get_yticklabels())[0] == "$x_{"
    assert len(labels(display.ax_.get_yticklabels())[1]) < 40


def test_an_architecture_without_gates_is_refused():
    with pytest.raises(TypeError, match=r"architecture=HardSharing\(\) has no gates"):
        GateWeightsDisplay.from_estimator(net(architecture=HardSharing()).fit(X, Y), X)


def test_a_fitted_estimator_is_needed(layered):
    with pytest.raises(NotFittedError):
        GateWeightsDisplay.from_estimator(clone(layered), X)
