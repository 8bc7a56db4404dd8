"""The backward pass, where a weighting weighs losses or gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from ..architectures import Cut, Network, Outputs
from ._objective import Objective, TaskLosses


def backward(
    objective: Objective, network: Network, outputs: Outputs, task_losses: TaskLosses, weights: Tensor
) -> Tensor:
    """Compute the gradients of a step; return the objective.

    Weights of losses weigh everything. Weights of gradients weigh what the tasks share, and leave each task's own
    part to its own loss.

    Parameters
    ----------
    objective : Objective
    network : Network
    outputs : Outputs
        With the cut, if gradients are compared at the representation.
    task_losses : TaskLosses
        Attached to the graph.
    weights : Tensor of shape (T,)
        What the weighting returned.
    """
    if not objective.weighs_gradients:
        total = objective.total(task_losses, weights, outputs.penalty)
        total.backward()
        return total
    plain = objective.total(task_losses, torch.ones_like(weights), outputs.penalty)
    if outputs.cut is not None and outputs.cut.names is not None:
        _scale_at(outputs.cut, weights, objective)
        plain.backward()
        return plain
    shared = network.shared_parameters()
    known = {id(parameter) for parameter in shared}
    private = [parameter for parameter in network.parameters() if id(parameter) not in known]
    if shared:
        total = objective.total(task_losses, weights, outputs.penalty)
        total.backward(inputs=shared, retain_graph=bool(private))
    if private:
        plain.backward(inputs=private)
    return plain


def _scale_at(cut: Cut, weights: Tensor, objective: Objective) -> None:
    """Let the gradient of each task pass the cut with its weight."""
    assert cut.names is not None
    if not cut.shared:
        return
    by_part = weights[[objective.names.index(name) for name in cut.names]]
    for tensor, axis in zip(cut.tensors, cut.axes, strict=True):
        shape = [1] * tensor.dim()
        shape[axis] = len(by_part)
        factor = by_part.view(shape)
        tensor.register_hook(lambda gradient, factor=factor: gradient * factor)
