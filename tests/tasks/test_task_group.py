import numpy as np
import pytest

from sklearn_mtl.tasks import Classification, MultilabelClassification, Regression, group_tasks

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
