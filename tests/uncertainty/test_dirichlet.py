"""Dirichlet calibration: a logistic regression of the logarithms of probabilities."""

import pickle

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sklearn_mtl import Targets, load_model, save_model
from sklearn_mtl.uncertainty import CalibratedMultiTask
from sklearn_mtl.uncertainty._dirichlet import DirichletCalibrated, DirichletMap

from .._helpers import assert_same
from ._nets import net
from ._stand_in import made

W = np.array([[0.5, 0.2, 0.0], [0.0, 1.5, -0.3], [0.1, 0.0, 0.8]])
B = np.array([0.3, -0.5, 0.2])


class Shown(BaseEstimator):
    """Predicts the probabilities that it is shown."""

    def __init__(self, classes_):
        self.classes_ = classes_

    def predict_proba(self, X):
        return X


def drawn(probabilities, rng):
    return (rng.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)).sum(axis=1)


def miscalibrated(n_rows, seed):
    """Return probabilities, and labels drawn from softmax(W log p + B)."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(3), size=n_rows)
    logits = np.log(p) @ W.T + B
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return p, drawn(true, rng), true


@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_penalty_of_0_is_a_logistic_regression(n_classes):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(n_classes), size=500)
    y = drawn(p**2 / (p**2).sum(axis=1, keepdims=True), rng)
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(np.log(p), y).predict_proba(np.log(p))
    np.testing.assert_allclose(DirichletMap(0.0).fit(p, y).predict_proba(p), expected, atol=1e-3)


def test_calibrated_probabilities_stay_as_they_are():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(3), size=20_000)
    found = DirichletMap(1.0).fit(p, drawn(p, rng))
    np.testing.assert_allclose(found.coef_, np.eye(3), atol=0.03)
    np.testing.assert_allclose(found.intercept_, 0, atol=0.03)


def test_made_faults_are_mended():
    p, y, _ = miscalibrated(5000, 0)
    new, labels, true = miscalibrated(5000, 1)
    found = DirichletMap(1e-4).fit(p, y)
    best = log_loss(labels, true)
    assert log_loss(labels, found.predict_proba(new)) < best + 0.005 < log_loss(labels, new) - 0.02
    np.testing.assert_allclose(found.predict_proba(new), true, atol=0.08)


def test_a_large_penalty_leaves_a_temperature():
    p, y, _ = miscalibrated(2000, 0)
    found = DirichletMap(1e6).fit(p, y)

    def loss(scale):
        return log_loss(y, p**scale / (p**scale).sum(axis=1, keepdims=True))

    best = minimize_scalar(loss, bounds=(0.1, 3), method="bounded", options={"xatol": 1e-8}).x
    np.testing.assert_allclose(found.coef_, best * np.eye(3), atol=1e-3)
    np.testing.assert_allclose(found.intercept_, 0, atol=1e-3)
    assert abs(best - 1) > 0.05


def test_few_rows_of_many_classes_do_little_harm():
    rng = np.random.default_rng(2)
    sharp = rng.dirichlet(np.full(6, 0.05), size=2000)  # most of a probability near 1
    y = drawn(sharp, rng)
    one = DirichletCalibrated(Shown(np.arange(6))).fit(sharp[:200], y[:200])
    new, labels = sharp[200:], y[200:]
    assert log_loss(labels, one.predict_proba(new)) < log_loss(labels, new) + 0.03


def test_probabilities_of_0_are_finite():
    p = np.eye(3)[np.arange(60) % 3]
    found = DirichletMap(0.1).fit(p, np.arange(60) % 3)
    assert np.isfinite(found.predict_proba(p)).all()


def test_labels_lacking_a_class_are_refused():
    with pytest.raises(ValueError, match="2 classes, and there are probabilities of 3"):
        DirichletMap().fit(np.full((4, 3), 1 / 3), np.array([0, 1, 0, 1]))


def test_a_network_is_calibrated_and_saved(tmp_path):
    X, y = made(150, seed=1)
    fitted = net(n_members=1, max_epochs=60, early_stopping=False).fit(X, y)
    rest, labels = made(600, seed=2)
    new_X, new_y = made(600, seed=3)
    kind = labels["kind"].astype(object)
    kind[::5] = None
    labels = Targets({**labels, "kind": kind})
    calibrated = CalibratedMultiTask(fitted, "dirichlet").calibrate(rest, labels)
    before, after = (log_loss(new_y["kind"], each.predict_proba(new_X)["kind"]) for each in (fitted, calibrated))
    assert after < before
    save_model(calibrated, tmp_path / "model.mtl")
    for loaded in (pickle.loads(pickle.dumps(calibrated)), load_model(tmp_path / "model.mtl")):
        assert_same(loaded.predict_proba(new_X), calibrated.predict_proba(new_X))
    few = np.concatenate([np.flatnonzero(labels["kind"] == name)[:1] for name in ("ape", "bee", "cat")])
    one = CalibratedMultiTask(fitted, "dirichlet").calibrate(rest[few], labels[few])
    assert np.isfinite(one.predict_proba(new_X)["kind"]).all()
