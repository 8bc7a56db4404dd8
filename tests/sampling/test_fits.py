"""Fits in which a step trains one task, on its rows."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import KFold

from sklearn_mtl import EarlyStopping, Targets, concatenate_task_sets
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.sampling import LossDriven, ProportionalSampling, RoundRobin, TemperatureSampling
from sklearn_mtl.training._net import MultiTaskNet
from sklearn_mtl.training._sampled import SampledBatches
from sklearn_mtl.training._stack import Stack
from sklearn_mtl.utils._random import Streams

from .._helpers import as_member, assert_finite, assert_same_model, head_in, head_of, inputs, mixed_targets, net
from ..architectures.test_conformance import CASES as ARCHITECTURES
from ..weighting.test_conformance import WEIGHTINGS
from .test_conformance import CASES

ALIKE = ["hard_sharing", "bypass", "independent", "cross_stitch", "mmoe", "ple of two levels", "adatt"]
EVERY = pytest.mark.parametrize("sampling", CASES.values(), ids=CASES.keys())
FEW, MANY = inputs(24, seed=1), inputs(240, seed=2)
X, Y = concatenate_task_sets({"rare": (FEW, FEW[:, 0] > 0), "common": (MANY, MANY[:, 0] + MANY[:, 1])})
X_TEST = inputs(300, seed=3)


def sampled(sampling, **params):
    return net(**{"task_sampling": clone(sampling), "batch_size": 16, **params})


@pytest.fixture
def steps(monkeypatch):
    """Task, rows of the batch, and whether all of them have a label for it, of each step."""
    seen, backward = [], Stack.backward

    def record(self, batch, task):
        made = backward(self, batch, task)
        present = (made.step.mass > 0).nonzero().flatten().tolist()
        seen.append((task, len(batch.targets[0]), [self.objective.names[position] for position in present]))
        return made

    monkeypatch.setattr(Stack, "backward", record)
    return seen


@EVERY
def test_tasks_learn(sampling):
    estimator = sampled(sampling, max_epochs=25, learning_rate=0.01).fit(X, Y)
    assert_finite(estimator, X)
    scores = estimator.score_tasks(X_TEST, Targets(rare=X_TEST[:, 0] > 0, common=X_TEST[:, 0] + X_TEST[:, 1]))
    assert scores["rare"] > 0.8
    assert scores["common"] > 0.8


@EVERY
def test_an_epoch_has_as_many_steps_as_tasks_have_batches(sampling, steps):
    sampled(sampling, max_epochs=2).fit(X, Y)
    assert len(steps) == 2 * (2 + 15)
    assert all(present == [task] for task, _, present in steps)
    assert {task for task, _, _ in steps} == {"rare", "common"}


def test_tasks_of_unequal_sets_cost_no_more_than_their_rows(steps):
    sampled(ProportionalSampling(), max_epochs=40).fit(X, Y)
    rows = {name: sum(n for task, n, _ in steps if task == name) for name in Y}
    # rows computed in the steps of all tasks: each row once, not twice
    assert sum(rows.values()) == pytest.approx(40 * len(X), rel=0.05)
    assert rows["rare"] / rows["common"] == pytest.approx(24 / 240, rel=0.4)


def test_turns_see_the_rows_of_a_small_set_again(steps):
    sampled(RoundRobin(), max_epochs=1).fit(X, Y)
    turns = [task for task, _, _ in steps]
    assert len(turns) == 17
    assert all(one != other for one, other in pairwise(turns))
    # 24 rows are one batch of 16 and one of 8, in turn
    assert [n for task, n, _ in steps if task == "rare"][:4] == [16, 8, 16, 8]


def test_every_row_of_a_round_is_seen_once(monkeypatch):
    seen, losses = [], Stack.losses

    def record(self, batch, task=None, with_cut=False):
        seen.append((task, next(iter(batch.inputs.values())).clone()))
        return losses(self, batch, task, with_cut)

    monkeypatch.setattr(Stack, "losses", record)
    sampled(RoundRobin(), max_epochs=1).fit(X, Y)
    rounds = [rows for task, rows in seen if task == "rare"]
    first, second = torch.cat(rounds[:2]), torch.cat(rounds[2:4])
    assert len(first.unique(dim=0)) == len(FEW)
    assert torch.equal(first.unique(dim=0), second.unique(dim=0))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_rows_of_all_kinds_of_tasks(missing, steps):
    X = inputs(60)
    Y = mixed_targets(X, missing)
    estimator = sampled(RoundRobin(), batch_size=8).fit(X, Y)
    assert {task for task, _, _ in steps} == set(Y)
    assert all(present == [task] for task, _, present in steps)
    assert_finite(estimator, X)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_a_loss_of_one_task_is_its_loss_among_all(missing):
    X = inputs(40)
    Y = mixed_targets(X, missing)
    estimator = sampled(RoundRobin(), dtype="float64", max_epochs=1).fit(X, Y)
    data = as_member(clone(estimator), X, Y).data.train
    objective, network = estimator.net_.criterion_, estimator.net_.module_
    with torch.no_grad():
        whole = data.batch(torch.arange(len(data)))
        outputs = network.eval()(whole.inputs, objective.names)
        together = objective(outputs, whole.targets, whole.weights)
        for position, name in enumerate(objective.names):
            alone = objective.of_task(name, outputs[name], whole.targets, whole.weights)
            torch.testing.assert_close(alone.losses[position], together.losses[position])
            assert (alone.mass > 0).tolist() == [other == name for other in objective.names]
            if together.mass is not None:
                torch.testing.assert_close(alone.mass[position], together.mass[position])


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name in ALIKE])
def test_a_step_of_one_task_leaves_the_heads_of_the_others(name, monkeypatch):
    step, touched = MultiTaskNet.step, []

    def record(self, batches):
        ((task, _),) = batches
        before = {name: head_in(self.module_, name) for name in Y}
        result = step(self, batches)
        for name, old in before.items():
            same = all(np.array_equal(a, b) for a, b in zip(old, head_in(self.module_, name), strict=True))
            touched.append((task == name, not same))
        return result

    monkeypatch.setattr(MultiTaskNet, "step", record)
    params = {"optimizer": "sgd", "weight_decay": 0.0, "learning_rate": 0.05, "max_epochs": 1}
    sampled(RoundRobin(), architecture=clone(ARCHITECTURES[name]), **params).fit(X, Y)
    assert touched
    assert all(is_of_step == changed for is_of_step, changed in touched)


@EVERY
def test_fits_are_reproducible(sampling):
    one, other, third = (sampled(sampling, random_state=seed).fit(X, Y) for seed in (0, 0, 1))
    assert_same_model(one, other)
    assert not np.array_equal(head_of(one, "rare")[0], head_of(third, "rare")[0])


@EVERY
def test_sampling_with_one_task_trains_it(sampling, steps):
    estimator = sampled(sampling, max_epochs=20, learning_rate=0.01).fit(MANY, MANY[:, 0])
    assert len(steps) == 20 * 15
    assert estimator.score(X_TEST, X_TEST[:, 0]) > 0.9


def test_going_on_is_the_fit_without_a_break():
    estimator = sampled(LossDriven(), max_epochs=2, warm_start=True, optimizer="sgd")
    broken = clone(estimator).fit(X, Y).fit(X, Y)
    whole = clone(estimator).set_params(max_epochs=4).fit(X, Y)
    assert_same_model(broken, whole)


def test_loss_driven_follows_the_losses(monkeypatch):
    """A task that cannot be learned is drawn ever more often."""
    X = inputs(200)
    y = Targets(noise=np.random.default_rng(5).normal(size=200), easy=3 * X[:, 0])
    plans, plan = [], LossDriven.plan

    def record(self, *args):
        plans.append(plan(self, *args))
        return plans[-1]

    monkeypatch.setattr(LossDriven, "plan", record)
    estimator = sampled(LossDriven(), max_epochs=15, learning_rate=0.01).fit(X, y)
    noise = estimator.net_.criterion_.names.index("noise")
    early = torch.cat(plans[:2]) == noise
    late = torch.cat(plans[-4:]) == noise
    assert 0.3 < early.double().mean() < 0.7
    assert late.double().mean() > 0.9


@pytest.mark.parametrize("name", [n for n, w in WEIGHTINGS.items() if w.needs_gramian])
def test_weightings_that_compare_gradients_are_refused(name):
    with pytest.raises(ValueError, match=r"compares the gradients of several tasks, but task_sampling="):
        net(weighting=name, task_sampling="round_robin").fit(X, Y)


@pytest.mark.parametrize("name", [n for n, w in WEIGHTINGS.items() if not w.needs_gramian])
def test_weightings_of_losses_go_with_sampling(name):
    estimator = sampled(TemperatureSampling(), weighting=clone(WEIGHTINGS[name])).fit(X, Y)
    assert_finite(estimator, X)
    weights = estimator.history_.filter(like="weight__").to_numpy()
    assert np.isfinite(weights).all()


def test_sampling_goes_with_validation_rows():
    stopping = EarlyStopping(True, n_iter_no_change=2)
    estimator = sampled(RoundRobin(), early_stopping=stopping, max_epochs=30).fit(X, Y)
    assert estimator.history_["valid_loss"].notna().all()
    assert estimator.n_iter_ <= 30


def test_a_task_of_weight_zero_is_not_sampled():
    estimator = sampled(RoundRobin(), task_weights={"rare": 0.0}).fit(X, Y)
    assert "train_loss__rare" not in estimator.history_
    assert_finite(estimator, X)


@pytest.mark.parametrize("stacked", [True, "auto"])
def test_a_search_says_why_fits_are_not_stacked(stacked):
    cv = KFold(2, shuffle=True, random_state=0)
    search = TaskWeightSearchCV(
        sampled(RoundRobin()), {"task_weights__rare": [0.5, 2.0]}, stacked=stacked, cv=cv, refit=False
    ).fit(X, Y)
    reasons = {(entry["stacked"], entry["reason"]) for entry in search.stack_report_}
    assert reasons == {(False, "task_sampling chooses batches by fit")}


def test_rows_of_weight_zero_are_not_drawn(steps):
    weights = np.ones(len(X))
    weights[-192:] = 0.0
    sampled(RoundRobin(), max_epochs=1).fit(X, Y, sample_weight=weights)
    assert len(steps) == 2 + 3


# -- names


@pytest.mark.parametrize("sampling", ["all", *CASES.values()], ids=["all", *CASES])
@pytest.mark.parametrize("ensemble", [{}, {"n_members": 2, "ensemble": "batch"}], ids=["single", "batch"])
def test_a_column_is_learned_as_the_same_numbers_of_one_dimension(sampling, ensemble):
    y = FEW[:, 0] + FEW[:, 1] ** 2
    one = net(task_sampling=sampling, batch_size=8, **ensemble).fit(FEW, y).predict(FEW)
    column = net(task_sampling=sampling, batch_size=8, **ensemble).fit(FEW, y[:, None]).predict(FEW)
    assert np.array_equal(one, column.ravel())


@pytest.mark.parametrize("weighting", WEIGHTINGS.values(), ids=WEIGHTINGS.keys())
def test_a_column_is_weighed_as_the_same_numbers_of_one_dimension(weighting):
    y = FEW[:, 0] + FEW[:, 1] ** 2
    one = net(weighting=clone(weighting), batch_size=8).fit(FEW, y).predict(FEW)
    column = net(weighting=clone(weighting), batch_size=8).fit(FEW, y[:, None]).predict(FEW)
    assert np.array_equal(one, column.ravel())


@EVERY
def test_the_rows_of_a_step_do_not_depend_on_what_tasks_are_called(sampling):
    rows = []
    for names in (("rare", "common"), ("a", "b")):
        y = Targets(dict(zip(names, (Y["rare"], Y["common"]), strict=True)))
        member = as_member(sampled(sampling), X, y)
        objective = member.blueprint.objective()
        streams = Streams(0)
        batches = SampledBatches(member.data.train, objective, sampling, 16, np.ones(2), streams, 0)
        rows.append([(names.index(task), next(iter(batch.inputs.values()))) for task, batch in batches])
    assert [task for task, _ in rows[0]] == [task for task, _ in rows[1]]
    assert all(torch.equal(one, other) for (_, one), (_, other) in zip(*rows, strict=True))
