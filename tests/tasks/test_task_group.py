import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_mtl.tasks import Classification, Count, MultilabelClassification, Regression, group_tasks

BINARY, THREE, NUMBER, BLOCK = np.arange(4) % 2, np.arange(4) % 3, np.arange(4.0), np.eye(4, 3)


def fitted(**tasks):
    return {name: task.fit(y) for name, (task, y) in tasks.items()}


def names_of(tasks):
    return [group.names for group in group_tasks(tasks)]


def test_tasks_with_equal_losses_are_grouped_in_order():
    tasks = fitted(
        a=(Regression(), NUMBER),
        b=(Classification(), BINARY),
        c=(Regression(), BLOCK),
        d=(MultilabelClassification(), BLOCK),
    )
    groups = group_tasks(tasks)
    assert [group.names for group in groups] == [("a", "c"), ("b", "d")]
    assert [group.widths for group in groups] == [(1, 3), (1, 3)]
    assert [group.task for group in groups] == [tasks["a"], tasks["b"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((Regression(), NUMBER), (Regression(loss="huber"), NUMBER)),
        ((Classification(), BINARY), (Classification(label_smoothing=0.1), BINARY)),
        ((Classification(), BINARY), (Regression(), NUMBER)),
        ((Classification(), THREE), (Classification(), THREE)),
    ],
)
def test_other_losses_stay_apart(one, other):
    assert names_of(fitted(a=one, b=other)) == [("a",), ("b",)]


def test_every_task_is_in_one_group():
    tasks = {f"{i}": Regression(loss=loss).fit(NUMBER) for i, loss in enumerate(3 * ["huber", "absolute_error"])}
    assert sorted(name for group in names_of(tasks) for name in group) == sorted(tasks)


DISTRIBUTIONS = {
    **{loss: Regression(loss=loss) for loss in ("normal", "student_t", "laplace", "lognormal", "mixture")},
    "quantile": Regression(loss="quantile", quantile=[0.1, 0.5, 0.7]),
    "negative_binomial": Count(loss="negative_binomial"),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_tasks_of_one_distribution_have_the_losses_they_have_alone(name):
    rng = np.random.default_rng(0)
    y = {"a": rng.poisson(3, size=9) + 1.0, "b": rng.poisson((20, 50), size=(9, 2)) + 1.0}
    tasks = {each: clone(DISTRIBUTIONS[name]).fit(values) for each, values in y.items()}
    (group,) = group_tasks(tasks)
    targets = {each: torch.from_numpy(task.encode(y[each]).target) for each, task in tasks.items()}
    outputs = {each: torch.from_numpy(rng.normal(size=(2, 9, task.n_outputs_))) for each, task in tasks.items()}
    joined = torch.cat([targets["a"], targets["b"]], -1)
    loss = group.task.elementwise_loss(torch.cat([outputs["a"], outputs["b"]], -1), joined)
    for position, each in enumerate(group.names):
        alone = tasks[each].elementwise_loss(outputs[each], targets[each])
        torch.testing.assert_close(group.part(position, loss), alone)
        torch.testing.assert_close(group.part(position, joined), targets[each])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Regression(loss="normal"), Regression(loss="laplace")),
        (Regression(loss="mixture"), Regression(loss="mixture", n_components=2)),
        (Regression(loss="quantile", quantile=[0.1, 0.9]), Regression(loss="quantile", quantile=[0.2, 0.9])),
        (Count(), Count(loss="negative_binomial")),
    ],
)
def test_other_distributions_stay_apart(one, other):
    assert names_of(fitted(a=(one, NUMBER), b=(other, NUMBER))) == [("a",), ("b",)]


def test_stacked_members_may_have_mean_counts_of_their_own():
    rng = np.random.default_rng(0)
    y = [rng.poisson(rate, size=9).astype(float) for rate in (3, 40)]
    tasks = [Count(loss="negative_binomial").fit(values) for values in y]
    target = torch.stack([torch.from_numpy(t.encode(v).target) for t, v in zip(tasks, y, strict=True)])
    output = torch.from_numpy(rng.normal(size=(2, 9, 2)))
    stacked = tasks[0].elementwise_loss(output, target)
    for member, task in enumerate(tasks):
        torch.testing.assert_close(stacked[member], task.elementwise_loss(output[member], target[member]))
