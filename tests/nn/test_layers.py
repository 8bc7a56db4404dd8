import math

import pytest
import torch
from torch import nn

from sklearn_mtl.nn._layers import Draws, DrawsAtRandom, Dropout, Linear, affine, at_positions, set_draws
from sklearn_mtl.utils._random import Streams


def generator(name="a"):
    return Streams(0).generator(name)


def test_linear_is_an_affine_map():
    layer = Linear(3, 2, generator())
    x = torch.randn(4, 5, 3, generator=generator())
    torch.testing.assert_close(layer(x), x @ layer.weight.T + layer.bias)


def test_linear_starts_from_its_generator_only():
    before = torch.get_rng_state()
    one, other = Linear(3, 2, generator()), Linear(3, 2, generator())
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(one.bias, other.bias)
    assert torch.equal(torch.get_rng_state(), before)


def test_linear_starts_in_the_bounds_of_torch():
    layer = Linear(16, 400, generator())
    for parameter in (layer.weight, layer.bias):
        assert parameter.abs().max() <= 1 / math.sqrt(16)
        assert parameter.std().item() == pytest.approx(1 / math.sqrt(3 * 16), rel=0.1)


def test_linear_without_inputs_gives_zeros():
    assert Linear(0, 2, generator())(torch.ones(3, 0)).tolist() == [[0, 0]] * 3


def dropout(p, x, name="mask"):
    layer = Dropout(p)
    set_draws(layer, generator(name))
    return layer(x)


def test_dropout_keeps_the_mean():
    dropped = dropout(0.25, torch.ones(100_000))
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert dropped.unique().tolist() == [0, pytest.approx(4 / 3)]


def test_dropout_masks_come_from_its_generator():
    x = torch.ones(50)
    before = torch.get_rng_state()
    assert torch.equal(dropout(0.5, x), dropout(0.5, x))
    assert not torch.equal(dropout(0.5, x), dropout(0.5, x, "another mask"))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("layer", [Dropout(0.5).eval(), Dropout(0.0)], ids=["evaluation", "p=0"])
def test_dropout_does_nothing(layer):
    x = torch.randn(7, generator=generator())
    assert torch.equal(layer(x), x)


def test_dropout_passes_gradients_where_it_keeps():
    x = torch.ones(50, requires_grad=True)
    kept = dropout(0.5, x)
    kept.sum().backward()
    assert torch.equal(x.grad, kept.detach())


def test_generator_reaches_every_dropout_of_a_module():
    inner = Dropout(0.5)
    module = nn.Sequential(Dropout(0.1), nn.Sequential(nn.ReLU(), inner))
    ours = generator()
    set_draws(module, ours)
    assert inner.draws is module[0].draws
    assert inner.draws.generators == [ours]
    set_draws(module, None)
    assert inner.draws is module[0].draws is None


class _Noise(DrawsAtRandom, nn.Module):
    def forward(self, x):
        return x + self.draws.like(x)


class _Picture(nn.Module):
    def __init__(self):
        super().__init__()
        self.draws = "a picture"


def test_random_numbers_reach_what_inherits_them_and_nothing_else():
    module = nn.Sequential(_Noise(), _Picture())
    assert module[0].draws is None
    set_draws(module, generator())
    assert not torch.equal(module[0](torch.zeros(3)), torch.zeros(3))
    assert module[1].draws == "a picture"


@pytest.mark.parametrize(("p", "draws"), [(0.0, False), (0.5, True), (torch.zeros(2, 1, 1), True)])
def test_dropout_says_whether_it_draws(p, draws):
    assert Dropout(p).draws_at_random is draws


def test_positions_are_mapped_as_if_each_were_a_row():
    layer = Linear(3, 2, generator())
    x = torch.randn(4, 5, 6, 3, generator=generator())
    mapped = at_positions(layer, x)
    assert mapped.shape == (4, 5, 6, 2)
    torch.testing.assert_close(mapped[1, 2], layer(x[1, 2]))


def test_dropout_without_random_numbers_is_refused():
    with pytest.raises(RuntimeError, match="set_draws"):
        Dropout(0.5)(torch.ones(3))


def test_members_of_one_seed_draw_alike_and_each_as_alone():
    x = torch.ones(3, 5, 4)
    layer = Dropout(torch.tensor([0.5, 0.5, 0.2])[:, None, None])
    set_draws(layer, Draws([generator("one"), generator("other")], torch.tensor([0, 1, 0])))
    dropped = layer(x)
    for member, (p, name) in enumerate([(0.5, "one"), (0.5, "other"), (0.2, "one")]):
        assert torch.equal(dropped[member], dropout(p, x[member], name))


def test_an_affine_map_of_members_is_that_of_each():
    layers = [Linear(3, 2, generator(name)) for name in "abc"]
    x = torch.randn(3, 5, 3, generator=generator())
    weight, bias = torch.stack([m.weight for m in layers]), torch.stack([m.bias for m in layers])
    expected = torch.stack([layer(part) for layer, part in zip(layers, x, strict=True)])
    torch.testing.assert_close(affine(x, weight, bias), expected)


def test_dropout_shows_its_rate():
    assert repr(Dropout(0.3)) == "Dropout(p=0.3)"


@pytest.mark.parametrize("p", [0.001, 0.25, 0.9, 0.9999999])
def test_rates_of_one_network_and_of_members_drop_alike(p):
    x = torch.ones(1, 100, 999)
    alone = dropout(p, x)
    members = Dropout(torch.tensor([p], dtype=torch.float64)[:, None, None])
    set_draws(members, Draws([generator("mask")], torch.tensor([0])))
    assert torch.equal(members(x) > 0, alone > 0)
    assert abs((alone == 0).float().mean().item() - p) < 0.01 * (p * (1 - p)) ** 0.5 + 2**-14
