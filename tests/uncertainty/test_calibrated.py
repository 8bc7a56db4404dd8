"""Calibrated probabilities of classes."""

import pickle

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import Targets, load_model, save_model
from sklearn_mtl.uncertainty import CalibratedMultiTask

from .._helpers import assert_same
from ._nets import net
from ._stand_in import made

X, Y = made(150, seed=1)
REST, LABELS = made(600, seed=2)
NEW_X, NEW_Y = made(600, seed=3)


@pytest.fixture(scope="module")
def fitted():
    """A network that is too certain."""
    return net(n_members=1, max_epochs=60, early_stopping=False).fit(X, Y)


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
def test_probabilities_are_those_of_scikit_learn(fitted, method):
    calibrated = CalibratedMultiTask(fitted, method).calibrate(REST, LABELS)
    view = FrozenEstimator(fitted.task_view("kind"))
    expected = CalibratedClassifierCV(view, method=method, ensemble=False).fit(REST, LABELS["kind"])
    found = calibrated.predict_proba(NEW_X)
    np.testing.assert_allclose(found["kind"], expected.predict_proba(NEW_X), rtol=1e-6, atol=1e-9)
    if method != "isotonic":  # some of its probabilities are 0
        before, after = (
            log_loss(NEW_Y["kind"], each.predict_proba(NEW_X)["kind"]) for each in (fitted, calibrated)
        )
        assert after < before
    assert calibrated.calibrated_tasks_ == ["kind"]
    assert_same(found["tags"], fitted.predict_proba(NEW_X)["tags"])
    assert_same(calibrated.predict(NEW_X, ["mass"]), fitted.predict(NEW_X, ["mass"]))
    if method == "temperature":
        assert_same(calibrated.predict(NEW_X, ["kind"]), fitted.predict(NEW_X, ["kind"]))


def test_rows_without_a_label_are_left_out(fitted):
    kind = LABELS["kind"].astype(object)
    kind[::3] = None
    known = np.arange(600) % 3 != 0
    one = CalibratedMultiTask(fitted).calibrate(REST, Targets({**LABELS, "kind": kind}))
    other = CalibratedMultiTask(fitted).calibrate(REST[known], LABELS[known])
    np.testing.assert_allclose(one.predict_proba(NEW_X)["kind"], other.predict_proba(NEW_X)["kind"], rtol=1e-6)


def test_a_task_without_all_classes_stays_as_it_is(fitted):
    known = LABELS["kind"] != "cat"
    with pytest.warns(UserWarning, match=r"'kind' is not calibrated.*cat"):
        one = CalibratedMultiTask(fitted).calibrate(REST[known], LABELS[known])
    assert one.calibrated_tasks_ == []
    assert_same(one.predict_proba(NEW_X), fitted.predict_proba(NEW_X))


def test_copies_and_files(fitted, tmp_path):
    pipeline = make_pipeline(StandardScaler().fit(X), fitted)
    for each in (fitted, pipeline, FrozenEstimator(fitted)):
        calibrated = CalibratedMultiTask(each).calibrate(REST, LABELS)
        save_model(calibrated, tmp_path / "model.mtl")
        for loaded in (pickle.loads(pickle.dumps(calibrated)), load_model(tmp_path / "model.mtl")):
            assert_same(loaded.predict_proba(NEW_X), calibrated.predict_proba(NEW_X))


def test_errors(fitted):
    with pytest.raises(NotFittedError, match="calibrate"):
        CalibratedMultiTask(net()).calibrate(REST, LABELS)
    with pytest.raises(NotFittedError, match="call calibrate first"):
        CalibratedMultiTask(fitted).predict(REST)
    with pytest.raises(ValueError, match="method"):
        CalibratedMultiTask(fitted, "beta").calibrate(REST, LABELS)
    with pytest.raises(ValueError, match=r"\['mass'\] do not have one class"):
        CalibratedMultiTask(fitted, tasks=["mass", "kind"]).calibrate(REST, LABELS)
    with pytest.raises(ValueError, match="X has 600 rows, and y has 5"):
        CalibratedMultiTask(fitted).calibrate(REST, LABELS[:5])
