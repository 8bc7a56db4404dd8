from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.export import onnx_inputs, to_onnx
from sklearn_mtl.trunks import MLP, ConvNet, MultiInput, SequenceEncoder, VideoEncoder

from .answers import assert_same_answers, session_of

ROWS = 24
RNG = np.random.default_rng(0)
LABELS = {"kind": ["a", "b", "c"] * 8, "size": RNG.normal(size=ROWS)}


def fitted(X, y=LABELS, **params):
    return MultiTaskNetEstimator(**{"n_members": 1, "max_epochs": 2, "random_state": 0, **params}).fit(X, y)


def test_videos():
    X = RNG.integers(256, size=(ROWS, 3, 4, 4), dtype=np.uint8)
    trunk = VideoEncoder(ConvNet((2,), hidden_size=4), SequenceEncoder(hidden_size=4))
    y = {"kind": LABELS["kind"], "frames": [["dark", "light", "dark"]] * ROWS}
    assert_same_answers(fitted(X, y, trunk=trunk), X[:5])


def test_a_module_of_ones_own():
    X = RNG.normal(size=(ROWS, 3))

    def small_net(in_features):
        return nn.Sequential(nn.Linear(in_features, 4), nn.Tanh(), nn.Dropout(0.5))

    assert_same_answers(fitted(X, trunk=small_net, architecture="cross_stitch"), X)


class Random(nn.Module):
    def forward(self, x):
        return x + torch.rand_like(x)


class OfThreeRows(nn.Module):
    def forward(self, x):
        return x.reshape(len(x), -1)


@pytest.mark.parametrize(
    ("module", "message"),
    [(Random, "module Random of ModuleTrunk.*draws random numbers"), (OfThreeRows, "a fixed number of rows")],
)
def test_modules_that_cannot_be_exported_are_refused(module, message):
    net = fitted(RNG.normal(size=(ROWS, 3)), trunk=module, max_epochs=1)
    with pytest.raises(TypeError, match=message):
        to_onnx(net)


def test_several_inputs_keep_their_names():
    X = {
        "said": [["red", "car"], ["blue", "big", "car"], ["car"]] * 8,
        "weight": RNG.normal(size=ROWS),
        "facts": pd.DataFrame({"year": RNG.normal(size=ROWS), "place": ["Bonn", "Cologne"] * 12}),
    }
    inputs = {
        "said": SequenceEncoder("convolutional", 4, 1, embedding_size=3, character_size=2),
        "weight": MLP((), scaling="standard"),
        "facts": MLP((), scaling="standard"),
    }
    y = {**LABELS, "tags": [["x" if "r" in token else "y" for token in row] for row in X["said"]]}
    net = fitted(X, y, trunk=MultiInput(inputs, hidden_size=4, tokens="said"))
    model = to_onnx(net)
    later = {**X, "said": [["RED"], ["green", "car"], *X["said"][2:]], "facts": X["facts"].copy()}
    later["facts"].loc[1, "place"] = "Paris"
    assert_same_answers(net, later, model)
    session = session_of(model)
    assert {each.name: each.shape[1:] for each in session.get_inputs()} == {
        "said": ["n_tokens_0"],
        "weight": [1],
        "year": [1],
        "place": [1],
    }
    with pytest.raises(ValueError, match="X lacks the input 'weight' of the model"):
        onnx_inputs(session, {name: X[name] for name in ("said", "facts")})


def test_inputs_of_the_columns_of_a_frame():
    X = pd.DataFrame({"year": RNG.normal(size=3), "place": ["Bonn", None, "Ulm"], "unread": 0})
    X["signal"] = list(RNG.normal(size=(3, 4, 2)))
    X["image"] = list(RNG.integers(256, size=(3, 5, 5)))
    wanted = {
        "year": ("tensor(double)", [1]),
        "place": ("tensor(string)", [1]),
        "signal": ("tensor(double)", ["n_tokens", 2]),
        "image": ("tensor(uint8)", [5, 5]),
    }
    each = [SimpleNamespace(name=name, type=of, shape=["n", *shape]) for name, (of, shape) in wanted.items()]
    found = onnx_inputs(SimpleNamespace(get_inputs=lambda: each), X)
    assert list(found) == list(wanted)
    np.testing.assert_array_equal(found["year"], X[["year"]].to_numpy())
    assert found["place"].tolist() == [["Bonn"], [""], ["Ulm"]]
    np.testing.assert_array_equal(found["signal"], np.stack(list(X["signal"])))
    np.testing.assert_array_equal(found["image"], np.stack(list(X["image"])))
    assert found["image"].dtype == np.uint8


def test_a_table_of_several_arrays_is_refused_by_its_name():
    X = {"year": RNG.normal(size=ROWS), "weight": RNG.normal(size=ROWS)}
    net = fitted(X, trunk=MultiInput({("year", "weight"): "mlp"}, hidden_size=4), max_epochs=1)
    with pytest.raises(TypeError, match=r"input \('year', 'weight'\) of MultiInput.*pass X as a frame"):
        to_onnx(net)
