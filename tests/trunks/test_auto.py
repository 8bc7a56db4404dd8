import numpy as np
import pandas as pd
import polars as pl
import pytest
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.trunks import MLP, ConvNet, ModuleTrunk, MultiInput, SequenceEncoder, VideoEncoder, resolve_trunk

from .._helpers import column

NUMBERS = np.arange(12.0).reshape(4, 3)
TOKENS = [["a", "b"], ["a"], ["c", "a", "b"], ["b"]]


CHOSEN = {
    "numbers": (NUMBERS, MLP),
    "token lists": (TOKENS, SequenceEncoder),
    "grey images": (np.zeros((4, 8, 8), dtype=np.uint8), ConvNet),
    "a mapping": ({"a": NUMBERS, "b": TOKENS}, MultiInput),
    "targets": (Targets(a=NUMBERS, b=column(TOKENS)), MultiInput),
    "a frame with lists": (pd.DataFrame({"x": [1.0, 2.0], "t": [["a"], ["b", "c"]]}), MultiInput),
    "a polars frame with lists": (pl.DataFrame({"x": [1.0, 2.0], "t": [["a"], ["b", "c"]]}), MultiInput),
}


@pytest.mark.parametrize("what", CHOSEN)
def test_auto_chooses_by_what_x_is(what):
    X, expected = CHOSEN[what]
    assert type(resolve_trunk("auto", X)) is expected


def test_without_rows_auto_is_the_recipe_for_tables():
    assert repr(resolve_trunk("auto")) == repr(resolve_trunk("auto", NUMBERS))
    assert resolve_trunk("auto").n_bins


def test_names_of_trunks():
    names = {"mlp": MLP, "conv_net": ConvNet, "sequence_encoder": SequenceEncoder, "video_encoder": VideoEncoder}
    for name, trunk in {**names, "multi_input": MultiInput, "module_trunk": ModuleTrunk}.items():
        assert type(resolve_trunk(name)) is trunk


def test_a_class_or_function_that_makes_a_module_is_a_trunk():
    assert resolve_trunk(nn.Flatten).module is nn.Flatten
    assert type(resolve_trunk(lambda in_features: nn.Linear(in_features, 2))) is ModuleTrunk


@pytest.mark.parametrize("trunk", ["cnn", 3, None])
def test_other_trunks_are_refused(trunk):
    with pytest.raises(ValueError, match="should be a Trunk or one of"):
        resolve_trunk(trunk)


def test_the_class_of_a_trunk_is_not_its_spec():
    with pytest.raises(ValueError, match=r"write ConvNet\(\)"):
        resolve_trunk(ConvNet)


@pytest.mark.parametrize("what", ["token lists", "grey images", "a mapping", "a frame with lists"])
def test_auto_learns_from_rows_of_its_kind(what):
    X, expected = CHOSEN[what]
    y = np.arange(len(X) if what != "a mapping" else 4) % 2
    net = MultiTaskNetEstimator(max_epochs=2, random_state=0, n_members=1).fit(X, y)
    assert type(net._model.blueprint.trunk) is expected
    assert net.predict(X).shape == y.shape
