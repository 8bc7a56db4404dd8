"""Base classes of architectures and their networks."""

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
from ._plain_pass import PlainPass


class Network(nn.Module, ABC):
    """Base class of networks for several tasks, built by an architecture.

    ``forward`` takes a batch of encoded inputs and returns the outputs (..., B, K) of the requested tasks. It runs
    only the parts that those tasks need.

    Attributes
    ----------
    representation_width : int
        Width of the representation that ``represent`` and the estimator's ``transform`` return.
    """

    representation_width: int

    @abstractmethod
    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        """Compute the outputs of some tasks."""

    @abstractmethod
    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        """Compute the shared representation."""

    @abstractmethod
    def shared_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that more than one task uses."""

    def forward_cut(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        """Compute ``forward``, and also set the cut where the gradients of tasks are compared."""
        raise TypeError(f"{type(self).__name__} does not define where its shared part ends.")

    def plain_pass(self, tasks: Sequence[str]) -> PlainPass | None:
        """Return a training pass without an autograd graph; None if the network is not a chain of plain layers."""
        return None

    def head_weights(self) -> dict[str, Tensor]:
        """Return the weight (..., K, D) of each task's linear head on the representation, for penalties."""
        return {}

    def add_noise(self, noise: nn.Module) -> None:
        """Apply a module to the representation that each task reads, in training only."""
        raise TypeError(f"{type(self).__name__} does not support noise on the representation.")

    def add_labels(self, widths: Mapping[str, int], streams: Streams) -> None:
        """Let each task read the encoded labels of the others, in blocks of the given widths by task.

        Raises
        ------
        ValueError
            If the network does not support it.
        """
        raise ValueError(f"label_inputs=True does not work with {type(self).__name__}: it lacks add_labels.")

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        """Return the weights of the experts for each row, (..., B, n_weights), for some tasks."""
        raise TypeError(f"{type(self).__name__} has no gates.")

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        """Return level and expert of each weight that `gate_weights` returns for a task."""
        raise TypeError(f"{type(self).__name__} has no gates.")

    def freeze(self, frozen: bool) -> None:
        """Freeze or unfreeze everything except the heads of the tasks that were added last."""
        raise TypeError(f"{type(self).__name__} has no added tasks.")

    def take_over(self, state: Mapping[str, Tensor]) -> None:
        """Load the state of the network that tasks were added to."""
        raise TypeError(f"{type(self).__name__} has no added tasks.")


class NetworkWrapper(Network):
    """Base class of networks that wrap another one and delegate to it.

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

    def add_labels(self, widths: Mapping[str, int], streams: Streams) -> None:
        self.network.add_labels(widths, streams)

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        return self.network.gate_weights(inputs, tasks)

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        return self.network.gate_names(task)

    def freeze(self, frozen: bool) -> None:
        self.network.freeze(frozen)

    def take_over(self, state: Mapping[str, Tensor]) -> None:
        self.network.take_over(state)


class Architecture(BaseEstimator, ABC):
    """Base class of architectures, which define how tasks share the trunk.

    An architecture is a spec: it stores hyperparameters and builds a `Network` from a fitted trunk and fitted
    tasks.
    """

    #: whether all modules support a leading member axis; other modules are mapped by `torch.func.vmap`. A subclass
    #: does not inherit this: it must set it itself.
    member_axis: ClassVar[bool] = False
    #: why fits cannot be stacked at all; None if they can
    not_stackable: ClassVar[str | None] = None
    #: hyperparameters that may differ between stacked fits
    stackable_params: ClassVar[tuple[str, ...]] = ()
    #: whether its networks have gates over experts
    has_gates: bool = False

    def check(self, trunk: Trunk, tasks: Mapping[str, Task]) -> None:
        """Check the hyperparameters, also against this trunk and these tasks.

        ``tasks`` are all tasks of y, including those that are not trained.
        """

    @abstractmethod
    def build(self, trunk: Trunk, tasks: Mapping[str, Task], streams: Streams) -> Network:
        """Build the network.

        Parameters
        ----------
        trunk : Trunk
            Fitted.
        tasks : mapping of str to Task
            Fitted tasks by name; only those that are trained.
        streams : Streams
            Source of initial weights; parts of one task use a generator of this task.
        """

    def restricted_to(self, tasks: Sequence[str]) -> Architecture:
        """Return the architecture of a network of some tasks only, without what is said of others."""
        return self

    def groups_among(self, tasks: Sequence[str]) -> list[tuple[str, ...]]:
        """Return some tasks in groups, so that tasks of different groups share no layers; by default in one."""
        return [tuple(tasks)]

    def flow(self, tasks: Sequence[str]) -> Flow:
        """Describe the data flow from the inputs to the tasks, for a diagram."""
        shared = Node("shared", type(self).__name__, "shared")
        return Flow.of_inputs().then({shared: ["X"]}).represented_by(["shared"]).to_tasks(
            {task: ["shared"] for task in tasks}
        )  # fmt: skip
