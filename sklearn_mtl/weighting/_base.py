"""The seam between the losses of the tasks and the step that is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from sklearn.base import BaseEstimator
from torch import nn


class Weighting(BaseEstimator, ABC):
    """How T task losses become one step.

    A weighting is a spec: it stores hyperparameters and builds the module that computes weights. The module is
    called with ``(losses, present, gramian)``:

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

    @abstractmethod
    def build(self, tasks: Sequence[str]) -> nn.Module:
        """Build the module for T tasks, given in the order of their losses."""
