"""Linear layers with a shared weight: each member equals a plain layer with its own weight."""

import pytest
import torch

from sklearn_mtl.nn._batch_linear import BatchLinear
from sklearn_mtl.nn._layers import Linear
from sklearn_mtl.nn._stacking import stack_networks
from sklearn_mtl.utils._random import Streams

IN, OUT, ROWS, MEMBERS = 5, 3, 7, 4


def plain(n_maps=None):
    maps = [Linear(IN, OUT, Streams(seed).generator("map")).double() for seed in range(n_maps or 1)]
    return maps[0] if n_maps is None else stack_networks(maps, range(n_maps))


def generators(n_members=MEMBERS):
    return [Streams(number).generator("signs") for number in range(n_members)]


def rows(*axes):
    return torch.randn(*axes, ROWS, IN, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def moved(layer):
    """Move every parameter away from its initial value."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += torch.randn(parameter.shape, dtype=parameter.dtype, generator=generator)
    return layer


@pytest.mark.parametrize(
    ("n_maps", "axes"), [(None, ()), (None, (MEMBERS,)), (2, (1,)), (2, (MEMBERS, 2))], ids=str
)
def test_each_member_is_a_map_with_the_scaled_weight(n_maps, axes):
    layer, x = moved(BatchLinear(plain(n_maps), MEMBERS, generators())), rows(*axes)
    found = layer(x)
    r, s, b = layer.input_scales, layer.output_scales, layer.bias
    for member in range(MEMBERS):
        weight = s[member].unsqueeze(-1) * layer.weight * r[member].unsqueeze(-2)
        own = x[member] if axes[:1] == (MEMBERS,) else x
        expected = own @ weight.mT + b[member].unsqueeze(-2)
        torch.testing.assert_close(found[member], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("n_maps", [None, 2])
def test_without_signs_all_members_start_as_the_map(n_maps):
    linear = plain(n_maps)
    x = rows() if n_maps is None else rows(n_maps)
    for output in BatchLinear(linear, MEMBERS)(x):
        torch.testing.assert_close(output, linear(x), rtol=0, atol=1e-12)


def test_signs_part_the_members_and_are_their_own():
    signs = BatchLinear(plain(), MEMBERS, generators()).input_scales
    assert signs.abs().eq(1).all()
    assert len(signs.unique(dim=0)) == MEMBERS
    more = BatchLinear(plain(), 2 * MEMBERS, generators(2 * MEMBERS)).input_scales
    assert torch.equal(more[:MEMBERS], signs)


def test_a_member_more_takes_three_vectors_more():
    def size(n_members):
        return sum(parameter.numel() for parameter in BatchLinear(plain(), n_members).parameters())

    assert size(2) - size(1) == IN + 2 * OUT
    assert size(1) == IN * OUT + IN + 2 * OUT


def test_the_map_it_starts_from_is_left_alone():
    linear = plain()
    before = linear.weight.detach().clone()
    moved(BatchLinear(linear, MEMBERS))
    assert torch.equal(linear.weight, before)
