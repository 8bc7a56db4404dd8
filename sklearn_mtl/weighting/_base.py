"""The seam between the losses of the tasks and the step that is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from ..nn._layers import DrawsAtRandom


class StepRecord(NamedTuple):
    """What a weighting learns from after a step.

    Parameters
    ----------
    losses : Tensor of shape (..., T)
        The losses that the step was made for, 0 for a task without a label in the batch.
    present : Tensor of bool of shape (..., T)
        Which tasks have a label in the batch.
    gramian : Tensor of shape (..., T, T) or None
        Scalar products of the tasks' gradients, where the weighting wants them.
    losses_after : Tensor of shape (..., T) or None
        The losses of the same batch after the step, where the weighting wants them.
    complete : bool, default=False
        Whether it is known without a look at ``present`` that all tasks have labels.
    """

    losses: Tensor
    present: Tensor
    gramian: Tensor | None = None
    losses_after: Tensor | None = None
    complete: bool = False

    @property
    def present_or_all(self) -> Tensor | None:
        """Which tasks are present; None if it is known that all are."""
        return None if self.complete else self.present


class WeightingModule(DrawsAtRandom, nn.Module):
    """What a weighting builds: the weights of a step, and what it learns from one.

    What it learns is kept in buffers of shape (T,), never in parameters: the optimiser of the network, its decay
    and its clipping have no part in it. With members side by side the buffers are (M, T).

    Attributes
    ----------
    draws : Draws or None
        Random numbers, which the trainer sets at the start of each epoch.
    """

    #: whether it wants the losses of the batch once more after the step, at the cost of a forward pass
    looks_twice: ClassVar[bool] = False

    @property
    def wants_gramian(self) -> bool:
        """Whether the next step needs the Gram matrix."""
        return False

    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        """Compute weights (..., T)."""
        raise NotImplementedError

    def after_step(self, step: StepRecord) -> None:
        """Learn from a step."""

    def after_epoch(self, losses: Tensor) -> None:
        """Learn from the mean losses (..., T) of an epoch, NaN for a task without a label."""


class Weighting(BaseEstimator, ABC):
    """How T task losses become one step.

    A weighting is a spec: it stores hyperparameters and builds the module that computes weights, a
    `WeightingModule` or any other. The module is called with ``(losses, present, gramian)``:

    - ``losses``, Tensor (..., T): the loss of each task in the batch, 0 for a task without a label in it;
    - ``present``, Tensor of bool (..., T): which tasks have a label in the batch;
    - ``gramian``, Tensor (..., T, T) or None: scalar products of the tasks' gradients;

    and returns weights that broadcast to (..., T), free of gradient. The objective is
    ``(task_weights * weights * losses).sum(-1)``, so the user's task weights stay meaningful with every method.
    The leading axes ``...`` are members that are trained side by side.
    """

    #: why fits cannot be trained side by side; None if all modules take a member axis
    not_stackable: ClassVar[str | None] = "its module is not known to take a member axis"

    #: whether the module wants the Gram matrix of the tasks' gradients
    needs_gramian: ClassVar[bool] = False

    #: whether the weights are those of gradients of what tasks share, while each task's own part learns from its
    #: own loss; otherwise they are weights of the losses
    weighs_gradients: ClassVar[bool] = False

    #: with respect to what these gradients are: "representation", "trunk" or "last_layer"
    grad_at: str = "representation"

    @abstractmethod
    def build(self, tasks: Mapping[str, Any]) -> nn.Module:
        """Build the module for T fitted tasks, by name, in the order of their losses."""


def softmax_present(logits: Tensor, present: Tensor) -> Tensor:
    """Compute a softmax over the tasks that are present; 0 for the others, and for all if none is."""
    weights = torch.softmax(torch.where(present, logits, -torch.inf), dim=-1)
    return torch.where(present, weights, 0.0)


def count_present(present: Tensor) -> Tensor:
    """Count the tasks that are present, (..., 1)."""
    return present.sum(dim=-1, keepdim=True)
