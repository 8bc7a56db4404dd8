"""The trunk of one input, chosen by its shape and dtype."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits

from sklearn_mtl import MultiTaskNetClassifier
from sklearn_mtl.trunks import MLP, ConvNet, SequenceEncoder, VideoEncoder, resolve_trunk
from sklearn_mtl.trunks._choice import choose_single

from .._helpers import column

NUMBERS = np.arange(12.0).reshape(4, 3)
TOKENS = [["a", "b"], ["a"], ["c", "a", "b"], ["b"]]


CHOSEN = {
    "numbers": (NUMBERS, MLP),
    "a list of rows": (NUMBERS.tolist(), MLP),
    "pandas": (pd.DataFrame({"x": [1.0, 2.0], "c": ["u", "v"]}), MLP),
    "polars": (pl.DataFrame({"x": [1.0, 2.0], "c": ["u", "v"]}), MLP),
    "sparse": (csr_matrix(NUMBERS), MLP),
    "sentences": (["a b", "c"], SequenceEncoder),
    "an array of sentences": (np.array(["a b", "c"]), SequenceEncoder),
    "a Series of sentences": (pd.Series(["a b", "c"], index=[7, 8]), SequenceEncoder),
    "token lists": (TOKENS, SequenceEncoder),
    "a column of token lists": (column(TOKENS), SequenceEncoder),
    "a polars Series of token lists": (pl.Series(TOKENS), SequenceEncoder),
    "steps": (np.zeros((4, 5, 2)), SequenceEncoder),
    "rows of steps": ([np.zeros((5, 2)), np.zeros((3, 2))], SequenceEncoder),
    "grey images": (np.zeros((4, 8, 8), dtype=np.uint8), ConvNet),
    "images": (np.zeros((4, 8, 8, 3)), ConvNet),
    "a list of images": ([np.zeros((8, 8, 3))] * 2, ConvNet),
    "videos": (np.zeros((4, 2, 8, 8, 3)), VideoEncoder),
}


@pytest.mark.parametrize("what", CHOSEN)
def test_one_input_is_told_by_what_it_is(what):
    X, expected = CHOSEN[what]
    assert type(choose_single(X)) is expected


@pytest.mark.parametrize("what", CHOSEN)
def test_alone_it_is_what_auto_chooses(what):
    X, _ = CHOSEN[what]
    assert repr(resolve_trunk("auto", X)) == repr(choose_single(X))


DIGITS = load_digits().images[:60]


def net(**params):
    return MultiTaskNetClassifier(
        **{"trunk": ConvNet(channels=(8,), hidden_size=16), "max_epochs": 4, "random_state": 0, **params}
    )


def test_square_numbers_are_pictures_which_is_said():
    with pytest.warns(
        UserWarning, match="is treated as grey images; pass trunk='conv_net' to confirm, or trunk='seq"
    ):
        learned = net(trunk="auto", max_epochs=1).fit(DIGITS, np.arange(60) % 2)
    assert isinstance(learned._model.blueprint.trunk, ConvNet)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net(trunk="conv_net", max_epochs=1).fit(DIGITS, np.arange(60) % 2)


def test_other_numbers_of_three_axes_are_steps_which_is_said_where_they_may_be_pictures():
    y = np.arange(60) % 2
    with pytest.warns(UserWarning, match="is treated as sequences of steps with features; pass trunk='seq"):
        net(trunk="auto", max_epochs=1).fit(DIGITS[:, :7], y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net(trunk="auto", max_epochs=1).fit(DIGITS[:, :7] - 8, y)
        net(trunk="auto", max_epochs=1).fit(DIGITS[:, :, :2], y)
