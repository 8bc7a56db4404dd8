"""Errors for bad input before training, and failed fits that leave the estimator unchanged.

The cases are in the folder ``bad_input``, as plain data, which is also used for the table in the user guide.
"""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_validate
from skorch.callbacks import Callback, EarlyStopping

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, Targets
from sklearn_mtl.exceptions import DivergenceError, SingleClassWarning
from sklearn_mtl.tasks import Regression
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model, inputs, net
from ..bad_input import BAD_INPUT, WARNED
from ..bad_input.case import INFINITE, N, fit, fitted_on_frame, frame, labels


@pytest.mark.parametrize("row", BAD_INPUT, ids=[row.what for row in BAD_INPUT])
def test_bad_input_is_refused(row):
    with pytest.raises(row.error, match=row.message):
        row.build()


@pytest.mark.parametrize("row", WARNED, ids=[row.what for row in WARNED])
def test_what_is_accepted_with_a_warning(row):
    with pytest.warns(row.error, match=row.message):
        row.build()


def test_every_mistake_is_listed_once():
    names = [row.what for row in [*BAD_INPUT, *WARNED]]
    assert len(set(names)) == len(names)


# -- accepted input, with or without a warning


@pytest.mark.parametrize("classes", [["no", "yes"], [1, 2], [False, True], [-1.0, 1.0]], ids=str)
def test_labels_of_any_kind_are_accepted(classes):
    y = np.array(classes)[(inputs(N)[:, 0] > 0).astype(int)]
    estimator = MultiTaskNetClassifier(trunk=MLP((8,)), max_epochs=2, random_state=0).fit(inputs(N), y)
    assert estimator.classes_.tolist() == classes
    assert set(estimator.predict(inputs(N))) <= set(classes)


def test_one_class_is_a_warning():
    with pytest.warns(SingleClassWarning, match="task 'kind' has labels of one class only, 'a'"):
        estimator = fit(y=labels(kind=["a"] * N))
    assert set(estimator.predict(inputs(N))["kind"]) == {"a"}


def test_huge_batch_is_clipped_with_a_warning():
    with pytest.warns(UserWarning, match="batch_size=1000 is larger than the number of rows; 24 is used"):
        huge = fit(batch_size=1000)
    assert_same_model(huge, fit(batch_size=N))


def test_array_after_frame_is_a_warning():
    estimator = fitted_on_frame()
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        predictions = estimator.predict(frame().to_numpy())
    np.testing.assert_allclose(predictions["mass"], estimator.predict(frame())["mass"], rtol=1e-4, atol=1e-6)


def test_frame_after_array_is_a_warning():
    estimator = fit(X=frame().to_numpy())
    with pytest.warns(UserWarning, match="X has feature names"):
        predictions = estimator.predict(frame())
    expected = estimator.predict(frame().to_numpy())
    np.testing.assert_allclose(predictions["mass"], expected["mass"], rtol=1e-4, atol=1e-6)


# -- a fold without a label names its task


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_fold_without_labels_names_the_task():
    mass = np.full(N, np.nan)
    mass[: N // 2] = np.arange(N // 2) / 7  # the second fold has no label to train on in the other half
    with pytest.raises(ValueError, match="task 'mass': all labels are missing"):
        cross_validate(net(), inputs(N), Targets(labels(mass=mass)), cv=2, error_score="raise")


# -- a failed fit leaves the fitted model unchanged


def snapshot(estimator):
    kept = {k: v for k, v in vars(estimator).items() if k not in ("net_", "_model", "tasks_", "device_")}
    return dict(kept), estimator.net_, estimator._model, estimator.history_.copy()


def wide(y=None):
    return {"X": inputs(N, n_features=6), "y": labels() if y is None else y}


class BreaksOff(Callback):
    """Breaks training off at the end of an epoch."""

    def __init__(self, error=KeyboardInterrupt, epoch=2):
        self.error = error
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) >= self.epoch:
            raise self.error("broken off")


class BreaksOffInBatch(Callback):
    def on_batch_end(self, net, **kwargs):
        raise KeyboardInterrupt("broken off")


