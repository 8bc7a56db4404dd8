"""The gradients of a step: compared, where a weighting wants it, and computed."""

from __future__ import annotations

import torch
from torch import Tensor

from ..architectures import Network, Outputs, SplitCut, gramian_of_tensors
from ..model._objective import Objective, TaskLosses


def gramian_of(objective: Objective, network: Network, outputs: Outputs, task_losses: TaskLosses) -> Tensor:
    r"""Compute the Gram matrix :math:`\langle \nabla L_s, \nabla L_t \rangle` of a batch, (T, T).

    The gradients are those of the unweighted losses, with respect to what the weighting says:
    "representation", what the tasks read of each row; "trunk", all parameters that more than one task uses;
    "last_layer", those of the last layer that all tasks share. The graph is kept for the step.

    Parameters
    ----------
    objective : Objective
    network : Network
    outputs : Outputs
        With the cut at the representation, if that is where gradients are compared; without one, as where tasks
        were added to a fitted network, they are compared at the trunk.
    task_losses : TaskLosses
        Attached to the graph.
    """
    losses = task_losses.losses
    if outputs.cut is not None:
        return outputs.cut.gramian(losses, objective.names)
    if objective.grad_at == "last_layer":
        return gramian_of_tensors(losses, objective.last_layer.find(network, losses))
    return gramian_of_tensors(losses, [p for p in network.shared_parameters() if p.requires_grad])


def backward(
    objective: Objective, network: Network, outputs: Outputs, task_losses: TaskLosses, weights: Tensor
) -> None:
    """Compute the gradients of a step.

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
        (total.sum() if total.dim() else total).backward()
        return
    if isinstance(outputs.cut, SplitCut):
        own = objective.task_weights
        outputs.cut.backward(task_losses.losses, own, own * weights, objective.names, outputs.penalty)
        return
    shared = [parameter for parameter in network.shared_parameters() if parameter.requires_grad]
    known = {id(parameter) for parameter in shared}
    private = [p for p in network.parameters() if p.requires_grad and id(p) not in known]
    if shared:
        total = objective.total(task_losses, weights, outputs.penalty)
        total.backward(inputs=shared, retain_graph=bool(private))
    if private:
        objective.total(task_losses, torch.ones_like(weights), outputs.penalty).backward(inputs=private)
