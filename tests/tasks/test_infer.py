import numpy as np
import pytest

from sklearn_mtl.tasks import (
    BoundingBox,
    Classification,
    Count,
    MultilabelClassification,
    Ordinal,
    Regression,
    Segmentation,
    SequenceTagging,
    infer_task,
    resolve_task,
)

from .cases import objects

NAN = float("nan")

INFERRED = [
    ([True, False], Classification),
    ([0, 1, 2], Classification),
    (np.array([3, 200], dtype=np.uint8), Classification),
    (["a", "b"], Classification),
    (objects(["a", None]), Classification),
    (objects([1, None, 3]), Classification),
    (objects([True, None]), Classification),
    ([0.0, 1.0, NAN], Classification),
    (objects([0.0, None, 1.0]), Classification),
    ([1.0, 2.0], Regression),
    ([0.5, NAN], Regression),
    (np.array([1.5, 2.5], dtype=np.float32), Regression),
    (objects([1.5, None]), Regression),
    (objects([1, 2.5, None]), Regression),
    (objects([{"a"}, None]), MultilabelClassification),
    (objects([["a"], []]), MultilabelClassification),
    (objects([("a",), None]), MultilabelClassification),
    ([[0, 1], [1, 1]], MultilabelClassification),
    ([[0.0, NAN], [1.0, 1.0]], MultilabelClassification),
    ([[True], [False]], MultilabelClassification),
    ([[0.5, 1.5], [NAN, 1.0]], Regression),
]


@pytest.mark.parametrize(("y", "expected"), INFERRED)
def test_task_follows_from_the_labels(y, expected):
    y = np.asarray(y)
    task = infer_task(y)
    assert type(task) is expected
    task.fit(y)


@pytest.mark.parametrize("y", [[0, 1, 2], [0.0, 1.0], [True, False], [[0, 1], [1, 0]]])
def test_regressor_takes_everything_for_numbers(y):
    assert type(infer_task(np.asarray(y), "regression")) is Regression


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([1.0, 2.0], Classification),
        ([[0, 1], [1, 0]], MultilabelClassification),
        ([[0.5, 0.5], [0.1, 0.9]], Classification),
        (objects([{"a"}]), MultilabelClassification),
    ],
)
def test_classifier_takes_everything_for_classes(y, expected):
    assert type(infer_task(np.asarray(y), "classification")) is expected


@pytest.mark.parametrize("y", [[[1, 2], [3, 4]], [["a", "b"]]])
def test_a_block_that_is_neither_is_refused_with_a_way_out(y):
    with pytest.raises(ValueError, match="make each column a separate task"):
        infer_task(np.asarray(y))


@pytest.mark.parametrize(
    ("shorthand", "expected"),
    [
        ("classification", Classification),
        ("regression", Regression),
        ("multilabel", MultilabelClassification),
        ("tagging", SequenceTagging),
        ("ordinal", Ordinal),
        ("count", Count),
        ("segmentation", Segmentation),
        ("bounding_box", BoundingBox),
    ],
)
def test_shorthand_is_a_task_with_its_defaults(shorthand, expected):
    task = resolve_task(shorthand)
    assert type(task) is expected
    assert task.get_params() == expected().get_params()
    assert resolve_task(shorthand) is not task


def test_a_task_stays_what_it_is():
    task = Regression(loss="huber")
    assert resolve_task(task) is task


@pytest.mark.parametrize("task", ["clustering", None, 3, Regression])
def test_anything_else_is_refused_with_what_there_is(task):
    with pytest.raises(ValueError, match=r"expected a Task or one of \['bounding_box', 'classification', 'count'"):
        resolve_task(task)
