"""Every weighting with missing labels: a task that is absent from most batches learns and harms no other."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_mtl import Targets
from sklearn_mtl.model._objective import Objective
from sklearn_mtl.weighting import GramianWeighting

from .._helpers import assert_finite, inputs, net, weights_of
from .test_conformance import WEIGHTINGS

EVERY = pytest.mark.parametrize("weighting", WEIGHTINGS.values(), ids=WEIGHTINGS.keys())
BATCH_SIZE = 8
X = inputs(320)
X_TEST = inputs(200, seed=1)


def targets(X, rare=None):
    """A number, a class, and a number that only some rows have."""
    y = Targets(number=3 * X[:, 0] - X[:, 1], label=(X[:, 1] > 0).astype(float), rare=X[:, 2] + X[:, 0])
    if rare is not None:
        y["rare"][~rare] = np.nan
        y["label"][np.random.default_rng(1).random(len(X)) < 0.3] = np.nan
    return y


RARE = np.random.default_rng(0).random(len(X)) < 0.08
Y = targets(X, RARE)


@EVERY
def test_a_task_that_is_absent_from_most_batches_learns(weighting):
    assert (1 - RARE.mean()) ** BATCH_SIZE > 0.5
    # the weight of a geometric mean is large where the only label of a batch happens to be met
    params = {"batch_size": BATCH_SIZE, "max_epochs": 10, "learning_rate": 0.01, "clip_norm": 1.0}
    estimator = net(weighting=clone(weighting), **params).fit(X, Y)
    assert_finite(estimator, X)
    scores = estimator.score_tasks(X_TEST, targets(X_TEST))
    assert scores["rare"] > 0.5
    assert scores["number"] > 0.8
    assert scores["label"] > 0.8
    weights = estimator.history_.filter(like="weight__").to_numpy()
    assert np.isfinite(weights).all()


@EVERY
def test_weights_of_absent_tasks_do_not_matter(weighting, monkeypatch):
    spec = clone(weighting)
    if isinstance(spec, GramianWeighting):
        spec.set_params(every=2)
    estimator = net(weighting=spec, batch_size=BATCH_SIZE, max_epochs=1)
    expected = weights_of(clone(estimator).fit(X, Y))
    weigh, seen = Objective.weigh, []

    def weigh_absent_ones_high(objective, task_losses, gramian=None):
        present = objective._present(task_losses)
        seen.append(bool(present.all()))
        return torch.where(present, weigh(objective, task_losses, gramian), 1e3)

    monkeypatch.setattr(Objective, "weigh", weigh_absent_ones_high)
    found = weights_of(clone(estimator).fit(X, Y))
    assert not all(seen)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@EVERY
def test_a_batch_without_any_label(weighting):
    y = Targets({name: np.where(np.arange(len(X)) < 40, values, np.nan) for name, values in targets(X).items()})
    estimator = net(weighting=clone(weighting), batch_size=BATCH_SIZE, max_epochs=1).fit(X, y)
    assert_finite(estimator, X)