class SpoilsWeights(Callback):
    """Makes a parameter NaN at the start of an epoch, as a broken kernel would."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 4:  # skorch counts the epoch that begins
            with torch.no_grad():
                next(net.module_.sharing.body.parameters()).fill_(float("nan"))


FAILURES = {
    "other X, bad labels": ({}, wide(labels(mass=INFINITE)), ValueError),
    "other X, bad weights": ({"task_weights": {"nope": 1}}, wide(), ValueError),
    "bad parameter": ({"max_epochs": -1}, wide(), ValueError),
    "absent device": ({"device": "cuda:77"}, wide(), ValueError),
    "other length": ({}, {"X": inputs(N, 6), "y": {k: v[1:] for k, v in labels().items()}}, ValueError),
    "other frame": ({}, {"X": frame(), "y": labels(kind=["a", 1] * (N // 2))}, ValueError),
    "diverges": ({"learning_rate": 1e30, "optimizer": "sgd", "max_epochs": 20}, wide(), DivergenceError),
    "Ctrl-C in a batch": ({"callbacks": [BreaksOffInBatch()]}, wide(), KeyboardInterrupt),
    "error in a callback": ({"callbacks": [BreaksOff(RuntimeError)]}, wide(), RuntimeError),
}


@pytest.mark.parametrize(("params", "data", "error"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("warm_start", [False, True])
def test_failed_refit_changes_nothing(params, data, error, warm_start):
    estimator = fit(warm_start=warm_start)
    if warm_start:  # goes on from the same columns
        data = {**data, "X": inputs(N) if not isinstance(data["X"], pd.DataFrame) else inputs(N)[:, :3]}
    before, net_before, model_before, history_before = snapshot(estimator)
    predictions, weights = estimator.predict(inputs(N)), estimator.predict_proba(inputs(N))
    estimator.set_params(**params)

    with pytest.raises(error):
        estimator.fit(**data)

    estimator.set_params(**{name: before[name] for name in params})
    after, net_after, model_after, history_after = snapshot(estimator)
    assert after == before
    assert net_after is net_before
    assert model_after is model_before
    pd.testing.assert_frame_equal(history_after, history_before)
    assert_same(estimator.predict(inputs(N)), predictions)
    assert_same(estimator.predict_proba(inputs(N)), weights)


def test_failed_partial_fit_changes_nothing():
    estimator = net().partial_fit(inputs(N), labels())
    before = estimator.predict_proba(inputs(N))
    with pytest.raises(ValueError, match="task 'kind'"):
        estimator.partial_fit(inputs(N), labels(kind=["new"] * N))
    assert_same(estimator.predict_proba(inputs(N)), before)
    assert estimator.n_iter_ == 1
    estimator.partial_fit(inputs(N), labels())  # and it can go on
    assert estimator.n_iter_ == 2


def test_failed_first_fit_leaves_an_unfitted_estimator():
    estimator = net(callbacks=[BreaksOff(RuntimeError)])
    with pytest.raises(RuntimeError, match="broken off"):
        estimator.fit(inputs(N), labels())
    assert set(vars(estimator)) == set(vars(net()))
    with pytest.raises(NotFittedError):
        estimator.predict(inputs(N))


# -- divergence, Ctrl-C, and stopping on purpose


def test_divergence_names_task_epoch_and_batch():
    X = inputs(N)
    estimator = net(callbacks=[SpoilsWeights()], batch_size=10, max_epochs=9)
    with pytest.raises(DivergenceError, match="the loss of task 'mass' became nan in epoch 4, batch 1") as caught:
        estimator.fit(X, {"mass": X[:, 1], "size": X[:, 2]})
    assert (caught.value.task, caught.value.epoch, caught.value.batch) == ("mass", 4, 1)


def test_divergence_names_the_task_at_fault():
    X = inputs(N)
    estimator = net(
        tasks={"small": Regression(standardize=False), "huge": Regression(standardize=False)},
        optimizer="sgd",
        batch_size=N,
    )
    with pytest.raises(DivergenceError, match="loss of task 'huge' became inf in epoch 1, batch 1"):
        estimator.fit(X, {"small": X[:, 1], "huge": 1e25 * X[:, 2]})


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_absurd_learning_rate_diverges(optimizer):
    with pytest.raises(DivergenceError, match="a smaller learning_rate or a clip_norm may help"):
        fit(learning_rate=1e30, optimizer=optimizer, max_epochs=20)


def test_divergence_in_the_last_step_is_found():
    one_step = {"optimizer": "sgd", "learning_rate": 1e38, "weight_decay": 0.0, "max_epochs": 1, "batch_size": N}
    with pytest.raises(DivergenceError, match=r"the parameter .* is not finite after epoch 1"):
        net(trunk=MLP((8,)), **one_step).fit(1e4 * inputs(N), {"mass": inputs(N)[:, 1]})


def test_diverged_candidate_scores_nan():
    X, y = inputs(N), Targets(labels())
    with pytest.warns(Warning, match="DivergenceError"):
        results = cross_validate(
            _Alternating(learning_rate=1e30, optimizer="sgd", max_epochs=20),
            X,
            y,
            cv=[(range(9), range(9, N))] * 2,
        )
    assert np.isnan(results["test_score"][0])
    assert np.isfinite(results["test_score"][1])


class _Alternating(MultiTaskNetEstimator):
    """Diverges in every other fit: scikit-learn raises if all fits of a search fail."""

    calls = 0

    def fit(self, X, y=None, sample_weight=None, targets=None):
        type(self).calls += 1
        self.learning_rate = 1e30 if type(self).calls % 2 else 1e-3
        return super().fit(X, y, sample_weight, targets)


@pytest.mark.parametrize("callback", [BreaksOff(), BreaksOffInBatch()], ids=["epoch", "batch"])
def test_ctrl_c_reaches_the_caller(callback):
    with pytest.raises(KeyboardInterrupt, match="broken off"):
        fit(callbacks=[callback])


def test_ctrl_c_reaches_the_caller_of_a_search():
    with pytest.raises(KeyboardInterrupt, match="broken off"):
        cross_validate(net(callbacks=[BreaksOff()]), inputs(N), Targets(labels()), cv=2)


def test_early_stopping_of_skorch_stops_without_an_error():
    stopper = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, sink=lambda text: None)
    estimator = fit(callbacks=[stopper], max_epochs=50)
    assert estimator.n_iter_ < 10
    assert len(estimator.history_) == estimator.n_iter_
    assert np.isfinite(estimator.score(inputs(N), labels()))


def test_ctrl_c_beside_early_stopping_of_skorch_reaches_the_caller():
    stopper = EarlyStopping(monitor="train_loss", patience=30, sink=lambda text: None)
    with pytest.raises(KeyboardInterrupt, match="broken off"):
        fit(callbacks=[stopper, BreaksOff()], max_epochs=50)
