"""Displays of reliability, of coverage and of selective predictions."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_mtl.inspection import CoverageDisplay, ReliabilityDisplay, SelectiveDisplay
from sklearn_mtl.uncertainty import ConformalMultiTask, selective_curve

from ..uncertainty._stand_in import fitted, made

NET = fitted()
X, Y = made(600, seed=1)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_reliability_of_a_network():
    display = ReliabilityDisplay.from_estimator(NET, X, Y, n_bins=5)
    assert list(display.lines_) == ["kind"]
    curve = display.curves["kind"]
    proba, right = NET.predict_proba(X)["kind"], NET.predict(X)["kind"] == Y["kind"]
    certainty = proba.max(axis=1)
    own = (certainty >= 0.6) & (certainty < 0.8)
    assert curve.loc[3, "n_rows"] == own.sum()
    assert curve.loc[3, "accuracy"] == pytest.approx(right[own].mean())
    assert curve.loc[3, "confidence"] == pytest.approx(certainty[own].mean())
    assert curve["n_rows"].sum() == 600
    assert 0 < display.errors_["kind"] < 0.5
    with pytest.raises(ValueError, match="one class for each row only"):
        ReliabilityDisplay.from_estimator(NET, X, Y, tasks=["mass"])
    with pytest.raises(ValueError, match="n_bins"):
        ReliabilityDisplay.from_estimator(NET, X, Y, n_bins=0)


def test_coverage_of_sets():
    conformal = ConformalMultiTask(NET).conformalize(X[:300], Y[:300])
    _, ax = plt.subplots()
    display = CoverageDisplay.from_estimator(conformal, X[300:], Y[300:], levels=(0.5, 0.9, 0.999), ax=ax)
    assert display.ax_ is ax
    assert set(display.lines_) == set(Y)
    assert display.coverage.index.tolist() == [0.5, 0.9, 0.999]
    expected = conformal.score_sets(X[300:], Y[300:])["coverage"]
    assert (display.coverage.loc[0.9, list(expected.index)] == expected).all()
    assert (display.coverage.loc[0.999] == 1).all()  # there are too few rows
    with pytest.raises(TypeError, match="ConformalMultiTask"):
        CoverageDisplay.from_estimator(NET, X, Y)


def test_selective_predictions():
    display = SelectiveDisplay.from_estimator(NET, X, Y, tasks=["mass", "kind"])
    curves = selective_curve(NET, X, Y)
    for name in ("mass", "kind"):
        risk = curves[name]["risk"]
        np.testing.assert_allclose(display.lines_[name].get_ydata(), risk / risk.iloc[-1])
