"""The seam between a trunk and the heads of the tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from torch import nn

from ..tasks import Task
from ..trunks import Representation, Trunk
from ..utils._random import Streams
from ._outputs import Outputs


class Network(nn.Module, ABC):
    """A network of several tasks, as an architecture builds it.

    ``forward`` takes a batch of encoded inputs and returns the outputs (..., B, K) of each task that is asked
    for, running only what those tasks need.
    """

    @abstractmethod
    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        """Compute the outputs of some tasks."""

    @abstractmethod
    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        """Compute what the tasks share."""

    @abstractmethod
    def shared_parameters(self) -> list[nn.Parameter]:
        """List the parameters that more than one task uses."""


class Architecture(BaseEstimator, ABC):
    """How tasks share the trunk.

    An architecture is a spec: it stores hyperparameters and builds a `Network` from a fitted trunk and fitted
    tasks. One file that subclasses `Architecture` adds one.
    """

    #: whether all modules take a leading member axis; those of others are mapped by `torch.func.vmap`.
    #: A subclass does not inherit this: it says so itself.
    member_axis: ClassVar[bool] = False
    #: why fits cannot be trained side by side at all; None if nothing speaks against it
    not_stackable: ClassVar[str | None] = None

    @abstractmethod
    def build(
        self, trunk: Trunk, tasks: Mapping[str, Task], streams: Streams, idle: Collection[str] = ()
    ) -> Network:
        """Build the network.

        Parameters
        ----------
        trunk : Trunk
            Fitted.
        tasks : mapping of str to Task
            Fitted, by name.
        streams : Streams
            Source of initial weights; what belongs to one task draws from a generator of the task's name.
        idle : collection of str, default=()
            Tasks that predict but are not trained. Their parameters must not be part of a tensor that the
            other tasks train.
        """

    @abstractmethod
    def representation_width(self, trunk: Trunk) -> int:
        """Width of the representation that ``transform`` returns."""
