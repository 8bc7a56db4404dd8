"""The backward pass, where a weighting weighs losses or gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from ..architectures import Network, Outputs, SplitCut
from ..model._objective import Objective, TaskLosses


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
