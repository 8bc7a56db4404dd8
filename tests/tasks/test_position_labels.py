import numpy as np
import pandas as pd
import pytest

from sklearn_mtl.tasks._position_labels import are_labelled

NAN = float("nan")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([3, -1, -100, 0]), [True, False, False, True]),
        (np.array([3.0, NAN, -1.0]), [True, False, False]),
        (np.array([255, 0], dtype=np.uint8), [True, True]),
        (np.array([True, False]), [True, True]),
        (np.array(["a", "-1"]), [True, True]),
        (np.array(["-1", None, NAN, pd.NA, -1, -1.0, 2], dtype=object), [True, *[False] * 5, True]),
    ],
    ids=str,
)
def test_which_labels_are_there(labels, expected):
    assert are_labelled(labels, (-1, -100)).tolist() == expected
    grid = np.stack([labels, labels])
    assert are_labelled(grid, (-1, -100)).tolist() == [expected, expected]


def test_labels_are_left_as_they_are():
    labels = np.array([1.0, NAN, -1.0])
    are_labelled(labels, (-1,))
    np.testing.assert_array_equal(labels, [1.0, NAN, -1.0])
