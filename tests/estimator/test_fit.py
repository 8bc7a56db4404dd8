"""Early stopping, the learning rate, clipping and batches."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_mtl import EarlyStopping, Targets
from sklearn_mtl.trunks import MLP
from sklearn_mtl.utils._random import Streams

from .._helpers import assert_same_model, inputs, mixed_targets, net, weights_of
from ._data import MASS, SICK, N, RateRecorder, X, outputs


@pytest.mark.parametrize("monitor", ["loss", "score"])
def test_early_stopping_restores_the_best_epoch(monitor):
    y = Targets(mass=MASS + 30 * inputs(seed=7)[:, 0], sick=(X[:, 2] + inputs(seed=8)[:, 1] > 0).astype(int))
    stopping, patient = (EarlyStopping(True, monitor, n_iter_no_change=number) for number in (5, 1000))
    estimator = net(max_epochs=60, learning_rate=0.05, early_stopping=stopping).fit(X, y)
    watched = estimator.history_[f"valid_{monitor}"]
    best = watched.idxmin() if monitor == "loss" else watched.idxmax()
    assert estimator.n_iter_ < 60
    assert estimator.n_iter_ == best + 5

    until_best = net(max_epochs=int(best), learning_rate=0.05, early_stopping=patient).fit(X, y)
    assert_same_model(estimator, until_best)


def test_validation_loss_is_that_of_the_restored_network():
    y = Targets(mass=MASS, size=X[:, :2])
    estimator = net(early_stopping=True, validation=0.25, max_epochs=6, dtype="float64").fit(X, y)
    rows = _validation_rows(estimator, N, 20)
    task, raw = estimator.tasks_["mass"], outputs(estimator, X[rows])["mass"]
    loss = np.mean((raw[:, 0] - (MASS[rows] - task.mean_) / task.scale_) ** 2)
    assert loss == pytest.approx(
        estimator.history_.loc[estimator.history_["valid_loss"].idxmin(), "valid_loss__mass"]
    )


def _validation_rows(estimator, n_rows, n_valid):
    """Give those of complete labels of numbers: the first ones of a random order."""
    generator = Streams(estimator._model.blueprint.seed).generator("validation", 0)
    return torch.randperm(n_rows, generator=generator)[:n_valid].sort().values.numpy()


def test_validation_rows_are_not_trained_on():
    y = Targets(mass=MASS)
    patient = EarlyStopping(True, n_iter_no_change=99)
    first = net(early_stopping=patient, max_epochs=2, trunk=MLP((8,)), learning_rate=1e-4).fit(X, y)
    rows = _validation_rows(first, N, 8)
    other = X.copy()
    other[rows] *= 1.01
    again = clone(first).fit(other, y)
    assert_same_model(first, again)
    assert (first.history_["valid_loss"] != again.history_["valid_loss"]).all()


def test_early_stopping_is_automatic_from_100_rows_on():
    few, many = inputs(99), inputs(100)
    auto = {"early_stopping": "auto", "max_epochs": 1}
    assert "valid_loss" not in net(**auto).fit(few, few[:, 0]).history_
    assert "valid_loss" in net(**auto).fit(many, many[:, 0]).history_


def test_score_weights_decide_what_early_stopping_watches():
    y = Targets(mass=MASS, sick=SICK)
    estimator = net(early_stopping=True, score_weights={"mass": 3.0}).fit(X, y)
    history = estimator.history_
    mean = (3 * history["valid_loss__mass"] + history["valid_loss__sick"]) / 4
    np.testing.assert_allclose(history["valid_loss"], mean)


def test_without_early_stopping_all_epochs_are_trained():
    assert net(max_epochs=7).fit(X, MASS).n_iter_ == 7


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_schedule_of_the_learning_rate(schedule):
    recorder = RateRecorder()
    settings = {"max_epochs": 10, "batch_size": 20, "learning_rate": 0.4}
    net(schedule=schedule, callbacks=[recorder], **settings).fit(X, MASS)
    rates = np.array(recorder.rates_)
    assert len(rates) == 40
    if schedule == "constant":
        assert (rates == 0.4).all()
    elif schedule == "cosine":
        np.testing.assert_allclose(rates, 0.2 * (1 + np.cos(np.pi * np.arange(40) / 40)))
    else:
        assert rates.argmax() == 4
        assert rates.max() == pytest.approx(0.4)
        assert (np.diff(rates[:5]) > 0).all()
        assert (np.diff(rates[4:]) < 0).all()


def test_clipping_bounds_the_step():
    one_step = {"optimizer": "sgd", "weight_decay": 0, "max_epochs": 1, "batch_size": N, "learning_rate": 1.0}
    estimator = net(clip_norm=0.01, dtype="float64", **one_step).fit(X, mixed_targets(X))
    start = estimator._model.blueprint.network().state_dict()
    moved = sum(((values - start[name].numpy()) ** 2).sum() for name, values in weights_of(estimator).items())
    assert np.sqrt(moved) == pytest.approx(0.01, rel=1e-4)


def test_wide_clipping_changes_nothing():
    assert_same_model(net(clip_norm=1e9).fit(X, MASS), net().fit(X, MASS))


def test_batch_size_is_the_number_of_rows_of_a_step():
    recorder = RateRecorder()
    net(batch_size=32, max_epochs=2, callbacks=[recorder]).fit(X, MASS)
    assert len(recorder.rates_) == 2 * 3  # 80 rows: 32, 32 and 16


def test_watching_batches_does_not_change_the_fit():
    assert_same_model(net(callbacks=[RateRecorder()]).fit(X, MASS), net().fit(X, MASS))


def test_net_params_reach_the_optimiser():
    estimator = net(net_params={"optimizer__betas": (0.5, 0.6)}).fit(X, MASS)
    assert estimator.net_.optimizer_.param_groups[0]["betas"] == (0.5, 0.6)


def test_parameters_of_the_optimiser_are_set():
    group = net(optimizer="sgd", learning_rate=0.3, weight_decay=0.2).fit(X, MASS).net_.optimizer_.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.3, 0.2)
