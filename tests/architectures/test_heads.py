import numpy as np
import pytest
import torch
from torch import nn

from sklearn_mtl.architectures import Outputs
from sklearn_mtl.architectures._heads import FusedLinear, Heads
from sklearn_mtl.architectures._views import Views
from sklearn_mtl.nn._layers import Linear
from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.trunks import Representation
from sklearn_mtl.utils._random import Streams

NUMBER, PAIR, THREE = np.arange(6.0), np.arange(12.0).reshape(6, 2), np.arange(6) % 3
WIDTH = 5


class TokenTask(Regression):
    """A task of another level with a head that is no Linear."""

    level = "token"

    def head(self, in_features, generator, grid=None):
        return nn.Sequential(Linear(in_features, 4, generator), nn.ReLU(), Linear(4, self.n_outputs_, generator))


def tasks():
    return {
        "number": Regression().fit(NUMBER),
        "three": Classification().fit(THREE),
        "pair": Regression().fit(PAIR),
        "token": TokenTask().fit(NUMBER),
    }


def representation(*axes):
    generator = Streams(0).generator("x")
    token = torch.randn(*axes, 3, WIDTH, generator=generator)
    return Representation(torch.randn(*axes, WIDTH, generator=generator), token)


@pytest.mark.parametrize("axes", [(7,), (2, 7)])
def test_heads_together_compute_what_each_computes_alone(axes):
    streams, x = Streams(0), representation(*axes)
    outputs = Heads(tasks(), WIDTH, streams)(Views(None, x), list(tasks()))
    for name, task in tasks().items():
        head = task.head(WIDTH, streams.generator("head", name))
        torch.testing.assert_close(outputs[name], head(x.sample if name != "token" else x.token))


def test_linear_heads_are_one_product():
    heads = Heads(tasks(), WIDTH, Streams(0))
    assert [product.weight.shape for product in heads.products] == [(1 + 2 + 3, WIDTH)]
    assert [sorted(names) for names in heads.names] == [["number", "pair", "three"]]


def test_one_task_starts_alike_in_an_array_and_in_a_matrix():
    task = Regression().fit(NUMBER)
    one, other = (Heads({name: task}, WIDTH, Streams(0, [name])).state_dict() for name in ("y", "0"))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("wanted", [[0, 1, 2], [1], [0, 2], [2, 1]])
def test_a_fused_product_gives_the_wanted_maps_side_by_side(wanted):
    maps = [Linear(WIDTH, width, Streams(0).generator(width)) for width in (1, 3, 2)]
    x = representation(7).sample
    torch.testing.assert_close(FusedLinear(maps)(x, wanted), torch.cat([maps[i](x) for i in wanted], dim=-1))


def test_fused_weights_are_copies():
    layer = Linear(WIDTH, 2, Streams(0).generator("a"))
    fused = FusedLinear([layer])
    nn.init.zeros_(layer.weight)
    assert fused.weight.all()


BLOCKS = [(["a", "b"], [1, 2], torch.arange(12.0).reshape(4, 3)), (["c"], [2], torch.ones(4, 2))]


def test_outputs_are_a_mapping_by_task():
    outputs = Outputs(BLOCKS)
    assert (list(outputs), len(outputs)) == (["a", "b", "c"], 3)
    assert outputs["b"].tolist() == [[1, 2], [4, 5], [7, 8], [10, 11]]
    assert "d" not in outputs
    with pytest.raises(KeyError):
        outputs["d"]


@pytest.mark.parametrize("names", [["a", "b"], ["b", "a"], ["c"], ["a"], ["c", "a", "b"]])
def test_outputs_side_by_side_are_in_the_order_asked_for(names):
    outputs = Outputs(BLOCKS)
    assert torch.equal(outputs.side_by_side(names), torch.cat([outputs[name] for name in names], dim=-1))


def test_a_whole_block_is_not_copied():
    assert Outputs(BLOCKS).side_by_side(["a", "b"]) is BLOCKS[0][2]
