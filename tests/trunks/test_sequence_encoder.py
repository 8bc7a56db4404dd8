import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.nn._layers import Dropout
from sklearn_mtl.testing._trunk import Owner, TrunkCase, gather, network, represent
from sklearn_mtl.trunks import SequenceEncoder, StemOutput
from sklearn_mtl.trunks._sequence_stems import TokenDropout
from sklearn_mtl.utils._random import Streams

from ..tasks.cases import objects

ENCODERS = ["recurrent", "convolutional", "transformer"]
SMALL = {"hidden_size": 8, "embedding_size": 5, "character_size": 3}
SENTENCES = ["Play some jazz", "play", "a table for two people", "some rain ?"]
LENGTHS = [3, 1, 5, 3]
RNG = np.random.default_rng(0)
STEPS = [RNG.normal(5, 3, size=(length, 2)) for length in LENGTHS]


def built(trunk, X=SENTENCES):
    fitted, inputs = TrunkCase(trunk, X).fitted()
    return fitted, network(fitted, Streams(0)), gather(inputs, slice(None))


# -- words


def vector_of(modules, trunk, token):
    inputs = gather(trunk.encode([[token]], owner=Owner()), slice(None))
    return modules[0](inputs).values[0, 0]


def test_words_that_fit_did_not_see_differ_by_their_characters():
    trunk, modules, _ = built(SequenceEncoder(**SMALL))
    assert not torch.allclose(vector_of(modules, trunk, "playing"), vector_of(modules, trunk, "tabled"))
    trunk, modules, _ = built(SequenceEncoder(**{**SMALL, "character_size": 0}))
    assert torch.equal(vector_of(modules, trunk, "playing"), vector_of(modules, trunk, "tabled"))


def test_case_is_seen_by_the_characters_only():
    trunk, modules, _ = built(SequenceEncoder(**SMALL))
    lower, upper = vector_of(modules, trunk, "play"), vector_of(modules, trunk, "Play")
    assert torch.equal(lower[:5], upper[:5])
    assert not torch.equal(lower[5:], upper[5:])


def test_words_start_from_the_vectors_that_are_given():
    vectors = np.arange(12.0).reshape(4, 3)
    words = ["Table", "never", "table", "jazz"]
    trunk, modules, _ = built(SequenceEncoder(vocabulary=words, vectors=vectors, **SMALL))
    assert trunk.stem_width_ == 3 + 3 + 1
    for word, vector in {"table": 0, "TABLE": 0, "never": 1, "jazz": 3}.items():
        np.testing.assert_array_equal(vector_of(modules, trunk, word)[:3].detach(), vectors[vector])
    assert vector_of(modules, trunk, "play")[:3].abs().max() < 2
    assert not vector_of(modules, trunk, "unseen")[:3].any()


def test_rows_of_weight_zero_are_as_good_as_absent():
    weight = np.array([1.0, 0.0, 2.0, 0.0])
    trunk = SequenceEncoder().fit(SENTENCES, owner=Owner(), sample_weight=weight)
    alone = SequenceEncoder().fit(SENTENCES[::2], owner=Owner())
    assert trunk.vocabulary_ == alone.vocabulary_
    numbers = SequenceEncoder().fit(STEPS, owner=Owner(), sample_weight=weight)
    twice = SequenceEncoder().fit([STEPS[0], STEPS[2], STEPS[2]], owner=Owner())
    np.testing.assert_allclose(numbers.scaler_, twice.scaler_)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_dropout_drops_entries_of_tokens_and_of_each_layer(encoder):
    _, (stem, body), _ = built(SequenceEncoder(encoder, n_layers=2, dropout=0.3, **SMALL))
    noise = [
        layer for part in (stem, body) for layer in part.modules()
        if isinstance(layer, Dropout) and not isinstance(layer, TokenDropout)
    ]  # fmt: skip
    assert len(noise) == {"recurrent": 4, "convolutional": 5, "transformer": 7}[encoder]
    assert {layer.p for layer in noise} == {0.3}


