"""The steps of a fit by several processes, each of which trains its share of the rows.

A step is that of one process with the rows of all shares: labelled elements are counted over all processes before
losses are divided by their number, and gradients are summed. The modules are not wrapped in torch's
``DistributedDataParallel``, which averages gradients, and expects one forward pass by one method.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..architectures import Outputs
from ..data._dataset import DataSplit, fewest_rows
from ..exceptions import ParallelError
from ..model._blueprint import Blueprint
from ..model._objective import TaskLosses
from ..utils._digest import digest
from ..utils._ranks import Ranks


def refuse_network(network: nn.Module, blueprint: Blueprint) -> None:
    """Raise ValueError if the loss or a layer of a network depends on several rows of a step at once."""
    if fewest_rows(network) > 1:
        raise ValueError(
            "several processes do not work with a BatchNorm layer, whose statistics would be those of a share of "
            "the rows; use a layer that normalises each row, such as LayerNorm."
        )
    for name in blueprint.active:
        if blueprint.tasks[name].compares_rows:
            raise ValueError(
                f"task {name!r}: several processes do not work with {blueprint.tasks[name]!r}, whose loss "
                "compares all rows of a step."
            )


def refuse_other_rows(ranks: Ranks, split: DataSplit) -> None:
    """Raise ValueError, in all processes, if they have drawn different rows to hold out."""
    held = None if split.valid is None else split.valid.data.rows
    own = digest([None if rows is None else rows.numpy() for rows in (split.train.rows, held)])
    if ranks.any([ranks.of_first(own) != own])[0]:
        raise ValueError(
            "the processes hold out different rows; the splitter in validation should hold out the same in each."
        )


class _OfAllRanks(torch.autograd.Function):
    """Losses of all processes, with the gradient of the share of this one."""

    @staticmethod
    def forward(ctx: Any, losses: Tensor, factor: Tensor, of_all: Tensor) -> Tensor:
        ctx.save_for_backward(factor)
        return of_all.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (factor,) = ctx.saved_tensors
        return grad * factor, None, None


def of_all_ranks(ranks: Ranks, task_losses: TaskLosses, n_rows: int) -> TaskLosses:
    """Compute the losses of a step over the shares of all processes.

    Parameters
    ----------
    ranks : Ranks
    task_losses : TaskLosses
        Of the share of this process.
    n_rows : int
        Rows of the share; 0 if it has a row that does not count.
    """
    losses, mass = task_losses
    own = torch.full_like(losses, n_rows) if mass is None else mass if n_rows else torch.zeros_like(mass)
    known = torch.where(own > 0, losses, 0.0)
    total, mass = ranks.sum(torch.stack([known.detach() * own, own]).double())
    of_all = torch.where(mass > 0, total, 0.0) / torch.where(mass > 0, mass, 1.0)
    factor = torch.where(mass > 0, own / mass, 0.0)
    return TaskLosses(_OfAllRanks.apply(known, factor.to(losses), of_all.to(losses)), mass.to(losses))


def with_one_penalty(ranks: Ranks, outputs: Outputs, check: bool) -> Outputs:
    """Divide the gradient of a penalty, which is that of the weights and so the same everywhere, by the processes.

    Parameters
    ----------
    ranks : Ranks
    outputs : Outputs
    check : bool
        Whether to check that the penalty is the same everywhere.

    Raises
    ------
    ValueError
        If it is not.
    """
    penalty = outputs.penalty
    if penalty is None:
        return outputs
    if check and ranks.any([ranks.of_first(float(penalty.detach())) != float(penalty.detach())])[0]:
        raise ValueError(
            "several processes do not work with an architecture that adds a penalty on the rows of a step, such "
            "as load_balancing or that of SubspaceSharing."
        )
    return outputs.with_penalty((1 / ranks.count - 1) * (penalty - penalty.detach()))


def refuse_unequal(ranks: Ranks, network: nn.Module) -> None:
    """Raise ParallelError if the processes have different networks after training."""
    state = network.state_dict()
    unequal = ranks.unequal(list(state.values()))
    if unequal:
        names = [list(state)[position] for position in unequal]
        raise ParallelError(
            f"the processes have trained different networks: {names[:10]} differ. Layers that learn from the rows "
            "of a step other than by gradients do not work in several processes."
        )
