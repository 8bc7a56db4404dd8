"""Forward and backward pass of plain layers without a graph, for small networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ._layers import Dropout, Linear


class Layer(NamedTuple):
    """An affine map, followed by an optional ReLU and dropout.

    Parameters
    ----------
    weight : Tensor of shape (out, in), or (M, out, in) of stacked members
    bias : Tensor of shape (out,), or (M, out)
    has_relu : bool, default=False
        Whether a ReLU follows.
    dropout : Dropout or None, default=None
        Applied last.
    """

    weight: Tensor
    bias: Tensor
    has_relu: bool = False
    dropout: Dropout | None = None


class Passed(NamedTuple):
    """Values for the backward pass of a layer: its input, its output before dropout, and the dropout mask."""

    x: Tensor
    out: Tensor
    mask: Tensor | None


class Chain:
    r"""Layers :math:`x_{l+1} = m_l \circ \max(x_l W_l^\top + b_l, 0)`, one after the other.

    In a small network the graph of autograd costs as much as the products. So the gradients are computed here.
    With :math:`\delta_l` the gradient at the affine map of layer l, they are :math:`\delta_l^\top x_l` for
    :math:`W_l`, the sum of :math:`\delta_l` over the rows for :math:`b_l`, and :math:`\delta_l W_l` for
    :math:`x_l`. The kernels are those of autograd, so the gradients are equal to the bit.

    Parameters
    ----------
    layers : sequence of Layer
        Of one network, or of M members along a leading axis.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        self._gradients = [(torch.empty_like(layer.weight), torch.empty_like(layer.bias)) for layer in layers]
        self._passed: list[Passed] = []
        self._output = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs (..., B, out) of inputs (..., B, in), as a leaf of the graph of the losses."""
        if self.layers[0].weight.dim() > 2:
            x = x.expand(len(self.layers[0].weight), -1, -1)  # inputs that all members share
        self._passed = []
        with torch.no_grad():
            for weight, bias, has_relu, dropout in self.layers:
                if weight.dim() == 2:
                    out = torch.addmm(bias, x, weight.t())
                else:
                    out = torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)
                if has_relu:
                    out.relu_()
                mask = None if dropout is None else dropout.mask(out)
                self._passed.append(Passed(x, out, mask))
                x = out if mask is None else out * mask
        self._output = x.requires_grad_()
        return x

    def backward(self) -> None:
        """Compute the gradients of the parameters from the gradient of the outputs."""
        delta, first = self._output.grad, self._passed[0].x
        assert delta is not None, "backpropagate the losses first"
        with torch.no_grad():
            for layer, passed, (by_weight, by_bias) in reversed(
                list(zip(self.layers, self._passed, self._gradients, strict=True))
            ):
                if passed.mask is not None:
                    delta = delta * passed.mask
                if layer.has_relu:
                    delta = torch.ops.aten.threshold_backward(delta, passed.out, 0)
                product = torch.mm if layer.weight.dim() == 2 else torch.bmm
                layer.weight.grad = product(delta.mT, passed.x, out=by_weight)
                layer.bias.grad = torch.sum(delta, -2, out=by_bias)
                if passed.x is not first or first.requires_grad:
                    delta = product(delta, layer.weight)
        if first.requires_grad:
            first.backward(delta)
        self._passed = []


def layers_of(modules: Iterable[nn.Module]) -> list[Layer] | None:
    """Describe consecutive modules as layers; return None if one has another type."""
    layers: list[Layer] = []
    for module in modules:
        last = layers[-1] if layers else None
        if type(module) is Linear:
            layers.append(Layer(module.weight, module.bias))
        elif last is not None and type(module) is nn.ReLU and not last.has_relu and last.dropout is None:
            layers[-1] = last._replace(has_relu=True)
        elif last is not None and type(module) is Dropout and last.dropout is None:
            layers[-1] = last._replace(dropout=module)
        else:
            return None
    return layers


def is_observed(network: nn.Module) -> bool:
    """Return whether a network needs the graph of autograd: it has hooks, or parameters without gradients."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if any(getattr(module, name) for module in network.modules() for name in hooks):
        return True
    return any(
        not parameter.requires_grad or parameter._backward_hooks or parameter._post_accumulate_grad_hooks
        for parameter in network.parameters()
    )