# -- parameters


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"encoder": "lstm"}, "'encoder' parameter"),
        ({"hidden_size": 7}, "hidden_size=7 .* even"),
        ({"n_layers": 0}, "'n_layers' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"token_dropout": -0.1}, "'token_dropout' parameter"),
        ({"pooling": "sum"}, "'pooling' parameter"),
        ({"encoder": "convolutional", "kernel_size": 4}, "kernel_size=4 .* odd"),
        ({"encoder": "transformer", "hidden_size": 10, "n_heads": 4}, "multiple of n_heads=4"),
        ({"vocabulary": ["a"]}, "must be passed together"),
        ({"vectors": [[1.0]]}, "must be passed together"),
        ({"vocabulary": ["a"], "vectors": np.zeros((2, 3))}, r"the 1 words .* shape \(2, 3\)"),
        ({"vocabulary": ["a"], "vectors": [["x"]]}, "should be finite numbers"),
        ({"vocabulary": ["a"], "vectors": [[np.nan]]}, "should be finite numbers"),
    ],
)
def test_bad_parameters_are_refused_at_fit(params, message):
    with pytest.raises(ValueError, match=message):
        SequenceEncoder(**params).fit(SENTENCES, owner=Owner())


# -- for others


@pytest.mark.parametrize("encoder", ENCODERS)
def test_bodies_for_vectors_that_others_make(encoder):
    trunk = SequenceEncoder(encoder, **SMALL)
    body = trunk.body_for(6, Streams(0), "frames")
    body.eval()
    result = body(StemOutput(torch.randn(2, 4, 6, generator=Streams(0).generator("x")), 1))
    assert result.sample.shape == (2, trunk.width_of(6))
    assert result.token.shape == (2, 4, trunk.width_of(6))
    assert result.token_mask.all()


@pytest.mark.parametrize("encoder", ["convolutional", "transformer"])
def test_several_networks_are_mapped_by_vmap(encoder):
    trunk, _, inputs = built(SequenceEncoder(encoder, dropout=0, token_dropout=0, **SMALL))
    assert trunk.not_stackable is None
    networks = [Together(trunk, Streams(seed)) for seed in range(3)]
    each = [dict(member.named_parameters()) for member in networks]
    stacked = {name: torch.stack([weights[name] for weights in each]) for name in each[0]}
    samples, tokens = vmap(lambda weights: functional_call(networks[0], weights, (inputs,)))(stacked)
    torch.testing.assert_close(samples, torch.stack([member(inputs)[0] for member in networks]))
    torch.testing.assert_close(tokens, torch.stack([member(inputs)[1] for member in networks]))
    mapped = torch.autograd.grad(samples.square().sum() + tokens.square().sum(), list(stacked.values()))
    for name, gradient in zip(stacked, mapped, strict=True):
        for member, network_alone in enumerate(networks):
            sample, token = network_alone(inputs)
            weight = network_alone.get_parameter(name)
            (alone,) = torch.autograd.grad(sample.square().sum() + token.square().sum(), weight)
            torch.testing.assert_close(gradient[member], alone)


class Together(nn.Module):
    """Stem and body as one module, whose result is tensors only."""

    def __init__(self, trunk, streams):
        super().__init__()
        self.modules_ = network(trunk, streams)

    def forward(self, inputs):
        result = represent(self.modules_, inputs)
        return result.sample, result.token


def test_the_recurrent_encoder_says_why_it_is_not_stacked():
    assert "one network at a time" in SequenceEncoder().not_stackable


# -- in the estimator


def sentences_of_a_city(n_rows=120):
    """Sentences in which the word after "to" is a city, tagged, with a class of their own."""
    rng = np.random.default_rng(0)
    syllables = ["ka", "mo", "lu", "ne", "ti", "so"]
    X, intents, tags = [], [], []
    for _ in range(n_rows):
        city = "".join(rng.choice(syllables, size=3))
        verb, rest = (["fly", "drive"][rng.integers(2)], ["now", "please", "and", "back"][: rng.integers(4)])
        X.append([verb, "to", city, *rest])
        tags.append(["O", "O", "B-city", *["O"] * len(rest)])
        intents.append(verb)
    return X, Targets(intent=np.array(intents), city=objects(tags))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_it_learns_classes_of_rows_and_tags_of_words_that_it_did_not_see(encoder):
    X, y = sentences_of_a_city()
    trunk = SequenceEncoder(encoder, hidden_size=32, embedding_size=16, character_size=8)
    net = MultiTaskNetEstimator(
        tasks={"city": "tagging"}, trunk=trunk, learning_rate=1e-2, max_epochs=15, early_stopping=False,
        random_state=0,
    )  # fmt: skip
    net.fit(X[:80], y[:80])
    assert not set(word for row in X[80:] for word in row) <= set(net.net_.blueprint.trunk.vocabulary_)
    predicted = net.predict(X[80:])
    assert (predicted["intent"] == y["intent"][80:]).mean() > 0.9
    assert np.mean(np.concatenate(predicted["city"]) == np.concatenate(y["city"][80:])) > 0.95


