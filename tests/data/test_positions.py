"""What rows have that labels can belong to, and labels that do not fit."""

import numpy as np
import pytest

from sklearn_mtl.data._positions import NO_POSITIONS, Positions
from sklearn_mtl.tasks import Regression, Segmentation, SequenceTagging
from sklearn_mtl.testing import TrunkCase
from sklearn_mtl.trunks import MLP, ConvNet, SequenceEncoder

SENTENCES = ["a table for two", "jazz", "rain ?"]
IMAGES = np.zeros((3, 8, 6), dtype=np.uint8)


def positions(trunk, X):
    return Positions.in_rows(X, TrunkCase(trunk, X).fitted()[0])


def tags(*lengths):
    labels = np.empty(len(lengths), dtype=object)
    for row, length in enumerate(lengths):
        labels[row] = ["O"] * length
    return labels


def test_a_table_has_none():
    found = positions(MLP(hidden_sizes=(3,)), np.eye(3))
    assert found.sizes == NO_POSITIONS.sizes == (None, None)
    assert not found.has_tokens


def test_sentences_have_tokens():
    found = positions(SequenceEncoder("convolutional", 4), SENTENCES)
    assert found.has_tokens
    assert found.lengths.tolist() == [4, 1, 2]
    assert found.grid is None


def test_images_have_a_map():
    found = positions(ConvNet(channels=(4, 4), hidden_size=4, pool=2), IMAGES)
    assert found.lengths is None
    assert found.grid == (4, 3)  # pooled by two between the stages


def test_positions_of_some_rows():
    found = positions(SequenceEncoder("convolutional", 4), SENTENCES)
    assert found.of(np.array([True, False, True])).lengths.tolist() == [4, 2]
    assert found.lengths.tolist() == [4, 1, 2]
    assert NO_POSITIONS.of(np.array([True, False])) == NO_POSITIONS


def test_labels_that_fit_are_accepted():
    Positions("trunk", True, np.array([2, 1])).check(SequenceTagging(), tags(2, 1))
    Positions("trunk", True, grid=(2, 2)).check(Segmentation(), np.zeros((2, 4, 4)))
    NO_POSITIONS.check(Regression(), np.zeros(2))


@pytest.mark.parametrize(
    ("found", "task", "y", "message"),
    [
        (NO_POSITIONS, SequenceTagging(), tags(1, 1), "labels each token, but trunk returns a vector per row"),
        (
            NO_POSITIONS,
            Segmentation(),
            np.zeros((2, 4, 4)),
            "labels each pixel, but trunk returns a vector per row",
        ),
        (Positions("T", True), Segmentation(), np.zeros((2, 4, 4)), "but the rows of X are not images"),
        (Positions("T", True, np.array([2, 1])), SequenceTagging(), tags(2, 3), "row 1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(found, task, y, message):
    with pytest.raises(ValueError, match=message):
        found.check(task, y)
