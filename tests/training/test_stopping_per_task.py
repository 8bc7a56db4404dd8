"""Early stopping per task: a task that no longer improves is removed while the others continue."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold
from torch import nn

from sklearn_mtl import EarlyStopping, Targets
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.training._net import MultiTaskNet
from sklearn_mtl.training._stopping import BestEpoch, BestEpochOfTasks, stopping_rule

from .._helpers import assert_same_model, head_in, inputs, net
from ..weighting.test_conformance import WEIGHTINGS

X = inputs(300)
# noise is never learned: its validation loss stops to improve at once
Y = Targets(number=X[:, 0] * X[:, 1], label=X[:, 2] > 0, noise=np.random.default_rng(3).normal(size=300))


def per_task(monitor="loss", patience=3, **params):
    defaults = {
        "early_stopping": EarlyStopping("per_task", monitor, patience), "max_epochs": 60, "learning_rate": 0.03,
        "batch_size": 32, "validation": 0.2,
    }  # fmt: skip
    return net(**(defaults | params))


# -- the rule


def run(by_task, means, patience=2):
    """Watch a network whose weight is the number of the epoch; give who is out after each epoch."""
    network, rule = nn.Linear(1, 1), BestEpochOfTasks(patience)
    out = []
    for epoch, mean in enumerate(means, start=1):
        nn.init.constant_(network.weight, epoch)
        over = rule.update(mean, epoch, network, {name: values[epoch - 1] for name, values in by_task.items()})
        out.append(rule.over)
        if over:
            break
    rule.restore(network)
    return out, network.weight.item()


def test_a_task_is_out_for_good_when_its_patience_is_over():
    values = {"a": [1, 2, 3, 0, 0, 0, 0], "b": [3, 2, 1, 0.5, 0.6, 0.7, 0.8]}
    out, best = run(values, [5, 4, 3, 2, 4, 4, 4])
    assert out == [[], [], ["a"], ["a"], ["a"], ["a", "b"]]
    assert best == 4


def test_the_mean_does_not_stop_tasks_that_improve():
    values = {"a": [1, 2, 3, 4, 5], "b": [5, 4, 3, 2, 1]}
    out, best = run(values, [1, 2, 3, 4, 5])
    assert out[-1] == ["a"]
    assert len(out) == 5
    assert best == 1


def test_a_task_that_no_row_watches_is_trained_as_long_as_any_other():
    nan = float("nan")
    out, _ = run({"a": [1, 2, 3, 4], "b": [nan] * 4, "c": [2, 1, nan, nan]}, [1, 2, 3, 4])
    assert out == [[], [], ["a"], ["a", "c"]]
    out, _ = run({"a": [nan] * 9}, [nan] * 9)
    assert len(out) == 9


@pytest.mark.parametrize(("when", "rule"), [("per_task", BestEpochOfTasks), (True, BestEpoch)], ids=str)
def test_the_rule_an_estimator_asks_for(when, rule):
    found = stopping_rule(net(early_stopping=EarlyStopping(when, n_iter_no_change=7))._config())
    assert type(found) is rule
    assert found.patience == 7


# -- fits


@pytest.fixture(scope="module")
def fitted():
    return per_task().fit(X, Y)


def last_epochs(estimator):
    """Epoch of the last training loss of each task."""
    history = estimator.history_
    return {name: int(history[f"train_loss__{name}"].last_valid_index()) for name in Y}


def test_tasks_stop_one_after_the_other(fitted):
    last = last_epochs(fitted)
    assert last["noise"] < last["label"]
    assert last["noise"] < last["number"]
    assert max(last.values()) == len(fitted.history_) < 60


def test_each_stops_after_its_own_patience(fitted):
    for name, last in last_epochs(fitted).items():
        values = fitted.history_[f"valid_loss__{name}"].iloc[:last]
        assert last - values.idxmin() == 3
        training = fitted.history_[f"train_loss__{name}"]
        assert training.iloc[:last].notna().all()
        assert training.iloc[last:].isna().all()
        assert fitted.history_[f"valid_loss__{name}"].notna().all()


def test_the_epoch_of_the_best_mean_is_restored(fitted):
    best = int(fitted.history_["valid_loss"].idxmin())
    assert best < len(fitted.history_)
    assert_same_model(fitted, per_task(max_epochs=best).fit(X, Y))


def test_a_task_that_is_out_gets_no_gradient(monkeypatch):
    step, seen = MultiTaskNet.step, []

    def record(self, batches):
        before = {name: head_in(self.module_, name)[0] for name in Y}
        result = step(self, batches)
        out = {self.criterion_.names[position] for position in self.criterion_.taken_out}
        for name, old in before.items():
            seen.append((name in out, np.array_equal(old, head_in(self.module_, name)[0])))
        return result

    monkeypatch.setattr(MultiTaskNet, "step", record)
    per_task(optimizer="sgd", weight_decay=0.0, learning_rate=0.05).fit(X, Y)
    assert {out for out, _ in seen} == {True, False}
    assert all(out == same for out, same in seen)


def test_one_task_stops_as_ever():
    y = Targets(number=Y["number"])
    one, other = per_task(max_epochs=15), per_task(max_epochs=15).set_params(early_stopping__when=True)
    assert_same_model(one.fit(X, y), other.fit(X, y))


def test_scores_can_be_watched():
    estimator = per_task(monitor="score", max_epochs=30).fit(X, Y)
    for name, last in last_epochs(estimator).items():
        if last < len(estimator.history_):
            assert last - estimator.history_[f"valid_score__{name}"].iloc[:last].idxmax() == 3


@pytest.mark.parametrize("weighting", WEIGHTINGS.values(), ids=WEIGHTINGS.keys())
def test_it_goes_with_every_weighting(weighting):
    estimator = per_task(weighting=clone(weighting), patience=1, max_epochs=12).fit(X, Y)
    last = last_epochs(estimator)
    assert min(last.values()) < len(estimator.history_)
    out = min(last, key=last.get)
    weights = estimator.history_.get(f"weight__{out}")
    if weights is not None:
        assert weights.iloc[: last[out]].notna().all()
        assert weights.iloc[last[out] :].isna().all()


def test_it_goes_with_task_sampling():
    estimator = per_task(task_sampling="round_robin").fit(X, Y)
    last = last_epochs(estimator)
    assert last["noise"] < max(last.values()) < 60
    assert estimator.history_["train_loss__noise"].iloc[last["noise"] :].isna().all()


def test_warm_start_takes_all_tasks_in_again():
    estimator = per_task(warm_start=True, patience=1).fit(X, Y)
    epochs = len(estimator.history_)
    assert estimator.fit(X, Y).history_["train_loss__noise"].notna().iloc[epochs]


def test_it_needs_no_other_rows_than_early_stopping():
    small = Targets({name: values[:40] for name, values in Y.items()})
    assert per_task(max_epochs=1).fit(X[:40], small).history_["valid_loss__noise"].notna().all()


def test_a_search_says_why_fits_are_not_stacked():
    search = TaskWeightSearchCV(
        per_task(max_epochs=2), {"task_weights__noise": [0.5, 2.0]}, cv=KFold(2), stacked=True, refit=False
    ).fit(X, Y)
    (reason,) = {entry["reason"] for entry in search.stack_report_}
    assert reason == "early_stopping='per_task' stops tasks by fit"


def test_anything_else_is_refused():
    with pytest.raises(ValueError, match="The 'early_stopping' parameter of MultiTaskNetEstimator"):
        per_task(early_stopping="each").fit(X, Y)


def test_losses_of_the_others_are_those_of_a_fit_without_the_task():
    """In a network without sharing, removing a task does not affect the others."""
    estimator = per_task(architecture="independent", optimizer="sgd", dtype="float64").fit(X, Y)
    others = Targets(number=Y["number"], label=Y["label"])
    alone = per_task(architecture="independent", optimizer="sgd", dtype="float64").fit(X, others)
    epochs = min(len(estimator.history_), len(alone.history_))
    for name in others:
        one, other = (e.history_[f"valid_loss__{name}"].iloc[:epochs].to_numpy() for e in (estimator, alone))
        np.testing.assert_allclose(one, other, rtol=1e-9)