def test_predictions_do_not_depend_on_the_other_rows():
    X, y = sentences_of_a_city(30)
    trunk = SequenceEncoder(**SMALL)
    net = MultiTaskNetEstimator(trunk=trunk, tasks={"city": "tagging"}, max_epochs=2, random_state=0).fit(X, y)
    whole = net.predict_proba(X)
    for row in (0, 7, 19):
        alone = net.predict_proba(X[row : row + 1])
        np.testing.assert_allclose(alone["intent"][0], whole["intent"][row], rtol=1e-5)
        np.testing.assert_allclose(alone["city"][0], whole["city"][row], rtol=1e-5)


# -- rows without a token or step


@pytest.mark.parametrize("pooling", ["max", "mean", "attention"])
@pytest.mark.parametrize("encoder", ["recurrent", "convolutional", "transformer"])
def test_rows_of_nothing_are_answered_alike_alone_and_among_others(encoder, pooling):
    rows = ["play some jazz", "", "book a room", "  "] * 5
    trunk = SequenceEncoder(encoder, hidden_size=8, pooling=pooling, n_heads=2)
    net = MultiTaskNetEstimator(trunk=trunk, max_epochs=2, early_stopping=False, random_state=0)
    net.fit(rows, Targets(kind=np.arange(20) % 2, tags=[list(map(str.upper, row.split())) for row in rows]))
    alone, among = net.transform([""]), net.transform(["play", "", "a longer sentence"])
    np.testing.assert_allclose(alone[0], among[1], atol=1e-6)
    assert np.isfinite(alone).all()
    found = net.predict([[], ["play"]])
    assert found["tags"][0] == []
    assert len(found["tags"][1]) == 1
    assert net.predict([""])["kind"].shape == (1,)


@pytest.mark.parametrize(
    "nothing", [np.empty((0, 2)), np.full((3, 2), np.nan), []], ids=["no steps", "padding", "list"]
)
def test_steps_of_nothing_are_answered(nothing):
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(2 + row % 3, 2)) for row in range(20)]
    net = MultiTaskNetEstimator(max_epochs=2, early_stopping=False, random_state=0, n_members=1).fit(
        rows, np.arange(20) % 2
    )
    expected = net.predict_proba([np.empty((0, 2))])
    np.testing.assert_allclose(net.predict_proba([rows[0], nothing])[1], expected[0], atol=1e-6)
    assert net.fit([nothing, *rows[1:]], np.arange(20) % 2).predict([nothing]).shape == (1,)


# -- what holds the rows


@pytest.mark.parametrize("form", ["tensor", "list of tensors", "objects of tensors", "masked", "list of masked"])
def test_steps_come_in_many_forms(form):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 4, 2)).astype(np.float32)
    X[::3, 3:] = np.nan
    there = ~np.isnan(X)
    tensors = [torch.from_numpy(row[: 3 if number % 3 == 0 else 4]) for number, row in enumerate(X)]
    objects = np.empty(20, dtype=object)
    objects[:] = tensors
    below = np.where(there, X, 1e3)
    given = {
        "tensor": torch.from_numpy(X),
        "list of tensors": tensors,
        "objects of tensors": objects,
        "masked": np.ma.array(below, mask=~there),
        "list of masked": [np.ma.array(row, mask=~known) for row, known in zip(below, there, strict=True)],
    }[form]
    net = MultiTaskNetEstimator(trunk="sequence_encoder", max_epochs=2, random_state=0)
    expected = net.fit(X, np.arange(20) % 2).predict_proba(X)
    np.testing.assert_allclose(net.predict_proba(given), expected, atol=1e-5)
    np.testing.assert_allclose(net.fit(given, np.arange(20) % 2).predict_proba(given), expected, atol=1e-5)
