"""Encoded labels as numbers that other tasks read."""

import numpy as np
import pytest

from sklearn_mtl.tasks import (
    BoundingBox,
    Classification,
    Count,
    MultilabelClassification,
    Ordinal,
    Regression,
    SequenceTagging,
)

CASES = [
    (Classification(), np.array(["a", "b", "a"]), [[1, 0], [0, 1], [1, 0]]),
    (Classification(), np.array([0, 5, 2]), [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
    (Classification(), np.array([[0.1, 0.9], [0.6, 0.4]]), [[0.1, 0.9], [0.6, 0.4]]),
    (Ordinal(), np.array([1, 2, 4]), np.eye(3)),
    (Regression(), np.array([1.0, 3.0]), [[-1], [1]]),
    (Regression(), np.array([[1.0, 5.0], [3.0, 7.0]]), [[-1, -1], [1, 1]]),
    (Count(), np.array([1.0, 3.0]), np.log1p([[0.5], [1.5]])),
    (MultilabelClassification(), np.array([[0, 1], [1, 1]]), [[0, 1], [1, 1]]),
]


@pytest.mark.parametrize(("task", "y", "expected"), CASES, ids=lambda case: str(case)[:30])
def test_labels_are_numbers_of_ordinary_size(task, y, expected):
    fitted = task.fit(y)
    numbers = fitted.label_input(fitted.encode(y).target)
    np.testing.assert_allclose(numbers, expected)
    assert numbers.shape == (len(y), fitted.label_width)


@pytest.mark.parametrize("task", [BoundingBox(), SequenceTagging()])
def test_other_labels_are_not_read(task):
    assert task.label_width == 0
    with pytest.raises(TypeError, match="cannot be inputs of other tasks"):
        task.label_input(np.zeros(3))
