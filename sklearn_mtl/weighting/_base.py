"""Base classes of weightings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from ..nn._layers import DrawsAtRandom


class StepRecord(NamedTuple):
    """Data of one step that a weighting learns from.

    Parameters
    ----------
    losses : Tensor of shape (..., T)
        The losses of the step, 0 for a task without a label in the batch.
    present : Tensor of bool of shape (..., T)
        Which tasks have a label in the batch.
    gramian : Tensor of shape (..., T, T) or None
        Scalar products of the tasks' gradients, if the weighting uses them.
    losses_after : Tensor of shape (..., T) or None
        The losses of the same batch after the step, if the weighting uses them.
    complete : bool, default=False
        Whether all tasks are known to have labels, without reading ``present``.
    """

    losses: Tensor
    present: Tensor
    gramian: Tensor | None = None
    losses_after: Tensor | None = None
    complete: bool = False

    @property
    def present_or_all(self) -> Tensor | None:
        """Return which tasks are present; None if all are known to be."""
        return None if self.complete else self.present


class WeightingModule(DrawsAtRandom, nn.Module):
    """Module that computes the weights of a step and learns from it.

    Learned values are buffers of shape (T,), not parameters, so the optimiser, weight decay and gradient clipping
    of the network do not affect them. In a stack the buffers have shape (M, T).

    Attributes
    ----------
    draws : Draws or None
        Random numbers, set by the trainer at the start of each epoch.
    """

    #: whether it uses the losses of the batch after the step, which costs a forward pass
    looks_twice: ClassVar[bool] = False

    @property
    def wants_gramian(self) -> bool:
        """Return whether the next step needs the Gram matrix."""
        return False

    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        """Compute weights (..., T)."""
        raise NotImplementedError

    def after_step(self, step: StepRecord) -> None:
        """Update the weighting after a step."""

    def after_epoch(self, losses: Tensor) -> None:
        """Update the weighting with the mean losses (..., T) of an epoch, NaN for a task without a label."""


class Weighting(BaseEstimator, ABC):
    """Base class of weightings, which combine T task losses into one step.

    A weighting is a spec: it stores hyperparameters and builds the module that computes weights, a
    `WeightingModule` or any other. The module is called with ``(losses, present, gramian)``:

    - ``losses``, Tensor (..., T): the loss of each task in the batch, 0 for a task without a label in it;
    - ``present``, Tensor of bool (..., T): which tasks have a label in the batch;
    - ``gramian``, Tensor (..., T, T) or None: scalar products of the tasks' gradients;

    and returns weights that broadcast to (..., T), without gradient. The objective is ``(task_weights * weights *
    losses).sum(-1)``, so the user's task weights keep their meaning with every method. The leading axes ``...``
    are the member axes of a stack.
    """

    #: why fits cannot be stacked; None if the module supports a member axis
    not_stackable: ClassVar[str | None] = "its module does not declare that it supports a member axis"

    #: whether the module uses the Gram matrix of the tasks' gradients
    needs_gramian: ClassVar[bool] = False

    #: whether the weights apply only to gradients of the shared part, while the private part of each task learns
    #: from its own loss; otherwise they are weights of the losses
    weighs_gradients: ClassVar[bool] = False

    #: where these gradients are taken: "representation", "trunk" or "last_layer"
    grad_at: str = "representation"

    @abstractmethod
    def build(self, tasks: Mapping[str, Any]) -> nn.Module:
        """Build the module for T fitted tasks, by name, in the order of their losses."""


def softmax_present(logits: Tensor, present: Tensor) -> Tensor:
    """Compute a softmax over the present tasks; 0 for the others, and for all if none is present."""
    weights = torch.softmax(torch.where(present, logits, -torch.inf), dim=-1)
    return torch.where(present, weights, 0.0)


def count_present(present: Tensor) -> Tensor:
    """Return the number of present tasks, (..., 1)."""
    return present.sum(dim=-1, keepdim=True)
