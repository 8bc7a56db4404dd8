"""Scalar products of the tasks' gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..architectures import Cut, Network, Outputs
from ._objective import Objective, TaskLosses


def gramian_of(objective: Objective, network: Network, outputs: Outputs, task_losses: TaskLosses) -> Tensor:
    r"""Compute the Gram matrix :math:`\langle \nabla L_s, \nabla L_t \rangle` of a batch, (T, T).

    The gradients are those of the unweighted losses, with respect to what the weighting says:
    "representation", what the tasks read of each row; "trunk", all parameters that more than one task uses;
    "last_layer", the last of these. The graph is kept for the step.

    Parameters
    ----------
    objective : Objective
    network : Network
    outputs : Outputs
        With the cut at the representation, if that is where gradients are compared.
    task_losses : TaskLosses
        Attached to the graph.
    """
    losses = task_losses.losses
    if objective.grad_at == "representation":
        assert outputs.cut is not None
        return at_cut(losses, outputs.cut, objective.names)
    parameters = network.shared_parameters()
    return of_tensors(losses, parameters if objective.grad_at == "trunk" else parameters[-2:])


def at_cut(losses: Tensor, cut: Cut, names: Sequence[str]) -> Tensor:
    """Compare gradients at the cut; one backward pass through the heads does where each task has its own view."""
    if cut.names is None:
        return of_tensors(losses, cut.tensors)
    gradients = torch.autograd.grad(losses.sum(), cut.tensors, retain_graph=True, allow_unused=True)
    order = [cut.names.index(name) for name in names]
    rows = [g.movedim(axis, 0).flatten(1) for g, axis in zip(gradients, cut.axes, strict=True) if g is not None]
    flat = torch.cat(rows, dim=1)[order]
    gramian = flat @ flat.T
    return gramian if cut.shared else torch.diag(gramian.diagonal())


def of_tensors(losses: Tensor, tensors: Sequence[Tensor]) -> Tensor:
    """Compare gradients with respect to tensors that several tasks use, one backward pass per task."""
    if not tensors:  # nothing is shared
        return torch.zeros(len(losses), len(losses)).to(losses)
    rows = []
    for loss in losses.unbind(-1):
        gradients = torch.autograd.grad(loss, tensors, retain_graph=True, allow_unused=True)
        parts = [torch.zeros_like(t) if g is None else g for g, t in zip(gradients, tensors, strict=True)]
        rows.append(torch.cat([part.flatten() for part in parts]))
    flat = torch.stack(rows)
    return flat @ flat.T
