import math

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import nn
from torch.func import functional_call, vmap

from sklearn_mtl.nn._conv import Conv2d, GroupNorm, into_channels, out_of_channels
from sklearn_mtl.nn._stacking import stack_networks
from sklearn_mtl.utils._random import Streams


def generator(name="a"):
    return Streams(0).generator(name)


def images(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=generator("images"))


def convolution(name="a", **params):
    return Conv2d(2, 3, (3, 5), generator(name), **params).double()


def maps_of(layer, x):
    """The maps (..., B, C, H, W) that a convolution makes of images (..., B, H, W, C)."""
    return out_of_channels(layer(into_channels(x, layer.axes)), layer.axes)


# -- one net


@pytest.mark.parametrize("bias", [True, False])
def test_it_is_what_scipy_computes(bias):
    layer, x = convolution(bias=bias), images(2, 6, 7, 2)
    maps = maps_of(layer, x).detach().numpy()
    for row, out in np.ndindex(2, 3):
        kernels = layer.weight[out].detach().numpy()
        expected = sum(correlate2d(x[row, :, :, c], kernels[c], mode="same") for c in range(2))
        np.testing.assert_allclose(maps[row, out], expected + (layer.bias[out].item() if bias else 0))


@pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3), (5, 1), (7, 9)])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (8, 8)])
def test_height_and_width_stay(kernel_size, size):
    layer = Conv2d(2, 3, kernel_size, generator()).double()
    assert maps_of(layer, images(2, *size, 2)).shape == (2, 3, *size)


def test_weights_start_from_the_generator_only():
    before = torch.get_rng_state()
    one, other = convolution(), convolution()
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(one.bias, other.bias)
    assert not torch.equal(one.weight, convolution("b").weight)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_start_in_the_bounds_of_torch():
    layer = Conv2d(4, 200, (3, 3), generator())
    for parameter in (layer.weight, layer.bias):
        assert parameter.abs().max() <= 1 / math.sqrt(36)
        assert parameter.std().item() == pytest.approx(1 / math.sqrt(3 * 36), rel=0.1)


def normalization(n_groups=2, name="a"):
    layer = GroupNorm(6, n_groups).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, generator=generator(name))
    return layer


@pytest.mark.parametrize("n_groups", [1, 2, 6])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_groups_are_normalised_as_torch_does(n_groups, order):
    layer, reference = normalization(n_groups), nn.GroupNorm(n_groups, 6).double()
    reference.load_state_dict(layer.state_dict())
    x = images(4, 6, 5, 3).contiguous(memory_format=order)
    torch.testing.assert_close(layer(x), reference(x))


def test_groups_have_mean_0_and_deviation_1_within_each_image():
    groups = GroupNorm(6, 2).double()(5 + 3 * images(4, 6, 5, 3)).view(4, 2, -1)
    torch.testing.assert_close(groups.mean(dim=-1), torch.zeros(4, 2).double())
    torch.testing.assert_close(groups.std(dim=-1, correction=0), torch.ones(4, 2).double(), rtol=1e-4, atol=0)


# -- several stacked networks


def nested(make, n_outer, n_inner):
    """Layers with two leading axes, and the same as a list of lists."""
    layers = [[make(name=f"{i} {j}") for j in range(n_inner)] for i in range(n_outer)]
    return stack_networks([stack_networks(inner, range(n_inner)) for inner in layers], range(n_outer)), layers


@pytest.mark.parametrize("leading", [(), (1,), (3,)])
def test_nets_side_by_side_are_convolutions_alone(leading):
    layers = [convolution(name) for name in "abc"]
    stacked = stack_networks(layers, [0, 1, 2])
    x = images(*leading, 4, 6, 7, 2)
    each = x.expand(3, *x.shape[-4:])
    torch.testing.assert_close(maps_of(stacked, x), torch.stack(list(map(maps_of, layers, each))))


@pytest.mark.parametrize("leading", [(), (1, 1), (2, 1), (1, 3), (2, 3), (3,)])
def test_two_axes_of_nets(leading):
    stacked, layers = nested(convolution, 2, 3)
    x = images(*leading, 4, 6, 7, 2)
    each = x.expand(2, 3, *x.shape[-4:])
    expected = [torch.stack(list(map(maps_of, *pair))) for pair in zip(layers, each, strict=True)]
    torch.testing.assert_close(maps_of(stacked, x), torch.stack(expected))


def test_maps_of_nets_are_normalised_apart():
    stacked, layers = nested(normalization, 2, 3)
    x = images(2, 3, 4, 5, 3, 6)
    normalized = out_of_channels(stacked(into_channels(x, (2, 3))), (2, 3))
    for i, j in np.ndindex(2, 3):
        torch.testing.assert_close(normalized[i, j], layers[i][j](x[i, j].permute(0, 3, 1, 2)))


def test_maps_come_back_as_they_went():
    x = images(2, 3, 4, 5, 6, 7)
    torch.testing.assert_close(out_of_channels(into_channels(x, (2, 3)), (2, 3)), x.permute(0, 1, 2, 5, 3, 4))


def test_images_that_all_nets_share_are_there_once():
    assert into_channels(images(1, 1, 4, 5, 6, 7), (2, 3)).shape == (4, 7, 5, 6)
    assert into_channels(images(2, 1, 4, 5, 6, 7), (2, 3)).shape == (4, 2 * 7, 5, 6)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_torch_can_map_them(n_channels):
    def layers(name):
        conv = Conv2d(n_channels, 6, (3, 3), generator(name), bias=False).double()
        return nn.Sequential(conv, normalization(name=name), nn.MaxPool2d(2, ceil_mode=True))

    nets, x = [layers(name) for name in "ab"], into_channels(images(4, 5, 7, n_channels), ())
    state = dict(stack_networks(nets, [0, 1]).named_parameters())
    mapped = vmap(lambda tensors: functional_call(nets[0], tensors, (x,)))(state)
    torch.testing.assert_close(mapped, torch.stack([net(x) for net in nets]))
