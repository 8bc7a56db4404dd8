"""Sets that follow a drift."""

import copy

import numpy as np
import pytest

from sklearn_mtl import Targets, load_model, save_model
from sklearn_mtl.uncertainty import ConformalMultiTask

from ._nets import net
from ._stand_in import CLASSES, fitted, made

NET = fitted()
X, Y = made(400)
NEW_X, NEW_Y = made(300, seed=1)


def drifting(n_rows, seed):
    """Return rows whose noise grows fourfold, and whose classes are ever more often drawn at random."""
    rng = np.random.default_rng(seed)
    X, y = made(n_rows, seed)
    factor = np.linspace(1, 4, n_rows)
    mass = 3 * X[:, 0] + factor * (y["mass"] - 3 * X[:, 0])
    mass[::7] = np.nan
    kind = np.where(rng.random(n_rows) < (factor - 1) / 4, CLASSES[rng.integers(0, 3, n_rows)], y["kind"])
    return X, Targets({**y, "mass": mass, "kind": kind})


def followed(conformal, X, y, batch, **params):
    """Return which labels were in their sets, updating the sets after each batch."""
    inside = {"mass": [], "kind": [], "tags": []}
    for start in range(0, len(X), batch):
        rows = slice(start, start + batch)
        sets, part = conformal.predict_set(X[rows]), y[rows]
        low, high = sets["mass"].T
        inside["mass"] += np.where(
            np.isnan(part["mass"]), np.nan, (low <= part["mass"]) & (part["mass"] <= high)
        ).tolist()
        inside["kind"] += sets["kind"][np.arange(len(low)), np.searchsorted(CLASSES, part["kind"])].tolist()
        true = part["tags"] == 1
        inside["tags"] += (1 - (true & ~sets["tags"]).sum(axis=1) / np.maximum(true.sum(axis=1), 1)).tolist()
        conformal.update(X[rows], part, **params)
    return {name: np.array(each, dtype=float) for name, each in inside.items()}


def test_the_share_of_missed_labels_is_bounded_while_data_drifts():
    X_new, y_new = drifting(500, 2)
    conformal = ConformalMultiTask(NET, 0.9, tasks=["mass", "kind", "tags"]).conformalize(X, Y)
    still = conformal.score_sets(X_new, y_new)["coverage"]
    inside = followed(conformal, X_new, y_new, 1, step=0.05, window=150)
    assert still["mass"] < 0.7
    for name, each in inside.items():
        n_labels = np.isfinite(each).sum()
        assert 1 - np.nanmean(each) <= 0.1 + (0.1 / 0.05 + 1) / n_labels, name
        assert np.nanmean(each) < 0.95, name
    assert np.nanmean(inside["mass"][-200:]) > 0.86


@pytest.mark.parametrize("batch", [1, 20])
def test_the_bound_holds_for_the_worst_labels(batch):
    conformal = ConformalMultiTask(NET, 0.8, tasks=["mass", "kind", "tags"]).conformalize(X, Y)
    mass = np.where(np.arange(300) < 150, 1e9, NEW_Y["mass"])  # at first no set holds them but infinite ones
    y = Targets({**NEW_Y, "mass": mass})
    inside = followed(conformal, NEW_X, y, batch, step=0.04)
    assert 1 - inside["mass"].mean() <= 0.2 + (0.2 / 0.04 + batch) / 300


def test_levels_move_by_steps_for_labels_that_are_missed_or_not():
    conformal = ConformalMultiTask(NET, 0.9, tasks=["mass", "kind"]).conformalize(X, Y)
    y = Targets(mass=[1e9, np.nan], kind=np.array(["ape", "bee"]))
    found = conformal.predict_set(NEW_X[:2])["kind"][[0, 1], [0, 1]]
    conformal.update(NEW_X[:2], y, step=0.01)
    assert conformal.levels_["mass"] == pytest.approx(0.9 + 0.01 * 0.9)
    assert conformal.levels_["kind"] == pytest.approx(0.9 + 0.01 * (1.8 - found.sum()))


@pytest.mark.parametrize("by", [None, 2, "kind"])
@pytest.mark.parametrize("window", [None, 250])
def test_without_steps_the_rows_are_calibration_rows(by, window):
    conformal = ConformalMultiTask(NET, 0.8, by=by).conformalize(X, Y)
    for start in range(0, 300, 100):
        rows = slice(start, start + 100)
        conformal.update(NEW_X[rows], NEW_Y[rows], step=0, window=window)
    every_X = np.concatenate([X, NEW_X])
    every_y = Targets({name: np.concatenate([Y[name], NEW_Y[name]]) for name in Y})
    kept = slice(None) if window is None else slice(-window, None)
    expected = ConformalMultiTask(NET, 0.8, by=by).conformalize(every_X[kept], every_y[kept])
    assert conformal.predict_set(X[:50]) == expected.predict_set(X[:50])
    assert conformal.n_calibration_ == expected.n_calibration_
    assert conformal.levels_ == expected.levels_


def test_updates_are_saved_and_forgotten_by_another_calibration(tmp_path):
    learned = net(n_members=1, max_epochs=2, early_stopping=False).fit(X[:100], Y[:100])
    conformal = ConformalMultiTask(learned).conformalize(X[100:], Y[100:])
    before = copy.deepcopy(conformal)
    conformal.update(NEW_X[:50], NEW_Y[:50])
    save_model(conformal, tmp_path / "model.mtl")
    loaded = load_model(tmp_path / "model.mtl")
    assert loaded.levels_ == conformal.levels_ != before.levels_
    assert loaded.predict_set(NEW_X) == conformal.predict_set(NEW_X)
    loaded.update(NEW_X[50:90], NEW_Y[50:90])
    with pytest.raises(ValueError, match="update has moved the levels"):
        conformal.predict_set(NEW_X, confidence_level=0.5)
    conformal.conformalize(X[100:], Y[100:])
    assert conformal.levels_ == before.levels_
    assert conformal.predict_set(NEW_X, confidence_level=0.5) == before.predict_set(NEW_X, confidence_level=0.5)


def test_errors():
    one = ConformalMultiTask(NET).conformalize(X, Y)
    for params in ({"step": -1}, {"step": np.inf}, {"step": "a"}, {"window": 0}, {"window": 2.5}):
        with pytest.raises(ValueError, match=next(iter(params))):
            one.update(NEW_X, NEW_Y, **params)
    with pytest.raises(ValueError, match="X has 300 rows, and y has 3"):
        one.update(NEW_X, NEW_Y[:3])
    with pytest.raises(ValueError, match="joint='max' has one level"):
        ConformalMultiTask(NET, joint="max").conformalize(X, Y).update(NEW_X, NEW_Y)
    for extra in ({"weights": np.full(400, 0.5)}, {"groups": np.arange(400)}):
        with pytest.raises(ValueError, match="without weights and groups"):
            ConformalMultiTask(NET).conformalize(X, Y, **extra).update(NEW_X, NEW_Y)
    by_members = ConformalMultiTask(net(max_epochs=2), 0.8).fit(X, Y)
    with pytest.raises(ValueError, match="one predictor"):
        by_members.update(NEW_X, NEW_Y)
