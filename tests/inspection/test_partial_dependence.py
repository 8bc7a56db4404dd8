"""Partial dependence of all tasks on an input."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from sklearn.inspection import partial_dependence
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl.inspection import TaskPartialDependenceDisplay
from sklearn_mtl.trunks import SequenceEncoder

from .._helpers import inputs, mixed_targets, net
from .test_importances import n_passes

X = inputs(60)
Y = mixed_targets(X)
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(X[:, 0] > 0, "u", "v"), count=np.arange(60) % 4)
FRAME.loc[::7, "b"], FRAME.loc[::9, "kind"] = np.nan, None


@pytest.fixture(scope="module")
def fitted():
    return net(max_epochs=10, learning_rate=0.01).fit(FRAME, Y)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_curves_are_means_of_predictions(fitted):
    weight = np.arange(60.0)
    display = TaskPartialDependenceDisplay.from_estimator(
        fitted, FRAME, ["b", "kind"], grid_resolution=5, sample_weight=weight
    )
    known = FRAME["b"].dropna()
    grid, averages, deciles = display.dependence["b"]
    np.testing.assert_allclose(grid, np.linspace(*np.quantile(known, [0.05, 0.95]), 5))
    np.testing.assert_allclose(deciles, np.quantile(known, np.arange(1, 10) / 10))
    for place in (0, 4):
        predicted = fitted.predict_all(FRAME.assign(b=grid[place]))
        means = {name: np.average(values, axis=0, weights=weight) for name, values in predicted.labels.items()
                 if name in ("mass", "size")}  # fmt: skip
        proba = predicted.probabilities
        means |= {name: np.average(proba[name], axis=0, weights=weight) for name in ("species", "sick", "tags")}
        np.testing.assert_allclose(averages["mass"][:, place], means["mass"])
        np.testing.assert_allclose(averages["size"][:, place], means["size"])
        np.testing.assert_allclose(averages["species"][:, place], means["species"])
        np.testing.assert_allclose(averages["tags"][:, place], means["tags"])
        np.testing.assert_allclose(averages["sick"][:, place], means["sick"][1:])
    kinds = display.dependence["kind"]
    assert kinds.grid.tolist() == ["u", "v"]
    assert kinds.deciles is None
    as_u = fitted.predict(FRAME.assign(kind="u"))["mass"]
    np.testing.assert_allclose(kinds.averages["mass"][0, 0], np.average(as_u, weights=weight))
    assert FRAME["kind"].isna().sum() == 7  # X is as before


def test_one_forward_pass_for_each_value(fitted):
    counts, display = n_passes(
        fitted, lambda: TaskPartialDependenceDisplay.from_estimator(fitted, FRAME, ["a", "kind", "count"])
    )
    assert counts == [30 + 2 + 4]
    assert list(display.labels) == list(Y)


def test_panels(fitted):
    display = TaskPartialDependenceDisplay.from_estimator(
        fitted, FRAME, ["a", "kind", "count"], tasks=["sick", "species"]
    )
    assert display.axes_.shape == (2, 3)
    assert display.axes_[1, 0].get_ylabel() == "sick: P(1.0)"
    assert display.axes_[0, 0].get_ylabel() == "species"
    assert [ax.get_xlabel() for ax in display.axes_[1]] == ["a", "kind", "count"]
    line = display.axes_[1, 0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), display.dependence["a"].grid)
    np.testing.assert_array_equal(line.get_ydata(), display.dependence["a"].averages["sick"][0])
    legend = display.axes_[0, 2].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["ape", "bee", "cat"]
    assert [tick.get_text() for tick in display.axes_[1, 1].get_xticklabels()] == ["u", "v"]
    again = TaskPartialDependenceDisplay(display.dependence, display.labels).plot(axes=display.axes_)
    assert again.figure_ is display.figure_
    with pytest.raises(ValueError, match=r"axes should be of shape \(2, 3\)"):
        display.plot(axes=display.axes_[:1])


def test_as_scikit_learn_draws_a_view(fitted):
    display = TaskPartialDependenceDisplay.from_estimator(fitted, FRAME, ["a"], tasks=["mass"], grid_resolution=10)
    ours = display.dependence["a"]
    theirs = partial_dependence(
        fitted.task_view("mass"), FRAME, ["a"], custom_values={"a": ours.grid}, kind="average"
    )
    np.testing.assert_allclose(ours.averages["mass"], theirs.average, rtol=1e-6)
    # quantiles of scipy and of numpy differ
    by_scipy = partial_dependence(fitted.task_view("mass"), FRAME, ["a"], grid_resolution=10, kind="average")
    np.testing.assert_allclose(ours.grid, by_scipy.grid_values[0], atol=0.2)


def test_containers(fitted):
    expected = TaskPartialDependenceDisplay.from_estimator(fitted, FRAME, ["kind", "count"]).dependence
    of_polars = TaskPartialDependenceDisplay.from_estimator(fitted, pl.from_pandas(FRAME), ["kind", "count"])
    for name, (grid, averages, _) in of_polars.dependence.items():
        assert grid.tolist() == expected[name].grid.tolist()
        np.testing.assert_array_equal(averages["mass"], expected[name].averages["mass"])
    whole = np.arange(120).reshape(60, 2) % 7
    scaled = make_pipeline(StandardScaler(), net()).fit(whole, Y)
    display = TaskPartialDependenceDisplay.from_estimator(scaled, whole, [1], tasks=["mass"])
    assert display.dependence["x1"].grid.tolist() == list(range(7))
    changed = whole.copy()
    changed[:, 1] = 3
    found = display.dependence["x1"].averages["mass"][0, 3]
    np.testing.assert_allclose(found, scaled.predict(changed)["mass"].mean())
    view = fitted.task_view("mass")
    of_view = TaskPartialDependenceDisplay.from_estimator(view, FRAME, ["count"])
    found = of_view.dependence["count"].averages["mass"]
    np.testing.assert_allclose(found, expected["count"].averages["mass"], rtol=1e-6)


@pytest.mark.parametrize(
    ("columns", "options", "match"),
    [
        (["none"], {}, r"columns names columns \['none'\]"),
        ([], {}, "with at least one"),
        ("a", {}, "should be a list of columns"),
        (["a"], {"tasks": ["none"]}, "should name some of the tasks"),
        (["a"], {"grid_resolution": 1}, "grid_resolution=1"),
        (["a"], {"percentiles": (0.5, 0.5)}, "are equal; choose wider ones"),
    ],
)
def test_bad_options(fitted, columns, options, match):
    with pytest.raises(ValueError, match=match):
        TaskPartialDependenceDisplay.from_estimator(fitted, FRAME, columns, **options)


def test_bad_input(fitted):
    with pytest.raises(TypeError, match="sparse matrix"):
        TaskPartialDependenceDisplay.from_estimator(fitted, csr_matrix(X), [0])
    with pytest.raises(TypeError, match="requires a fitted MultiTaskNetEstimator"):
        TaskPartialDependenceDisplay.from_estimator(StandardScaler(), X, [0])
    frame = pd.DataFrame({"text": ["a b", "c d"] * 5})
    tagger = net(trunk=SequenceEncoder("convolutional", hidden_size=8), max_epochs=1)
    tagger.fit(frame, {"tags": [["O", "B"]] * 10})
    with pytest.raises(ValueError, match="no task labels rows"):
        TaskPartialDependenceDisplay.from_estimator(tagger, frame, ["text"])
    with pytest.raises(ValueError, match=r"tasks \['tags'\] have no labels of rows"):
        TaskPartialDependenceDisplay.from_estimator(tagger, frame, ["text"], tasks=["tags"])
