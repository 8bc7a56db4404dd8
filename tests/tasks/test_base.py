import numpy as np
import pytest
from scipy.special import expit

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, MultiTaskNetRegressor
from sklearn_mtl.tasks import (
    BoundingBox,
    Classification,
    Count,
    MultilabelClassification,
    Ordinal,
    Regression,
    Segmentation,
    SequenceTagging,
    Task,
)
from sklearn_mtl.tasks._members import logit_of_mean

# -- what a task can, from its kind and its level

OF_ROWS = {
    "labels_positions": False, "labels_tokens": False, "labels_pixels": False, "position_axes": 0,
    "labelled_unit": "row",
}  # fmt: skip
OF_TOKENS = {
    "labels_positions": True, "labels_tokens": True, "labels_pixels": False, "position_axes": 1,
    "labelled_unit": "token",
}  # fmt: skip
OF_PIXELS = {
    "labels_positions": True, "labels_tokens": False, "labels_pixels": True, "position_axes": 2,
    "labelled_unit": "pixel",
}  # fmt: skip
NUMBERS = {"has_probabilities": False, "is_regression": True, "has_strata": False}
CLASSES = {"has_probabilities": True, "is_regression": False}
CAPABILITIES = {
    "regression": (Regression(), {**OF_ROWS, **NUMBERS}),
    "classification": (Classification(), {**OF_ROWS, **CLASSES, "has_strata": True}),
    "tagging": (SequenceTagging(), {**OF_TOKENS, **CLASSES, "has_strata": False}),
    "segmentation": (Segmentation(), {**OF_PIXELS, **CLASSES, "has_strata": False}),
}


@pytest.mark.parametrize(("task", "expected"), CAPABILITIES.values(), ids=CAPABILITIES)
def test_what_a_task_can(task, expected):
    assert {name: getattr(task, name) for name in expected} == expected


class Doubled(Regression):
    """A task of one's own, which says what it is by two class attributes."""

    kind = "classification"
    level = "token"


def test_a_task_of_ones_own_says_what_it_is_by_class_attributes():
    task = Doubled()
    assert task.has_probabilities
    assert task.labels_tokens
    assert not task.has_strata
    assert task.position_axes == 1


class Grade(Ordinal):
    """Classes that are predicted as numbers."""

    kind = "regression"


def test_estimators_ask_a_task_of_ones_own():
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = np.arange(20) % 3
    tasks = {"y": Grade()}
    fitted = MultiTaskNetRegressor(tasks, max_epochs=1, random_state=0).fit(X, y)
    assert not hasattr(fitted, "predict_proba")
    assert hasattr(MultiTaskNetEstimator(max_epochs=1, random_state=0, n_members=1).fit(X, y), "predict_proba")
    with pytest.raises(ValueError, match=r"task 'y': Grade\(\) is not a classification task"):
        MultiTaskNetClassifier(tasks, max_epochs=1).fit(X, y)


@pytest.mark.parametrize(
    ("kind", "accepted"), [(None, [True, True]), ("classification", [True, False]), ("regression", [False, True])]
)
def test_which_estimators_take_a_task(kind, accepted):
    assert [task.is_of_kind(kind) for task in (Classification(), Regression())] == accepted


# -- the mean of an ensemble


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_the_mean_is_that_of_the_probabilities(dtype):
    outputs = np.random.default_rng(0).normal(scale=5, size=(4, 50, 3)).astype(dtype)
    mean = logit_of_mean(outputs)
    assert (mean.dtype, mean.shape) == (dtype, (50, 3))
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(expit(mean), expit(outputs).mean(axis=0), rtol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_the_mean_of_equal_logits_is_what_they_are(dtype):
    logits = np.array([-700.0, -80.0, -17.0, -1e-3, 0.0, 1e-3, 17.0, 80.0, 700.0], dtype=dtype)
    # an absolute error of the size of the rounding of 1 is negligible in a probability
    np.testing.assert_allclose(
        logit_of_mean(np.stack([logits] * 3)), logits, rtol=2 * np.finfo(dtype).eps, atol=1e-15
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("n_members", [2, 3, 10])
def test_smaller_logits_have_no_larger_mean(dtype, n_members):
    """A child that is no more probable than its parent for any member is not for all together."""
    rng = np.random.default_rng(0)
    shape = (n_members, 20_000, 1)
    high = rng.normal(size=shape) * 10 ** rng.uniform(-2, 4, size=shape)
    high[:, :100] = rng.choice([-1e4, 0.0, 1e4], size=(n_members, 100, 1))
    high = high.astype(dtype)
    low = np.where(rng.random(shape) < 0.8, high, np.nextafter(high, dtype(-np.inf)))
    low, high = logit_of_mean(low), logit_of_mean(high)
    assert np.isfinite([low, high]).all()
    assert (low <= high).all()


@pytest.mark.parametrize(
    ("task", "y", "expected"),
    [
        (Classification(), np.array([0, 1]), True),
        (Classification(), np.array([[0.2, 0.8], [1, 0]]), True),
        (Ordinal(), np.array([0, 1, 2]), True),
        (Regression(), np.array([0.5, 1]), True),
        (Count(), np.array([1, 2]), True),
        (Regression(), np.array([[0.5], [1]]), False),
        (Count(), np.array([[1, 2], [3, 4]]), False),
        (MultilabelClassification(), np.array([[0, 1], [1, 0]]), False),
        (BoundingBox(), np.array([[0, 0, 1, 1]]), False),
        (SequenceTagging(), None, False),
        (Segmentation(), None, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Task) else "",
)
def test_has_one_label(task, y, expected):
    assert (task if y is None else task.fit(y)).has_one_label is expected
