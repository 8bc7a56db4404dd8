"""Errors of custom tasks with outputs of a wrong shape name the task."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.tasks import Classification, Encoded, Regression, Segmentation, SequenceTagging, group_tasks

X = np.random.default_rng(0).normal(size=(60, 3))
Y = Targets(mine=X[:, 0], b=X[:, 1])


class Right(Regression):
    def elementwise_loss(self, output, target):
        return mse_loss(output, target.expand_as(output), reduction="none")


class Reduced(Regression):
    def elementwise_loss(self, output, target):
        return mse_loss(output, target.expand_as(output))


class Flat(Regression):
    def elementwise_loss(self, output, target):
        return ((output - target) ** 2)[..., 0]


class Wide(Regression):
    def elementwise_loss(self, output, target):
        return ((output - target) ** 2).expand(*output.shape[:-1], 2)


class Broadcast(Regression):
    def elementwise_loss(self, output, target):
        return (output - target.squeeze(-1)) ** 2  # (B, B)


class NoTensor(Regression):
    def elementwise_loss(self, output, target):
        return ((output - target) ** 2).mean().item()


class Failing(Regression):
    def elementwise_loss(self, output, target):
        return output @ target


LOSSES = {
    Reduced: r"elementwise_loss of Reduced returned a loss of shape \(\), "
    r"expected the loss of each element, \(.*, 1\)",
    Flat: "elementwise_loss of Flat returned a loss of shape",
    Wide: r"elementwise_loss of Wide returned a loss of shape \(.*, 2\)",
    Broadcast: "(elementwise_loss of Broadcast returned|Broadcast.elementwise_loss failed)",
    NoTensor: "elementwise_loss of NoTensor returned float",
    Failing: "Failing.elementwise_loss failed for outputs of shape",
}


def fit(task, y=Y, **params):
    estimator = MultiTaskNetEstimator(
        tasks={"mine": task}, **{"max_epochs": 2, "random_state": 0, "n_members": 1, **params}
    )
    return estimator.fit(X, y)


@pytest.mark.parametrize(
    "params",
    [{}, {"n_members": 2}, {"task_sampling": "round_robin"}, {"early_stopping": True}, {"architecture": "mmoe"}],
    ids=["alone", "stacked", "sampled", "validated", "experts"],
)
@pytest.mark.parametrize("task", LOSSES, ids=lambda task: task.__name__)
def test_a_loss_of_another_shape_is_told_by_task_and_shape(task, params):
    with pytest.raises(ValueError, match=f"task 'mine': {LOSSES[task]}"):
        fit(task(), **params)


def test_a_loss_of_another_shape_is_told_in_a_stacked_search():
    estimator = MultiTaskNetEstimator(tasks={"mine": Reduced()}, max_epochs=2, random_state=0, n_members=1)
    search = TaskWeightSearchCV(estimator, {"task_weights__b": [0.5, 1.0]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="task 'mine': elementwise_loss of Reduced"):
        search.fit(X, Y)


def test_a_loss_of_ones_own_is_not_that_of_others():
    class Twice(Regression):
        def elementwise_loss(self, output, target):
            return 2 * super().elementwise_loss(output, target)

    plain, own = fit(Regression(), max_epochs=1), fit(Twice(), max_epochs=1)
    losses = [learned.history_.iloc[0] for learned in (plain, own)]
    assert losses[1]["train_loss__mine"] > 1.5 * losses[0]["train_loss__mine"]
    assert losses[1]["train_loss__b"] < 1.5 * losses[0]["train_loss__b"]
    assert [group.names for group in group_tasks(plain.tasks_)] == [("mine", "b")]


@pytest.mark.parametrize("params", [{}, {"n_members": 2}, {"task_sampling": "round_robin"}])
def test_a_loss_of_the_right_shape_is_that_of_the_task(params):
    np.testing.assert_allclose(
        fit(Right(), **params).predict(X)["mine"], fit(Regression(), **params).predict(X)["mine"], atol=1e-4
    )


@pytest.mark.parametrize("base", [SequenceTagging, Segmentation])
def test_losses_of_positions_are_checked(base):
    class Summed(base):
        def elementwise_loss(self, output, target):
            return super().elementwise_loss(output, target).sum()

    rows = np.random.default_rng(0).normal(size=(20, 4, 4, 1) if base is Segmentation else (20, 4, 2))
    y = np.arange(20 * 16).reshape(20, 4, 4) % 3 if base is Segmentation else np.arange(80).reshape(20, 4) % 3
    estimator = MultiTaskNetEstimator(tasks={"mine": Summed()}, trunk="auto", max_epochs=1)
    with pytest.raises(ValueError, match="task 'mine': elementwise_loss of Summed"):
        estimator.fit(rows, {"mine": y})


# -- labels there and back


class Gaps(Regression):
    def encode(self, y):
        target, weight = super().encode(y)
        return Encoded(np.full_like(target, np.nan), weight)


class Short(Regression):
    def encode(self, y):
        target, weight = super().encode(y)
        return Encoded(target[:-1], weight[:-1])


class NarrowWeight(Regression):
    def encode(self, y):
        target, weight = super().encode(y)
        return Encoded(target, weight[:, 0])


class OneThing(Regression):
    def encode(self, y):
        return super().encode(y).target


@pytest.mark.parametrize("sample_weight", [None, np.ones(60)], ids=["no weights", "weights"])
@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Gaps, "encode of Gaps returned a target with NaN or infinity"),
        (Short, "encode of Short returned a target of shape .* expected 60 rows"),
        (NarrowWeight, r"encode of NarrowWeight returned weights of shape \(60,\)"),
        (OneThing, "encode of OneThing should return target and weight, got ndarray"),
    ],
)
def test_targets_of_another_shape_are_told_by_task(task, message, sample_weight):
    estimator = MultiTaskNetEstimator(tasks={"mine": task()}, max_epochs=1, n_members=1)
    with pytest.raises(ValueError, match=f"task 'mine': {message}"):
        estimator.fit(X, Y, sample_weight=sample_weight)


class Few(Regression):
    def decode(self, output):
        return super().decode(output)[:5]


class Mean(Regression):
    def decode(self, output):
        return super().decode(output).mean()


@pytest.mark.parametrize(("task", "got"), [(Few, r"of shape \(5,\)"), (Mean, r"of shape \(\)")])
def test_predictions_of_other_rows_are_told_by_task(task, got):
    learned = fit(task(), early_stopping=False)
    with pytest.raises(
        ValueError, match=f"task 'mine': decode of .* returned predictions {got}, expected 60 rows"
    ):
        learned.predict(X)
    with pytest.raises(ValueError, match="task 'mine': decode of"):
        fit(task(), early_stopping=True)


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_head_of_another_width_is_told_by_task(n_members):
    class TwoHeaded(Regression):
        def head(self, in_features, generator, grid=None):
            return nn.Linear(in_features, 2)

    with pytest.raises(ValueError, match="the head of task 'mine' has 2 outputs, expected 1"):
        fit(TwoHeaded(), n_members=n_members)


def test_losses_of_classes_that_torch_computes_are_told():
    class Torch(Classification):
        def elementwise_loss(self, output, target):
            return torch.nn.functional.cross_entropy(output, target)

    with pytest.raises(ValueError, match=r"task 'mine': .*elementwise_loss"):
        fit(Torch(), Targets(mine=np.arange(60) % 3))
