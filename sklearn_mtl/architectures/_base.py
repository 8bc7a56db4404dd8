"""The seam between a trunk and the heads of the tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from torch import Tensor, nn

from ..diagram._flow import Flow, Node
from ..tasks import Task
from ..trunks import Representation, Trunk
from ..utils._random import Streams
from ._outputs import Outputs


class Network(nn.Module, ABC):
    """A network of several tasks, as an architecture builds it.

    ``forward`` takes a batch of encoded inputs and returns the outputs (..., B, K) of each task that is asked
    for, running only what those tasks need.

    Attributes
    ----------
    representation_width : int
        Width of the representation that ``represent``, and the estimator's ``transform``, gives.
    """

    representation_width: int

    @abstractmethod
    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        """Compute the outputs of some tasks."""

    @abstractmethod
    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        """Compute what the tasks share."""

    @abstractmethod
    def shared_parameters(self) -> list[nn.Parameter]:
        """List the parameters that more than one task uses."""

    def forward_cut(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        """Do what ``forward`` does, and tell where on the way the gradients of tasks are compared."""
        raise TypeError(f"{type(self).__name__} does not tell where its shared part ends.")

    def head_weights(self) -> dict[str, Tensor]:
        """Return the weight (..., K, D) of each task's linear head on the representation, for penalties."""
        return {}

    def add_noise(self, noise: nn.Module) -> None:
        """Apply a module to what every task reads of the representation, while the network is trained."""
        raise TypeError(f"{type(self).__name__} takes no noise on the representation.")

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        """Return how much each row (..., B, n_weights) takes of each expert, for some tasks."""
        raise TypeError(f"{type(self).__name__} has no gates.")

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        """Return level and expert of each weight that `gate_weights` gives for a task."""
        raise TypeError(f"{type(self).__name__} has no gates.")


class NetworkWrapper(Network):
    """A network around another one, which does what that does; subclasses change some of it.

    Parameters
    ----------
    network : Network
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.representation_width = network.representation_width

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        return self.network(inputs, tasks)

    def forward_cut(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        return self.network.forward_cut(inputs, tasks)

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return self.network.represent(inputs)

    def shared_parameters(self) -> list[nn.Parameter]:
        return self.network.shared_parameters()

    def head_weights(self) -> dict[str, Tensor]:
        return self.network.head_weights()

    def add_noise(self, noise: nn.Module) -> None:
        self.network.add_noise(noise)

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        return self.network.gate_weights(inputs, tasks)

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        return self.network.gate_names(task)


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
    #: hyperparameters in which fits that are trained side by side may differ
    stackable_params: ClassVar[tuple[str, ...]] = ()
    #: whether its networks have gates between experts
    has_gates: bool = False

    def check(self, trunk: Trunk, tasks: Mapping[str, Task]) -> None:
        """Refuse hyperparameters that are wrong in themselves, or wrong for this trunk and these tasks.

        ``tasks`` are all tasks of y, also those that will not be trained.
        """

    @abstractmethod
    def build(self, trunk: Trunk, tasks: Mapping[str, Task], streams: Streams) -> Network:
        """Build the network.

        Parameters
        ----------
        trunk : Trunk
            Fitted.
        tasks : mapping of str to Task
            Fitted, by name; those that are trained.
        streams : Streams
            Source of initial weights; what belongs to one task draws from a generator of the task's name.
        """

    def flow(self, tasks: Sequence[str]) -> Flow:
        """Describe the way of the data from the inputs to the tasks, for a picture."""
        shared = Node("shared", type(self).__name__, "shared")
        return Flow.of_inputs().then({shared: ["X"]}).represented_by(["shared"]).to_tasks(
            {task: ["shared"] for task in tasks}
        )  # fmt: skip
