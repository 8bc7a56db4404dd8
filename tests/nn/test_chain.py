"""A chain of layers has the outputs and gradients of autograd, to the bit."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from sklearn_mtl.nn._chain import Chain, Layer, is_observed, layers_of
from sklearn_mtl.nn._layers import Dropout, Linear, set_draws
from sklearn_mtl.nn._stacking import stack_networks

B, WIDTHS = 7, (5, 6, 4, 3)


def network(dropout=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    modules = []
    for before, after in pairwise(WIDTHS[:-1]):
        modules += [Linear(before, after, generator), nn.ReLU(inplace=True)]
        modules += [Dropout(dropout)] if dropout else []
    return nn.Sequential(*modules, Linear(*WIDTHS[-2:], generator))


def draw_anew(modules):
    set_draws(modules, torch.Generator().manual_seed(3))


def gradients(modules, x, by_hand):
    """Return outputs, the gradient of the inputs, and those of the parameters, of a loss of cubes."""
    modules.zero_grad()
    draw_anew(modules)
    x = x.detach().clone().requires_grad_(x.requires_grad)
    if by_hand:
        chain = Chain(layers_of(modules))
        out = chain.forward(x)
    else:
        out = modules(x)
    (out**3).sum().backward()
    if by_hand:
        chain.backward()
    return [out.detach(), x.grad, *(parameter.grad for parameter in modules.parameters())]


def assert_equal(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("needs_grad", [False, True])
@pytest.mark.parametrize("members", [None, 3], ids=["one", "stacked"])
def test_gradients_are_those_of_autograd(dropout, needs_grad, members):
    modules = network(dropout)
    if members:
        modules = stack_networks([network(dropout, seed) for seed in range(members)], range(members))
    shape = (B, WIDTHS[0]) if members is None else (members, B, WIDTHS[0])
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)).requires_grad_(needs_grad)
    assert_equal(gradients(modules, x, by_hand=True), gradients(modules, x, by_hand=False))


def test_members_may_share_their_inputs():
    modules = stack_networks([network(seed=seed) for seed in range(3)], range(3))
    x = torch.randn(1, B, WIDTHS[0], generator=torch.Generator().manual_seed(1))
    assert_equal(gradients(modules, x, by_hand=True), gradients(modules, x, by_hand=False))


def test_a_chain_is_used_for_step_after_step():
    modules = network()
    chain = Chain(layers_of(modules))
    for seed in range(3):
        x = torch.randn(B, WIDTHS[0], generator=torch.Generator().manual_seed(seed))
        chain.forward(x).square().sum().backward()
        chain.backward()
        assert_equal([p.grad for p in modules.parameters()], gradients_of_squares(modules, x))


def gradients_of_squares(modules, x):
    kept = [parameter.grad.clone() for parameter in modules.parameters()]
    found = torch.autograd.grad(modules(x).square().sum(), list(modules.parameters()))
    for parameter, grad in zip(modules.parameters(), kept, strict=True):
        parameter.grad = grad
    return found


@pytest.mark.parametrize(
    "last",
    [nn.Tanh(), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Sequential(nn.ReLU())],
    ids=lambda m: type(m).__name__,
)
def test_other_modules_are_no_layers(last):
    assert layers_of([Linear(4, 4, torch.Generator()), last]) is None


@pytest.mark.parametrize("first", [nn.ReLU(), Dropout(0.5)], ids=["relu", "dropout"])
def test_an_affine_map_comes_first(first):
    assert layers_of([first, Linear(4, 4, torch.Generator())]) is None


def test_two_of_a_kind_are_no_layer():
    linear = Linear(4, 4, torch.Generator())
    assert layers_of([linear, Dropout(0.5), nn.ReLU()]) is None
    assert layers_of([linear, Dropout(0.5), Dropout(0.5)]) is None
    assert layers_of([linear, nn.ReLU(), linear]) == [
        Layer(linear.weight, linear.bias, True),
        Layer(linear.weight, linear.bias),
    ]


@pytest.mark.parametrize(
    "observe",
    [
        lambda m: m[0].register_forward_hook(lambda *_: None),
        lambda m: m.register_forward_pre_hook(lambda *_: None),
        lambda m: m[1].register_full_backward_hook(lambda *_: None),
        lambda m: m[0].weight.register_hook(lambda grad: 2 * grad),
        lambda m: m[0].bias.register_post_accumulate_grad_hook(lambda _: None),
        lambda m: m[0].requires_grad_(False),
    ],
    ids=["forward", "before forward", "backward", "gradient", "accumulated", "frozen"],
)
def test_hooks_and_frozen_parameters_are_observed(observe):
    modules = network()
    assert not is_observed(modules)
    observe(modules)
    assert is_observed(modules)
