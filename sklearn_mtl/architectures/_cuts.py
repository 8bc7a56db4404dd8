"""Cuts: the places in a network where gradients of tasks are compared and weighted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..nn._layers import affine


class Cut(ABC):
    """Place between the shared part and the private parts, in the autograd graph of a batch."""

    @abstractmethod
    def gramian(self, losses: Tensor, names: Sequence[str]) -> Tensor:
        r"""Compute :math:`\langle \nabla L_s, \nabla L_t \rangle` at the cut, (T, T), and keep the graph.

        Parameters
        ----------
        losses : Tensor of shape (T,)
            Attached to the graph.
        names : sequence of str
            The tasks in the order of the losses.
        """


class SplitCut(Cut):
    """Cut at which the gradients of the tasks are separate, so that one backward pass can weight them."""

    @abstractmethod
    def backward(
        self, losses: Tensor, own: Tensor, passing: Tensor, names: Sequence[str], penalty: Tensor | None
    ) -> None:
        r"""Backpropagate :math:`\sum_t a_t L_t`, with different weights for the gradients that pass the cut.

        Parameters
        ----------
        losses : Tensor of shape (T,)
            Attached to the graph.
        own : Tensor of shape (T,)
            The weights :math:`a_t` for the private part of each task.
        passing : Tensor of shape (T,)
            Weights for the part before the cut.
        names : sequence of str
            The tasks in the order of the losses.
        penalty : Tensor of shape () or None
            Additional term, with weight 1.
        """


class SharedCut(Cut):
    """Tensors that several tasks read: computing their gradients takes a backward pass per task.

    Parameters
    ----------
    tensors : sequence of Tensor
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = tensors

    def gramian(self, losses: Tensor, names: Sequence[str]) -> Tensor:
        return gramian_of_tensors(losses, self.tensors)


class ViewsCut(SplitCut):
    """Tensors of which each task reads a separate part.

    Parameters
    ----------
    tensors : sequence of Tensor
    axes : sequence of int
        The axis of the tasks, for each of the tensors.
    tasks : sequence of str
        The tasks along the axis.
    shared : bool
        Whether the parts are computed from shared tensors; if not, gradients do not conflict.
    """

    def __init__(self, tensors: Sequence[Tensor], axes: Sequence[int], tasks: Sequence[str], shared: bool) -> None:
        self.tensors, self.axes = tensors, axes
        self.tasks, self.shared = list(tasks), shared

    def gramian(self, losses: Tensor, names: Sequence[str]) -> Tensor:
        gradients = torch.autograd.grad(losses.sum(), self.tensors, retain_graph=True, allow_unused=True)
        known = [(g, axis) for g, axis in zip(gradients, self.axes, strict=True) if g is not None]
        flat = torch.cat([g.movedim(axis, 0).flatten(1) for g, axis in known], dim=1)
        flat = flat[[self.tasks.index(name) for name in names]]
        gramian = flat @ flat.T
        return gramian if self.shared else torch.diag(gramian.diagonal())

    def backward(
        self, losses: Tensor, own: Tensor, passing: Tensor, names: Sequence[str], penalty: Tensor | None
    ) -> None:
        if self.shared:
            factors = torch.where(own > 0, passing / own, 0.0)
            by_part = factors[[list(names).index(name) for name in self.tasks]]
            for tensor, axis in zip(self.tensors, self.axes, strict=True):
                shape = [1] * tensor.dim()
                shape[axis] = len(by_part)
                factor = by_part.view(shape)
                tensor.register_hook(lambda gradient, factor=factor: gradient * factor)
        total = (losses * own).sum()
        (total if penalty is None else total + penalty).backward()


class HeadsCut(SplitCut):
    r"""Linear heads on one representation: gradients at it follow from those at the outputs.

    With :math:`\delta_t = \partial L_t / \partial o_t` and the weights :math:`W_t` of the heads, the gradient of a
    row is :math:`\delta_t W_t`, so :math:`\langle \nabla L_s, \nabla L_t \rangle` is the sum of
    :math:`(\delta_s^\top \delta_t) \circ (W_s W_t^\top)`. No tensor of the size of T representations is needed.

    Parameters
    ----------
    x : Tensor of shape (B, D)
        The representation; (M, B, D) of an ensemble whose members are one network.
    weight : Tensor of shape (sum of K, D), or (M, sum of K, D)
    bias : Tensor of shape (sum of K,), or (M, sum of K)
    tasks : sequence of str
        The tasks of the outputs.
    widths : sequence of int
        Their K.

    Attributes
    ----------
    outputs : Tensor of shape (B, sum of K), or (M, B, sum of K)
        Outputs of the heads.
    """

    def __init__(
        self, x: Tensor, weight: Tensor, bias: Tensor, tasks: Sequence[str], widths: Sequence[int]
    ) -> None:
        self.tasks, self.widths = tasks, widths
        self.x, self.weight = x, weight.detach()
        self.outputs = affine(x.detach(), weight, bias)
        self.delta: Tensor | None = None

    def gramian(self, losses: Tensor, names: Sequence[str]) -> Tensor:
        delta = self._at_outputs(losses)
        products = (delta.mT @ delta) * (self.weight @ self.weight.mT)
        if products.dim() > 2:  # members of an ensemble are one network
            products = products.sum(dim=0)
        columns = self._columns(names)
        if columns is None:
            return products
        of_task = nn.functional.one_hot(columns, len(names)).to(products)
        return of_task.T @ products @ of_task

    def backward(
        self, losses: Tensor, own: Tensor, passing: Tensor, names: Sequence[str], penalty: Tensor | None
    ) -> None:
        delta, columns = self._at_outputs(losses), self._columns(names)
        if columns is not None:
            own, passing = own[columns], passing[columns]
        parts = [(self.outputs, delta * own), (self.x, (delta * passing) @ self.weight)]
        if penalty is not None:
            parts.append((penalty, torch.ones_like(penalty)))
        attached = [(tensor, gradient.to(tensor.dtype)) for tensor, gradient in parts if tensor.requires_grad]
        torch.autograd.backward([tensor for tensor, _ in attached], [gradient for _, gradient in attached])

    def _at_outputs(self, losses: Tensor) -> Tensor:
        """Return the gradients (..., B, sum of K) of the losses, each with respect to the outputs of its task."""
        if self.delta is None:
            (delta,) = torch.autograd.grad(losses.sum(), self.outputs)
            self.delta = delta.to(self.weight.dtype)  # outputs may have a narrower dtype
        return self.delta

    def _columns(self, names: Sequence[str]) -> Tensor | None:
        """Return the position of the task of each output among the names; None if the order is the same."""
        if max(self.widths) == 1 and list(names) == list(self.tasks):
            return None
        positions = [list(names).index(task) for task in self.tasks]
        return torch.tensor(positions).repeat_interleave(torch.tensor(self.widths)).to(self.weight.device)


def gramian_of_tensors(losses: Tensor, tensors: Sequence[Tensor]) -> Tensor:
    """Compute the Gram matrix of gradients with respect to shared tensors, with one backward pass per task."""
    if not tensors:  # nothing is shared
        return torch.zeros(len(losses), len(losses)).to(losses)
    rows = []
    for loss in losses.unbind(-1):
        gradients = torch.autograd.grad(loss, tensors, retain_graph=True, allow_unused=True)
        parts = [torch.zeros_like(t) if g is None else g for g, t in zip(gradients, tensors, strict=True)]
        rows.append(torch.cat([part.flatten() for part in parts]))
    flat = torch.stack(rows)
    return flat @ flat.T
