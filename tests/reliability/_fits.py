"""Interrupted fits, and comparison of two models."""

from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest

from sklearn_mtl.training._net import MultiTaskNet

from .._helpers import assert_same_model, inputs, mixed_targets, net

X = inputs(90)
Y = mixed_targets(X, missing=0.1)


class Killed(Exception):
    """Ends a fit like a killed process: without cleaning up."""


def small(**params):
    """Make a network with dropout that makes six steps per epoch."""
    return net(**{"max_epochs": 6, "batch_size": 16, "learning_rate": 0.01, **params})


@contextmanager
def watched_epochs(killed_at=None):
    """Record the trained epochs, counted from 1, and end the training at the start of one."""
    train_epoch, epochs = MultiTaskNet._train_epoch, []

    def watched(self, *args):
        if len(self.history) == killed_at:  # skorch counts the epoch that begins
            raise Killed
        epochs.append(len(self.history))
        return train_epoch(self, *args)

    with patch.object(MultiTaskNet, "_train_epoch", watched):
        yield epochs


def killed(estimator, epoch, X=X, y=Y, **fit_params):
    """Fit an estimator until an epoch begins."""
    with pytest.raises(Killed), watched_epochs(killed_at=epoch):
        estimator.fit(X, y, **fit_params)
    return estimator


def epochs_of(estimator, X=X, y=Y, **fit_params):
    """Fit; return the trained epochs."""
    with watched_epochs() as epochs:
        estimator.fit(X, y, **fit_params)
    return epochs


def assert_same_fit(estimator, other):
    """Compare two models and how they were trained, bit for bit."""
    assert_same_model(estimator, other)
    state, expected = (fitted.net_.criterion_.state_dict() for fitted in (estimator, other))
    assert list(state) == list(expected)
    for name, tensor in state.items():
        np.testing.assert_array_equal(tensor.numpy(), expected[name].numpy(), err_msg=name)
    of_callbacks = [f"{part}_{what}" for part in ("train", "valid") for what in ("loss_best", "batch_count")]
    histories = [
        fitted.history_.drop(columns="dur").drop(columns=of_callbacks, errors="ignore")
        for fitted in (estimator, other)
    ]
    assert histories[0].equals(histories[1])
    assert estimator.n_iter_ == other.n_iter_
