"""Risk of the most certain predictions."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_mtl import Targets
from sklearn_mtl.uncertainty import selective_curve

from ._nets import net
from ._stand_in import StandIn, fitted, made, probabilities

NET = fitted()
X, Y = made(500, seed=1)


def test_the_curve_is_that_of_its_definition():
    curve = selective_curve(NET, X, Y)["kind"]
    proba = NET.predict_proba(X)["kind"]
    wrong = NET.predict(X)["kind"] != Y["kind"]
    order = np.argsort(-proba.max(axis=1), kind="stable")
    for n_rows in (1, 7, 500):
        row = curve.iloc[n_rows - 1]
        assert row["coverage"] == n_rows / 500
        assert row["risk"] == pytest.approx(wrong[order[:n_rows]].mean())
        assert row["confidence"] == proba.max(axis=1)[order[n_rows - 1]]
    assert curve.attrs["area"] == pytest.approx(curve["risk"].mean())
    assert probabilities(X).shape == proba.shape


def test_risks_of_all_rows_are_mean_errors():
    curves = selective_curve(NET, X, Y)
    assert set(curves) == set(Y)
    last = {name: curve["risk"].iloc[-1] for name, curve in curves.items()}
    predicted = NET.predict(X)
    for name in ("mass", "size", "eggs"):
        assert last[name] == pytest.approx(np.abs(predicted[name] - Y[name]).mean())
    assert last["tags"] == pytest.approx(((NET.predict_proba(X)["tags"] > 0.5) != Y["tags"]).mean())
    for name in ("mass", "kind"):
        assert curves[name].attrs["area"] < 0.85 * last[name]  # certainty is informative
        assert (np.diff(curves[name]["confidence"]) <= 0).all()


def test_rows_without_a_label_are_left_out():
    mass = Y["mass"].copy()
    mass[::2] = np.nan
    curves = selective_curve(NET, X, Targets({**Y, "mass": mass}))
    alone = selective_curve(NET, X[1::2], Y[1::2], tasks=["mass"])
    assert curves["mass"].equals(alone["mass"])
    assert len(curves["kind"]) == 500


def test_tasks_without_certainty_are_left_out():
    class Single(StandIn):
        predict_std = property()

    single = fitted(Single)
    with pytest.warns(UserWarning, match="no selective curve of 'mass': one network has no spread"):
        assert set(selective_curve(single, X, Y)) == {"kind", "tags"}
    with pytest.raises(ValueError, match="one network has no spread"):
        selective_curve(single, X, Y, tasks=["mass"])
    gone = Targets({**Y, "mass": np.full(500, np.nan)})
    with pytest.warns(UserWarning, match="'mass': no row has a label"):
        assert "mass" not in selective_curve(NET, X, gone)
    with pytest.raises(ValueError, match="tasks="):
        selective_curve(NET, X, Y, tasks=["weight"])
    with pytest.raises(NotFittedError, match="selective_curve"):
        selective_curve(net(), X, Y)
