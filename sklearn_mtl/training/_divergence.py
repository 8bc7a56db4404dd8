"""Losses and parameters that are no longer finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..exceptions import DivergenceError
from ..model._objective import Step
from ..weighting import UnsolvableError


def diverged(losses: np.ndarray, names: Sequence[str], epoch: int) -> DivergenceError:
    """Build the error for losses (n_batches, T) of an epoch, one of which is not finite."""
    batch, task = np.argwhere(~np.isfinite(losses))[0]
    return DivergenceError(
        f"the loss of task {names[task]!r} became {losses[batch, task]} in epoch {epoch}, batch {batch + 1}; "
        "a smaller learning_rate or a clip_norm may help.",
        task=names[task],
        epoch=epoch,
        batch=int(batch) + 1,
    )


def unsolved(error: UnsolvableError, log: Sequence[Step], names: Sequence[str], epoch: int) -> DivergenceError:
    """Build the error for a step without task weights; ``log`` has the earlier steps of the epoch."""
    losses = torch.stack([*(step.losses for step in log), error.losses]).double().cpu().numpy()
    if not np.isfinite(losses).all():
        return diverged(losses, names, epoch)
    squares = error.gramian.diagonal().double().cpu().numpy()
    wrong = np.flatnonzero(~np.isfinite(squares))
    if len(wrong):
        task, value = names[wrong[0]], squares[wrong[0]]
        what = f"the squared length of the gradient of task {task!r} became {value}"
    else:
        task, what = None, "the weights of the tasks could not be computed from their gradients"
    where = f"in epoch {epoch}, batch {len(losses)}"
    return DivergenceError(
        f"{what} {where}; a smaller learning_rate or a clip_norm may help.",
        task=task,
        epoch=epoch,
        batch=len(losses),
    )


def refuse_non_finite(weights: Mapping[str, Tensor], epoch: int) -> None:
    """Raise DivergenceError if a parameter is not finite after some epochs."""
    for name, parameter in weights.items():
        if not bool(torch.isfinite(parameter).all()):
            raise DivergenceError(
                f"the parameter {name} is not finite after epoch {epoch}; a smaller learning_rate or a "
                "clip_norm may help.",
                epoch=epoch,
            )
