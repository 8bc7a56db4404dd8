"""Scalar products of the tasks' gradients."""

from __future__ import annotations

from torch import Tensor

from ..architectures import Network, Outputs, gramian_of_tensors
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
