"""Sequences of tokens and of numbers, and their tags."""

import numpy as np
from scipy.sparse import csr_matrix

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.trunks import SequenceEncoder

from .case import BadInput

N_SENTENCES = 12
SENTENCES = [["play", "some", "jazz"][: 1 + number % 3] for number in range(N_SENTENCES)]
TAGS = [["O", "O", "B-music"][: 1 + number % 3] for number in range(N_SENTENCES)]
INTENT = ["play", "stop"] * (N_SENTENCES // 2)
STEPS = [np.ones((2 + number % 2, 3)) for number in range(N_SENTENCES)]


def column(rows, **changed):
    """Make an object column with one entry replaced: ``row3=[]``."""
    objects = np.empty(len(rows), dtype=object)
    objects[:] = list(rows)
    for row, value in changed.items():
        objects[int(row.removeprefix("row"))] = value
    return objects


def targets(**changed):
    return Targets({"intent": INTENT, "tags": column(TAGS), **changed})


def encoder(**params):
    return SequenceEncoder(**{"encoder": "convolutional", "hidden_size": 6, "embedding_size": 4, **params})


def fit_sentences(X=None, y=None, **params):
    defaults = {"trunk": encoder(character_size=2), "max_epochs": 1, "batch_size": 4, "random_state": 0}
    estimator = MultiTaskNetEstimator(**{**defaults, **params})
    return estimator.fit(column(SENTENCES) if X is None else X, targets() if y is None else y)


def with_sentence(value):
    return lambda: fit_sentences(column(SENTENCES, row3=value))


def with_tags(**changed):
    return lambda: fit_sentences(y=targets(tags=column(TAGS, **changed)))


def fit_steps(X):
    return lambda: fit_sentences(X, Targets(intent=INTENT), trunk=encoder())


def with_steps(value):
    return fit_steps(column(STEPS, row3=value))


def with_encoder(**params):
    return lambda: fit_sentences(trunk=encoder(**params))


SEQUENCE_ROWS = [
    BadInput(
        "all sequences are empty",
        lambda: fit_sentences(column([[]] * len(SENTENCES)), Targets(intent=INTENT), trunk=encoder()),
        ValueError,
        "X has only empty sequences",
    ),
    BadInput(
        "a list of tokens is no list", with_sentence(5), TypeError, "row 3 of X is 5; it should be a list of"
    ),
    BadInput("a sequence is None", with_sentence(None), TypeError, "row 3 of X is None; it should be a list"),
    BadInput("a token is no text", with_sentence(["play", 3]), TypeError, "row 3 of X has the token 3"),
    BadInput(
        "one text at predict",
        lambda: fit_sentences().predict("play some jazz"),
        TypeError,
        "X should be a list, an array or a Series of sequences, got 'play some jazz'",
    ),
    BadInput("there is no sequence", lambda: fit_sentences(column([])), ValueError, "X has 0 samples"),
    BadInput(
        "a table as sequences", fit_steps(np.ones((N_SENTENCES, 3))), ValueError, r"X has the shape \(12, 3\)"
    ),
    BadInput(
        "a sparse matrix as sequences",
        fit_steps(csr_matrix(np.ones((N_SENTENCES, 3)))),
        TypeError,
        "X should be a list, an array or a Series of sequences",
    ),
    BadInput(
        "numbers after tokens",
        lambda: fit_sentences().predict(np.ones((2, 3, 3))),
        ValueError,
        "X has sequences of numbers, but SequenceEncoder was fitted with sequences of tokens",
    ),
    BadInput(
        "a sequence of numbers has another width",
        with_steps(np.ones((2, 4))),
        ValueError,
        "row 3 of X has 4 features; expected 3",
    ),
    BadInput(
        "a sequence of numbers is 1-D", with_steps(np.ones(3)), ValueError, r"row 3 of X has the shape \(3,\)"
    ),
    BadInput("a sequence of numbers holds text", with_steps([["a"]]), TypeError, "row 3 of X is .*expected num"),
    BadInput(
        "a sequence of numbers contains NaN",
        with_steps(np.array([[1, np.nan, 1], [1, 1, 1]])),
        ValueError,
        "row 3 of X contains NaN or infinity",
    ),
    BadInput(
        "an odd width of two directions",
        with_encoder(encoder="recurrent", hidden_size=7),
        ValueError,
        "hidden_size=7 of SequenceEncoder should be an even number",
    ),
    BadInput(
        "a width that the heads cannot share",
        with_encoder(encoder="transformer", hidden_size=10, n_heads=3),
        ValueError,
        "hidden_size=10 of SequenceEncoder should be a multiple of n_heads=3",
    ),
    BadInput(
        "an unknown encoder", with_encoder(encoder="lstm"), ValueError, "'encoder' parameter of SequenceEncoder"
    ),
]

TAG_ROWS = [
    BadInput(
        "there are more tags than tokens",
        with_tags(row3=["O", "O"]),
        ValueError,
        "task 'tags': row 3 has 2 tags for 1 tokens",
    ),
    BadInput(
        "there are fewer tags than tokens",
        with_tags(row2=["O"]),
        ValueError,
        "task 'tags': row 2 has 1 tags for 3 tokens",
    ),
    BadInput(
        "there are more tags than tokens at score",
        lambda: fit_sentences().score(column(SENTENCES), targets(tags=column(TAGS, row3=["O", "O"]))),
        ValueError,
        "row 3 has 2 tags for 1 tokens",
    ),
    BadInput("tags are no list", with_tags(row3=3), ValueError, "task 'tags': row 3 should be a list of labels"),
    BadInput(
        "tags are text and numbers",
        with_tags(row3=[3]),
        ValueError,
        "task 'tags': labels of one task must have one type.*'int', 'str'",
    ),
    BadInput(
        "all tags are missing",
        lambda: fit_sentences(y=targets(tags=column([None] * N_SENTENCES))),
        ValueError,
        "task 'tags': all labels are missing",
    ),
    BadInput(
        "tags of the rows of a table",
        lambda: fit_sentences(np.ones((N_SENTENCES, 3)), tasks={"tags": "tagging"}, trunk="mlp"),
        ValueError,
        "task 'tags': .*labels each token, but MLP returns a vector per row",
    ),
]
