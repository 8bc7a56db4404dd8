import numpy as np
import pytest
import torch

from sklearn_mtl.export._alphabet import NONE, OTHER, Alphabet
from sklearn_mtl.export._families import family_of
from sklearn_mtl.export._memories import ScannedMemory
from sklearn_mtl.export._paths import BestPaths
from sklearn_mtl.export._words import Words
from sklearn_mtl.tasks._bio import Grammar, best_paths, bio_grammar
from sklearn_mtl.tasks._distributions import (
    Laplace,
    LogNormal,
    NegativeBinomial,
    Normal,
    NormalMixture,
    Quantiles,
    StudentT,
)
from sklearn_mtl.trunks._sequence_layers import _memory
from sklearn_mtl.trunks._tokens import Vocabulary


def letters_of(alphabet, tokens, width=40):
    letters = torch.full((1, len(tokens), width), NONE)
    for place, token in enumerate(tokens):
        numbers = [alphabet.numbers.get(one, OTHER) for one in token]
        letters[0, place, : len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
    return letters


@pytest.mark.parametrize("lowercase", [True, False])
def test_words_have_the_codes_of_the_vocabulary(lowercase):
    rng = np.random.default_rng(0)
    made = ["".join(rng.choice(list("abcXYZäÉß'1"), size=size)) for size in rng.integers(1, 9, size=3000)]
    vocabulary = Vocabulary(1, lowercase).fit([made[:2000], ["Straße", "naïve", "K"]])
    tokens = [
        *made,
        "STRASSE",
        "STRAßE",
        "NAÏVE",
        "naïvely",
        "\u212a",
        "日本",
        "x" * 30,
    ]  # \u212a: the sign of Kelvin
    alphabet = Alphabet(vocabulary)
    codes = Words(vocabulary.words_, alphabet)(letters_of(alphabet, tokens))
    assert codes[0].tolist() == vocabulary.encode([tokens]).words.tolist()
    assert len(set(codes[0].tolist())) > 1000


def test_words_whose_capitals_depend_on_their_place_are_announced():
    with pytest.warns(UserWarning, match="a sigma at the end of a word"):
        Alphabet(Vocabulary(1, lowercase=True).fit([["λόγος"]]))
    Alphabet(Vocabulary(1, lowercase=False).fit([["λόγος"]]))


GRAMMARS = {
    "BIO": bio_grammar(["O", "B-a", "I-a", "B-b", "I-b"]),
    "IOBES": bio_grammar(["O", "B-a", "I-a", "E-a", "S-a"]),
    "a label that follows none": Grammar(
        np.array([True, True, False]),
        np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0]], dtype=bool),
        np.ones(3, dtype=bool),
    ),
}


@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS)
def test_best_paths_are_those_of_predict(grammar):
    rng = np.random.default_rng(0)
    lengths = np.array([7, 1, 0, 4, 7, 2])
    scores = rng.normal(size=(len(lengths), 7, len(grammar.start))).astype(np.float32)
    found = BestPaths(grammar)(torch.tensor(scores), torch.tensor(lengths)).numpy()
    there = np.arange(7) < lengths[:, None]
    assert found[there].tolist() == best_paths(scores[there], lengths, grammar).tolist()


def test_a_scanned_memory_is_that_of_torch():
    generator = torch.Generator().manual_seed(0)
    memory = _memory(3, 4, generator)
    x = torch.randn(2, 5, 3, generator=generator)
    torch.testing.assert_close(ScannedMemory(memory)(x)[0], memory(x)[0])


SHIFT, SCALE = np.array([3.0, -1.0]), np.array([2.0, 0.0])
FAMILIES = [
    Normal(SHIFT, SCALE),
    Laplace(SHIFT, SCALE),
    StudentT(SHIFT, SCALE),
    LogNormal(SHIFT, np.array([2.0, 0.5]), np.array([4.0, 0.0])),
    NormalMixture(SHIFT, SCALE, 3),
    NegativeBinomial(np.array([3.0, 0.5])),
    Quantiles(SHIFT, SCALE, np.array([0.1, 0.3, 0.5, 0.9])),
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_families_predict_and_average_as_in_numpy(family):
    rng = np.random.default_rng(0)
    parameters = 2 * rng.normal(size=(3, 50, 2, family.n_parameters))
    weights = np.array([0.5, 0.2, 0.3])
    traced = family_of(family)
    averaged = family.average(parameters, weights)
    found = traced.average(torch.tensor(parameters), torch.tensor(weights)).numpy()
    np.testing.assert_allclose(found, averaged, rtol=1e-6, atol=1e-9)
    middle, spread = (values.numpy() for values in traced(torch.tensor(averaged)))
    np.testing.assert_allclose(middle, family.location(averaged), rtol=1e-9)
    if isinstance(family, Quantiles):
        expected = family.quantiles(averaged[None], family.levels, np.ones(1))
    else:
        expected = family.predicted(averaged[None], np.ones(1)).std()
    np.testing.assert_allclose(spread, expected, rtol=1e-6, atol=1e-8)
