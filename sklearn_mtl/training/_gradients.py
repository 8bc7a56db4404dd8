"""The gradients of a step, and their comparison between tasks."""

from __future__ import annotations

import torch
from torch import Tensor

from ..architectures import Network, Outputs, SplitCut, gramian_of_tensors
from ..model._objective import Objective, TaskLosses


def gramian_of(objective: Objective, network: Network, outputs: Outputs, task_losses: TaskLosses) -> Tensor:
    r"""Compute the Gram matrix :math:`\langle \nabla L_s, \nabla L_t \rangle` of a batch, (T, T).

    The gradients are those of the unweighted losses. The weighting chooses what they are taken with respect to:
    "representation", the vectors that the tasks read; "trunk", all parameters that more than one task uses;
    "last_layer", the parameters of the last layer that all tasks share. The graph is kept for the step.

    Parameters
    ----------
    objective : Objective
    network : Network
    outputs : Outputs
        With a cut if gradients are compared at the representation. Without a cut, for instance for tasks that
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

    Weights of losses apply to all parameters. Weights of gradients apply only to parameters that the tasks share;
    private parameters get the gradient of the task's unweighted loss.

    Parameters
    ----------
    objective : Objective
    network : Network
    outputs : Outputs
        With a cut if gradients are compared at the representation.
    task_losses : TaskLosses
        Attached to the graph.
    weights : Tensor of shape (T,)
        Output of the weighting.
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
