"""Ready-made vectors of words, and the rows of an embedding that they go to."""

import numpy as np
import pytest
import torch

from sklearn_mtl.trunks._tokens import FIRST, Vocabulary
from sklearn_mtl.trunks._word_vectors import check_vectors, place_vectors


@pytest.mark.parametrize("lowercase", [True, False])
def test_vectors_go_to_the_rows_of_their_words_and_nowhere_else(lowercase):
    words = ["Table", "jazz", "table"]
    vocabulary = Vocabulary(1, lowercase, known=words).fit([["play", "jazz"]])
    vectors = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    embedding = torch.zeros(FIRST + len(vocabulary.words_), 2)
    place_vectors(embedding, vectors, words, vocabulary)
    rows = {word: embedding[code].tolist() for word, code in vocabulary.words_.items()}
    # in lower case two words are one, of which the first counts
    expected = {"Table": [1, 2], "jazz": [3, 4], "table": [5, 6]}
    expected = {"table": [1, 2], "jazz": [3, 4]} if lowercase else expected
    assert rows == {**expected, "play": [0, 0]}
    assert not embedding[:FIRST].any()


def test_no_vectors_are_none():
    assert check_vectors(None, None) is None


@pytest.mark.parametrize(
    ("vectors", "words", "message"),
    [
        (np.eye(2), None, "passed together"),
        (None, ["a"], "passed together"),
        (np.eye(2), ["a"], "for the 1 words"),
        (np.ones(2), ["a", "b"], r"of shape \(2,\)"),
        ([[np.nan]], ["a"], "finite numbers"),
        ([["1"]], ["a"], "finite numbers"),
    ],
)
def test_other_vectors_are_refused(vectors, words, message):
    with pytest.raises(ValueError, match=message):
        check_vectors(vectors, words)
