import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_mtl import MultiTaskNetEstimator, Portfolio
from sklearn_mtl.export import onnx_inputs, to_onnx
from sklearn_mtl.trunks import SequenceEncoder

from .answers import (
    answers_of,
    assert_same,
    assert_same_answers,
    expected_answers,
    session_of,
    traced_answers,
)

TEXTS = [["play", "some", "Jazz"], ["book", "a", "Table", "for", "2"], ["remarkably-long-words"], []] * 6
TAGS = [["O", "O", "B-genre"], ["O", "B-thing", "I-thing", "O", "O"], ["O"], []] * 6
LATER = [
    ["PLAY", "unknown", "jazz"],
    ["BooK"],
    [],
    ["", "a", "remarkably-long-wordz", "remarkably-long-words", "日本", "for"],
]


def fitted(X, y, max_epochs=60, **params):
    settings = {"n_members": 1, "max_epochs": max_epochs, "learning_rate": 0.02, "random_state": 0, **params}
    return MultiTaskNetEstimator(**settings).fit(X, y)


@pytest.fixture(scope="module")
def exported():
    trunk = SequenceEncoder(hidden_size=6, character_size=3, embedding_size=4)
    net = fitted(TEXTS, {"intent": ["music", "place", "word", "none"] * 6, "tags": TAGS}, trunk=trunk)
    return net, to_onnx(net)


def test_recurrent_encoder_reads_tokens_and_decodes_valid_tags(exported):
    net, model = exported
    assert net.tasks_["tags"].grammar_ is not None
    assert_same_answers(net, LATER, model)
    assert_same_answers(net, TEXTS[:3], model)
    assert {"B-thing", "I-thing"} <= set(answers_of(model, TEXTS)["tags_labels"].ravel().tolist())


def test_tokens_are_strings_of_any_number(exported):
    session = session_of(exported[1])
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape) == ("X", "tensor(string)", ["n_rows", "n_tokens"])
    shapes = {each.name: each.shape for each in session.get_outputs()}
    assert shapes["tags_labels"] == ["n_rows", "n_tokens"]
    assert shapes["tags_probabilities"] == ["n_rows", "n_tokens", len(exported[0].tasks_["tags"].classes_)]


def test_sentences_of_any_container_are_split_at_white_space(exported):
    texts = ["play  some Jazz", "book"]
    session = session_of(exported[1])
    tokens = [["play", "some", "Jazz"], ["book", "", ""]]
    for X in (texts, pd.Series(texts), pd.DataFrame({"said": texts})):
        assert onnx_inputs(session, X)["X"].tolist() == tokens
    with pytest.raises(ValueError, match="row 1 of X ends with an empty token"):
        onnx_inputs(session, [["a"], ["b", ""]])


@pytest.mark.parametrize("architecture", ["mmoe", "cross_stitch", "independent"])
def test_convolutional_encoder_of_words_alone_and_tags_of_numbers(architecture):
    tags = [[4, 4, 7], [4, 7, 7, 4, 4], [7], []] * 6
    trunk = SequenceEncoder(
        "convolutional", 4, 1, character_size=0, embedding_size=3, lowercase=False, pooling="mean"
    )
    y = {"length": [len(row) / 3 for row in TEXTS], "tags": tags}
    net = fitted(TEXTS, y, trunk=trunk, architecture=architecture, max_epochs=3)
    assert_same(net, traced_answers(net, LATER), expected_answers(net, LATER))


def test_recipes_of_a_portfolio_that_read_words_in_different_ways_are_refused():
    recipes = {str(low): {"trunk": SequenceEncoder("convolutional", 4, 1, lowercase=low)} for low in (True, False)}
    net = MultiTaskNetEstimator(ensemble=Portfolio(recipes), max_epochs=2, random_state=0)
    with pytest.raises(TypeError, match="recipes of a portfolio that read X in different ways"):
        to_onnx(net.fit(TEXTS, {"intent": ["a", "b"] * 12}))


def test_transformer_of_sequences_of_numbers():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(1, 6, size=24)]
    net = fitted(X, {"kind": ["a", "b"] * 12}, trunk=SequenceEncoder("transformer", 4, 1, n_heads=2), max_epochs=1)
    assert_same_answers(net, [*X, np.empty((0, 2))])


@pytest.mark.parametrize("encoder", ["recurrent", "transformer"])
def test_sequences_of_numbers_of_an_ensemble(encoder):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(1, 6, size=24)]
    y = {"kind": ["a", "b", "c"] * 8, "tags": [["x" if step[0] > 0 else "y" for step in row] for row in X]}
    net = fitted(
        X, y, trunk=SequenceEncoder(encoder, 4, 1, n_heads=2, pooling="attention"), n_members=2, max_epochs=2
    )
    padded = np.full((2, 7, 2), np.nan)
    padded[:, :3] = rng.normal(size=(2, 3, 2))
    for rows in (X, padded):
        assert_same(net, traced_answers(net, rows), expected_answers(net, rows))


@pytest.mark.skipif("SKLEARN_MTL_DATA" not in os.environ, reason="SKLEARN_MTL_DATA is not set")
def test_sentences_of_snips():
    folder = Path(os.environ["SKLEARN_MTL_DATA"]) / "snips"

    def lines(part, name, n_rows):
        return (folder / part / name).read_text(encoding="utf-8").splitlines()[:n_rows]

    trunk = SequenceEncoder(hidden_size=16, character_size=8, embedding_size=8)
    y = {"intent": lines("train", "label", 400), "slots": [row.split() for row in lines("train", "seq.out", 400)]}
    net = fitted([row.split() for row in lines("train", "seq.in", 400)], y, trunk=trunk, max_epochs=2)
    assert net.tasks_["slots"].grammar_ is not None
    sentences = lines("test", "seq.in", 700)
    assert_same(net, traced_answers(net, sentences), expected_answers(net, sentences))
