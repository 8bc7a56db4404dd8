"""Rows of steps: sequences of numbers of different lengths, in every form."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.testing._trunk import Owner, TrunkCase, gather, network
from sklearn_mtl.trunks import SequenceEncoder
from sklearn_mtl.utils._random import Streams

from ..tasks.cases import objects

SMALL = {"hidden_size": 8, "embedding_size": 5, "character_size": 3}
SENTENCES = ["Play some jazz", "play", "a table for two people", "some rain ?"]
LENGTHS = [3, 1, 5, 3]
RNG = np.random.default_rng(0)
STEPS = [RNG.normal(5, 3, size=(length, 2)) for length in LENGTHS]


def built(trunk, X=SENTENCES):
    fitted, inputs = TrunkCase(trunk, X).fitted()
    return fitted, network(fitted, Streams(0)), gather(inputs, slice(None))


def padded(sequences, length=7):
    array = np.full((len(sequences), length, sequences[0].shape[1]), np.nan)
    for row, sequence in zip(array, sequences, strict=True):
        row[: len(sequence)] = sequence
    return array


@pytest.mark.parametrize("wrap", [padded, objects, lambda rows: [row.tolist() for row in rows], tuple])
def test_numbers_are_standardised_over_all_steps(wrap):
    X = wrap(STEPS)
    trunk, (stem, _), inputs = built(SequenceEncoder(**SMALL), X)
    scaler = StandardScaler().fit(np.concatenate(STEPS))
    values, _, mask = stem(inputs)
    assert trunk.lengths(X).tolist() == LENGTHS
    assert trunk.n_features_ == 2
    assert mask.sum(dim=1).tolist() == LENGTHS
    for row, there, sequence in zip(values, mask, STEPS, strict=True):
        length = len(sequence)
        np.testing.assert_allclose(row[:length], scaler.transform(sequence))
        assert not row[length:].any()
        assert there[:length].all()


def test_integers_are_numbers():
    X = np.arange(12).reshape(2, 3, 2)
    whole, real = (built(SequenceEncoder(**SMALL), array)[2]["numbers"] for array in (X, X.astype(float)))
    assert torch.equal(whole, real)


def test_numbers_that_single_precision_cannot_hold_are_refused():
    X = padded(STEPS)
    X[2, 1, 0] = 1e300
    trunk = SequenceEncoder().fit(STEPS, owner=Owner())
    with pytest.raises(ValueError, match="row 2 of X contains NaN or infinity"):
        trunk.encode(X, owner=MultiTaskNetEstimator(n_members=1))


def spoiled(row, value):
    X = padded(STEPS)
    X[row, 1, 0] = value
    return X


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (spoiled(2, np.nan), "row 2 of X contains NaN or infinity"),
        (spoiled(0, np.inf), "row 0 of X contains NaN or infinity"),
        (np.full_like(padded(STEPS), np.nan)[:, :0], "X has only empty sequences"),
        ([[], np.empty((0, 2))], "X has only empty sequences"),
        ([STEPS[0], STEPS[1][:, :1]], "row 1 of X has 1 features; expected 2"),
        ([STEPS[0], STEPS[1][:, 0]], r"row 1 of X has the shape \(1,\)"),
        ([STEPS[0], "play"], "row 1 of X is 'play'; expected numbers"),
        ([STEPS[0], None], "row 1 of X"),
        (np.zeros((3, 4)), r"X has the shape \(3, 4\).*X\[..., None\]"),
        (np.zeros((2, 3, 4, 5)), r"row 0 of X has the shape \(3, 4, 5\)"),
        ([[3, 5], [2]], "row 0 of X has the token 3; a token should be a str"),
        ([np.array([3, 5])], r"row 0 of X has the shape \(2,\)"),
    ],
)
def test_other_numbers_are_refused(X, message):
    with pytest.raises((ValueError, TypeError), match=message):
        SequenceEncoder().fit(X, owner=Owner())


@pytest.mark.parametrize(
    ("seen", "later", "message"),
    [
        (STEPS, SENTENCES, "sequences of tokens, but SequenceEncoder was fitted with sequences of numbers"),
        (SENTENCES, STEPS, "sequences of numbers, but SequenceEncoder was fitted with sequences of tokens"),
        (STEPS, [STEPS[0][:, :1]], "row 0 of X has 1 features; expected 2"),
        (SENTENCES, [], "0 samples"),
    ],
)
def test_later_rows_are_checked(seen, later, message):
    trunk = SequenceEncoder().fit(seen, owner=Owner())
    with pytest.raises(ValueError, match=message):
        trunk.encode(later, owner=Owner())
    with pytest.raises(ValueError, match=message):
        trunk.lengths(later)
