"""How words become vectors."""

import numpy as np
import pytest
import torch

from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.testing._trunk import TrunkCase, gather, network
from sklearn_mtl.trunks import SequenceEncoder
from sklearn_mtl.trunks._sequence_stems import TokenDropout
from sklearn_mtl.trunks._tokens import FIRST, UNKNOWN
from sklearn_mtl.utils._random import Streams

SMALL = {"hidden_size": 8, "embedding_size": 5, "character_size": 3}
SENTENCES = ["Play some jazz", "play", "a table for two people", "some rain ?"]


def built(trunk, X=SENTENCES):
    fitted, inputs = TrunkCase(trunk, X).fitted()
    return fitted, network(fitted, Streams(0)), gather(inputs, slice(None))


def test_convolution_over_characters_is_that_of_numpy():
    _, (stem, _), inputs = built(SequenceEncoder(**SMALL), ["Abc de", "f"])
    layer = stem.characters
    vectors, filters, bias = (p.detach().numpy() for p in (layer.embedding, layer.filters, layer.bias))
    result = stem(inputs).values[..., 5:8]
    for row, token, word in ((0, 0, "Abc"), (0, 1, "de"), (1, 0, "f")):
        codes = [FIRST + "\0Abcdef".index(character) for character in word]
        padded = np.vstack([np.zeros(25), vectors[codes], np.zeros(25)])
        windows = [padded[p : p + 3].T for p in range(len(word))]
        responses = [np.einsum("fek,ek->f", filters, window) + bias for window in windows]
        np.testing.assert_allclose(result[row, token].detach(), np.maximum(np.max(responses, axis=0), 0))


def dropped(p, counts, training=True):
    layer = TokenDropout(p, np.array(counts)).train(training)
    set_draws(layer, Streams(0).generator("dropout"))
    codes = torch.arange(len(counts)).expand(20_000, -1)
    result = layer(codes)
    assert ((result == codes) | (result == UNKNOWN)).all()
    return (result != codes).double().mean(dim=0).tolist()


def test_tokens_of_rare_words_become_unknown_more_often():
    rates = dropped(0.5, [0, 0, 1, 2, 1000])
    assert rates[:2] == [0, 0]
    assert rates[2:] == pytest.approx([1 / 3, 1 / 5, 0], abs=0.01)


def test_no_token_becomes_unknown_in_prediction_or_at_rate_zero():
    assert dropped(0.5, [0, 0, 1], training=False) == dropped(0.0, [0, 0, 1]) == [0, 0, 0]
