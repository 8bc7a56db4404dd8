import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_mtl.inspection import TaskBalanceDisplay
from sklearn_mtl.weighting import CAGrad

from .._helpers import inputs, mixed_targets, net

matplotlib.use("agg")

X = inputs(60)
Y = {name: mixed_targets(X)[name] for name in ("species", "mass", "tags")}


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def compared():
    return net(weighting=CAGrad(grad_at="trunk")).fit(X, Y)


def names_of_lines(ax):
    return {text.get_text() for text in ax.texts}


def test_lines_are_the_weights(compared):
    display = TaskBalanceDisplay.from_estimator(compared)
    display.figure_.canvas.draw()
    assert len(display.axes_) == 2
    assert names_of_lines(display.axes_[0]) == set(Y)
    for name, line in zip(Y, display.lines_, strict=True):
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert line.get_ydata().tolist() == compared.history_[f"weight__{name}"].tolist()


def test_cells_are_the_mean_cosines(compared):
    display = TaskBalanceDisplay.from_estimator(compared)
    means = compared.history_.filter(like="gradient_cosine__").mean()
    assert len(means) == 3
    for one, other in itertools.permutations(Y, 2):
        mean = next(means[f"gradient_cosine__{a}__{b}"] for a, b in ((one, other), (other, one))
                    if f"gradient_cosine__{a}__{b}" in means)  # fmt: skip
        row, column = list(Y).index(one), list(Y).index(other)
        assert display.cosines.loc[one, other] == mean
        assert display.text_[row, column].get_text() == f"{mean:z.2f}"
    assert [display.text_[i, i] for i in range(3)] == [None] * 3
    assert display.im_.get_clim() == (-1, 1)
    assert [tick.get_text() for tick in display.axes_[1].get_yticklabels()] == list(Y)


def test_without_gradients_there_are_lines_only():
    display = TaskBalanceDisplay.from_estimator(net(weighting="uncertainty").fit(X, Y))
    assert len(display.axes_) == 1
    assert display.cosines is display.im_ is display.text_ is None


def test_an_ensemble_is_drawn_by_its_mean():
    ensemble = net(weighting="famo", n_members=3).fit(X, Y)
    display = TaskBalanceDisplay.from_estimator(ensemble)
    assert display.weights.shape == (3, 3)
    by_member = ensemble.history_.set_index("member", append=True)["weight__mass"].unstack()
    np.testing.assert_allclose(display.weights["mass"], by_member.mean(axis=1))


def test_tasks_of_weight_0_are_left_out():
    estimator = net(weighting="cagrad", task_weights={"mass": 0}).fit(X, Y)
    display = TaskBalanceDisplay.from_estimator(estimator)
    assert list(display.weights) == list(display.cosines) == ["species", "tags"]


def test_tasks_that_never_meet_have_no_cosine():
    y = {"a": X[:, 0].copy(), "b": X[:, 1].copy(), "c": X[:, 2]}
    y["a"][:30] = y["b"][30:] = np.nan
    estimator = net(weighting="cagrad", batch_size=1, max_epochs=1).fit(X, y)
    display = TaskBalanceDisplay.from_estimator(estimator)
    assert np.isnan(display.cosines.loc["a", "b"])
    assert display.text_[0, 1] is None
    assert display.text_[0, 2] is not None


def test_axes_and_formats_of_the_user(compared):
    figure, axes = pyplot.subplots(1, 2)
    display = TaskBalanceDisplay.from_estimator(compared, ax=axes)
    assert list(display.axes_) == list(axes)
    assert display.figure_ is figure
    assert display.plot(cmap="PuOr", values_format=".0%") is display
    assert display.im_.get_cmap().name == "PuOr"
    assert display.text_[0, 1].get_text().endswith("%")
    _, ax = pyplot.subplots()
    alone = TaskBalanceDisplay.from_estimator(compared, ax=ax)
    assert list(alone.axes_) == [ax]
    assert alone.im_ is None


def test_names_are_apart_and_drawn_as_they_are():
    names = ["$x_{", "_private", *(f"task {i}" for i in range(12))]
    display = TaskBalanceDisplay(pd.DataFrame({name: [1.0, 1.0 + 1e-9 * i] for i, name in enumerate(names)}))
    display.plot().figure_.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in display.axes_[0].texts), key=lambda box: box.y0)
    assert names_of_lines(display.axes_[0]) == set(names)
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in itertools.pairwise(boxes))


def test_a_task_that_ends_early_is_named_at_its_last_weight():
    weights = pd.DataFrame({"a": [1.0, 3.0, np.nan], "b": [1.0, 2.0, 2.0], "never": [np.nan] * 3})
    display = TaskBalanceDisplay(weights).plot()
    heights = {text.get_text(): text.xy[1] for text in display.axes_[0].texts}
    assert heights["a"] > heights["b"]
    assert set(heights) == {"a", "b"}


def test_a_single_epoch_is_seen():
    display = TaskBalanceDisplay(pd.DataFrame({"a": [1.0], "b": [2.0]})).plot()
    assert display.lines_[0].get_marker() == "o"


def test_a_fit_without_records_is_refused():
    with pytest.raises(ValueError, match=r"weighting='static' records no weights"):
        TaskBalanceDisplay.from_estimator(net().fit(X, Y))


def test_a_fitted_estimator_is_needed(compared):
    with pytest.raises(NotFittedError):
        TaskBalanceDisplay.from_estimator(clone(compared))
