"""Weights and gradients in the history."""

import numpy as np
import pytest
import torch

from sklearn_mtl import Targets
from sklearn_mtl.model._objective import Step
from sklearn_mtl.training._balance import read_balance
from sklearn_mtl.training._stack import Stack
from sklearn_mtl.weighting import NashMTL

from .._helpers import inputs, net
from ..weighting.test_conformance import WEIGHTINGS

NAMES = ["a", "b", "c"]
X = inputs(60)
Y = Targets(a=X[:, 0] + X[:, 1], b=X[:, 1] > 0, c=np.where(np.arange(60) < 20, X[:, 2], np.nan))


def step(weights, present=(1, 1, 1), gradients=None):
    gramian = None
    if gradients is not None:
        J = torch.tensor(gradients)
        gramian = J @ J.T
    mass = None if all(present) else torch.tensor(present, dtype=torch.float32) * 5
    return Step(torch.ones(3), mass, None if weights is None else torch.tensor(weights), gramian)


def test_a_weighting_that_always_returns_the_same_has_no_entries():
    assert read_balance([step(None), step(None)], NAMES) == []


def test_weights_are_means_over_the_steps_in_which_a_task_is_there():
    log = [step([1.0, 2.0, 3.0]), step([2.0, 100.0, 0.0], present=(1, 0, 0)), step([6.0, 4.0, 0.0], (1, 1, 0))]
    (entries,) = read_balance(log, NAMES)
    assert entries == {"weight__a": 3.0, "weight__b": 3.0, "weight__c": 3.0}


def test_a_task_that_is_never_there_has_no_weight():
    (entries,) = read_balance([step([1.0, 2.0, 9.0], (1, 1, 0))] * 2, NAMES)
    assert np.isnan(entries["weight__c"])


def test_weights_of_members():
    weights = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    log = [Step(torch.ones(2, 3), None, weights), Step(torch.ones(2, 3), None, weights + 1)]
    one, other = read_balance(log, NAMES)
    assert list(one.values()) == [1.5, 2.5, 3.5]
    assert list(other.values()) == [4.5, 5.5, 6.5]


def test_weights_that_are_the_same_for_all_members():
    log = [Step(torch.ones(2, 3), None, torch.tensor([1.0, 2.0, 3.0]))]
    assert read_balance(log, NAMES) == [{"weight__a": 1, "weight__b": 2, "weight__c": 3}] * 2


def test_norms_and_cosines():
    log = [
        step([1.0, 1.0, 1.0], gradients=[[3.0, 4.0], [0.0, 2.0], [-3.0, -4.0]]),
        step([1.0, 1.0, 1.0]),  # no Gram matrix between two solutions
        step([1.0, 1.0, 0.0], (1, 1, 0), gradients=[[1.0, 0.0], [0.0, 4.0], [0.0, 0.0]]),
    ]
    (entries,) = read_balance(log, NAMES)
    found = {name: value for name, value in entries.items() if not name.startswith("weight__")}
    assert found == pytest.approx(
        {
            "gradient_norm__a": 3.0,
            "gradient_norm__b": 3.0,
            "gradient_norm__c": 5.0,
            "gradient_cosine__a__b": 0.4,  # 0.8 and 0
            "gradient_cosine__a__c": -1.0,
            "gradient_cosine__b__c": -0.8,
        }
    )


def test_a_task_without_a_gradient_has_neither_norm_nor_cosine():
    (entries,) = read_balance([step([1.0, 1.0, 1.0], gradients=[[1.0], [2.0], [0.0]])], NAMES)
    unknown = {name for name, value in entries.items() if np.isnan(value)}
    assert unknown == {"gradient_norm__c", "gradient_cosine__a__c", "gradient_cosine__b__c"}


# -- in the history of a fit


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_columns_of_the_history(weighting):
    history = net(weighting=weighting, max_epochs=2).fit(X, Y).history_
    spec = WEIGHTINGS[weighting]
    weights = [] if weighting == "static" else ["weight__a", "weight__b", "weight__c"]
    conflicts = ["gradient_norm__a", "gradient_norm__b", "gradient_norm__c"] if spec.needs_gramian else []
    assert sorted(history.filter(like="weight__")) == weights
    assert sorted(history.filter(like="gradient_norm__")) == conflicts
    cosines = history.filter(like="gradient_cosine__")
    assert cosines.shape == (2, 3 if spec.needs_gramian else 0)
    assert (cosines.abs() <= 1 + 1e-6).all(axis=None)


def test_values_are_those_of_the_steps(monkeypatch):
    backward, steps = Stack.backward, []

    def record(self, batch, task):
        made = backward(self, batch, task)
        steps.append(made.step)
        return made

    monkeypatch.setattr(Stack, "backward", record)
    estimator = net(weighting=NashMTL(), max_epochs=1, batch_size=10).fit(X, Y)
    order = estimator.net_.criterion_.names
    a, c = order.index("a"), order.index("c")
    there = [step for step in steps if step.mass[c] > 0]
    row = estimator.history_.iloc[0]
    assert row["weight__c"] == pytest.approx(np.mean([step.weights[c].item() for step in there]), rel=1e-5)
    norms = [step.gramian[a, a].sqrt().item() for step in steps]
    assert row["gradient_norm__a"] == pytest.approx(np.mean(norms), rel=1e-5)
    cosines = [(step.gramian[a, c] / (step.gramian[a, a] * step.gramian[c, c]).sqrt()).item() for step in there]
    found = [name for name in estimator.history_ if name in ("gradient_cosine__a__c", "gradient_cosine__c__a")]
    assert row[found[0]] == pytest.approx(np.mean(cosines), rel=1e-4)


def test_the_history_of_an_ensemble_has_weights_of_each_member():
    history = net(weighting="uncertainty", n_members=2, max_epochs=2).fit(X, Y).history_
    assert history["weight__a"].notna().all()
    assert history.groupby("member")["weight__a"].last().nunique() == 2
