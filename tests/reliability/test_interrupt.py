"""Ctrl-C raises KeyboardInterrupt, and ``keep_interrupted`` keeps the model so far."""

import signal

import numpy as np
import pytest
from skorch.callbacks import Callback

from sklearn_mtl import EarlyStopping
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model
from ._fits import X, Y, assert_same_fit, small

DROPOUT = MLP(hidden_sizes=(8, 6), dropout=0.3)
STOPS = {"early_stopping": EarlyStopping(True, n_iter_no_change=50), "validation": 0.3}


@pytest.fixture(autouse=True)
def ctrl_c_raises():
    """Handle the signal as Python does, also where the shell starts background processes that ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupt(Callback):
    """Presses Ctrl-C in a batch of an epoch, both counted from 1; batch 0 is the beginning of the epoch."""

    def __init__(self, epoch, batch=0):
        self.epoch = epoch
        self.batch = batch

    def on_epoch_begin(self, net, **kwargs):
        if self.batch == 0:
            self._press(net)

    def on_batch_end(self, net, **kwargs):
        if len(net.history[-1]["batches"]) == self.batch:
            self._press(net)

    def _press(self, net):
        if len(net.history) == self.epoch:
            signal.raise_signal(signal.SIGINT)


def interrupted(estimator, epoch, batch=0, **fit_params):
    """Press Ctrl-C during a fit; return the estimator afterwards."""
    estimator.set_params(callbacks=[Interrupt(epoch, batch)])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, Y, **fit_params)
    return estimator.set_params(callbacks=None)


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("weighting", ["static", "uncertainty"])
def test_interrupted_fit_keeps_the_last_epoch(batch, weighting):
    params = {"trunk": DROPOUT, "weighting": weighting}
    estimator = interrupted(small(**params), 4, batch)
    assert_same_fit(estimator, small(**params, max_epochs=3).fit(X, Y))
    assert estimator.n_features_in_ == 4
    assert not estimator.net_.module_.training
    assert_same(estimator.predict(X), estimator.predict(X))


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("rate", [0.01, 0.5])  # with the large one the last epochs are not the best
def test_interrupted_fit_keeps_the_best_epoch(batch, rate):
    params = {"trunk": DROPOUT, **STOPS, "learning_rate": rate, "max_epochs": 12}
    estimator = interrupted(small(**params), 10, batch)
    assert_same_fit(estimator, small(**{**params, "max_epochs": 9}).fit(X, Y))
    best = 1 + int(np.argmin(estimator.history_["valid_loss"]))
    assert (best == 9) == (rate == 0.01)


def test_interrupted_fit_can_be_used_saved_and_trained(tmp_path):
    estimator = interrupted(small(trunk=DROPOUT, checkpoint=tmp_path), 4, 2)
    assert np.isfinite(estimator.score(X, Y))
    estimator.fit(X, Y, resume=True)
    assert_same_fit(estimator, small(trunk=DROPOUT).fit(X, Y))
    estimator.partial_fit(X, Y)
    assert estimator.n_iter_ == 7


def test_interrupted_refit_replaces_the_model_once_an_epoch_is_done():
    fitted = small().fit(X, Y)
    before = fitted.predict(X)
    fitted.set_params(random_state=1)
    assert_same(interrupted(fitted, 1, 3).predict(X), before)
    assert_same_model(interrupted(fitted, 4), small(random_state=1, max_epochs=3).fit(X, Y))


def test_interrupted_first_fit_without_an_epoch_is_none():
    estimator = interrupted(small(), 1, 1)
    assert not hasattr(estimator, "net_")
