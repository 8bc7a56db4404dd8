"""Base classes of architectures that differ only in the view of each task on the representation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any

from torch import Tensor, nn

from ..diagram._flow import Node
from ..nn._chain import Chain, Layer, is_observed, layers_of
from ..tasks import Task
from ..trunks import Representation, Trunk
from ..utils._params import validate_spec
from ..utils._random import Streams
from ._base import Architecture, Network
from ._cuts import Cut, SharedCut, ViewsCut
from ._heads import Heads, fused_order
from ._label_inputs import LABELS, LabelReader, without_labels
from ._outputs import Outputs
from ._plain_pass import PlainPass
from ._transfer import GraphHeads
from ._units import MLPBank
from ._views import Views, tensors_of


class Sharing(nn.Module, ABC):
    """Base class of modules from encoded inputs to the views of the tasks.

    Attributes
    ----------
    width : int
        Width of each task's view.
    representation_width : int
        Width of the output of `represent`.
    """

    width: int
    representation_width: int

    @abstractmethod
    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Views:
        """Compute the views of some tasks, running only the parts that they need."""

    @abstractmethod
    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        """Compute the shared representation; several representations are concatenated."""

    @abstractmethod
    def shared_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that more than one task uses."""

    def plain_stages(self) -> tuple[nn.Module, list[nn.Module]] | None:
        """Return the stem and the modules behind it, if all tasks read the last one; otherwise None."""
        return None

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        """Return the weights of the experts for each row, (..., B, n_weights), for some tasks."""
        raise TypeError(f"{type(self).__name__} has no gates.")

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        """Return level and expert of each gate weight of a task."""
        raise TypeError(f"{type(self).__name__} has no gates.")


class SharingArchitecture(Architecture):
    """Base class of architectures that consist of a `Sharing`, a tower per task, and heads."""

    tower_sizes: Sequence[int]

    @abstractmethod
    def sharing(self, trunk: Trunk, tasks: Sequence[str], streams: Streams) -> Sharing:
        """Build the part between the inputs and the towers, for tasks in the order of the views."""

    def check(self, trunk: Trunk, tasks: Mapping[str, Task]) -> None:
        validate_spec(self)
        check_sizes(self, "tower_sizes")

    def build(self, trunk: Trunk, tasks: Mapping[str, Task], streams: Streams) -> Network:
        # views in the order of the heads need no reordering
        ordered = {name: tasks[name] for name in fused_order(tasks)}
        sharing = self.sharing(trunk, list(ordered), streams)
        towers = MLPBank(list(ordered), sharing.width, self.tower_sizes, streams, "tower")
        return SharingNetwork(sharing, towers, Heads(ordered, towers.width, streams, trunk.grid_))


class SharingNetwork(Network):
    """Network of a sharing module, towers and heads.

    Parameters
    ----------
    sharing : Sharing
    towers : MLPBank
    heads : Heads or GraphHeads
    """

    def __init__(self, sharing: Sharing, towers: MLPBank, heads: Heads | GraphHeads) -> None:
        super().__init__()
        self.sharing = sharing
        self.noises = nn.ModuleList()
        self.labels: LabelReader | None = None
        self.towers = towers
        self.heads = heads

    @property
    def representation_width(self) -> int:  # type: ignore[override]
        return self.sharing.representation_width

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        needed = self.heads.needed(tasks)
        return self._read(self._views(inputs, needed), needed, tasks)

    def forward_cut(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        needed = self.heads.needed(tasks)
        views = self._views(inputs, needed)
        cut: Cut
        if views.names is None and isinstance(self.heads, Heads):
            if self.heads.are_linear(needed) and not len(self.towers.layers) and not len(self.noises):
                return self.heads.forward_cut(views, tasks)
            # a view for each task, so that one backward pass through the heads computes all gradients
            views = views.by_task(needed)
            cut = _cut_of(views, shared=True)
        else:
            cut = SharedCut(views.shared) if views.shared else _cut_of(views, shared=False)
        outputs = self._read(views, needed, tasks)
        outputs.cut = cut
        return outputs

    def _views(self, inputs: Mapping[str, Any], needed: Sequence[str]) -> Views:
        views = self.sharing(without_labels(inputs), needed)
        return views if self.labels is None else self.labels(views, inputs.get(LABELS), needed)

    def plain_pass(self, tasks: Sequence[str]) -> PlainPass | None:
        if self.labels is not None:
            return None
        stages = self.sharing.plain_stages()
        head = self.heads.plain_product(tasks) if isinstance(self.heads, Heads) else None
        if stages is None or head is None or len(self.towers.layers) or len(self.noises) or is_observed(self):
            return None
        stem, modules = stages
        layers = layers_of(modules)
        names, product = head
        if layers is None:
            return None
        last = Layer(product.weight, product.bias)
        return PlainPass(stem, Chain([*layers, last]), names, product.widths)

    def _read(self, views: Views, needed: Sequence[str], tasks: Sequence[str]) -> Outputs:
        """Compute the outputs of tasks from the views of all tasks that they need."""
        if self.training and len(self.noises):
            views = views.by_task(needed)
            for noise in self.noises:
                views = views.map(noise)
        if len(self.towers.layers):
            views = views.by_task(needed).map(partial(self.towers, tasks=needed))
        return self.heads(views, tasks)

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return self.sharing.represent(without_labels(inputs))

    def shared_parameters(self) -> list[nn.Parameter]:
        return self.sharing.shared_parameters()

    def head_weights(self) -> dict[str, Tensor]:
        return self.heads.weights()

    def add_noise(self, noise: nn.Module) -> None:
        self.noises.append(noise)

    def add_labels(self, widths: Mapping[str, int], streams: Streams) -> None:
        if not isinstance(self.heads, Heads):
            raise ValueError(
                "label_inputs=True does not work with TaskGraph: its heads read outputs of other tasks, which "
                "would show a task its own label; use another architecture."
            )
        self.labels = LabelReader(self.heads.task_names, self.sharing.width, widths, streams)

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        return self.sharing.gate_weights(
            without_labels(inputs), [name for name in self.heads.task_names if name in tasks]
        )

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        return self.sharing.gate_names(task)


def _cut_of(views: Views, shared: bool) -> ViewsCut:
    assert views.names is not None
    tensors = tensors_of(views.representation)
    # the axis of tasks comes before rows and width, or before rows, tokens and width
    return ViewsCut(tensors, (-3, -4)[: len(tensors)], views.names, shared)


def check_sizes(spec: Any, name: str) -> None:
    """Raise ValueError if a parameter is not a sequence of widths."""
    sizes = getattr(spec, name)
    numbers = [isinstance(size, Integral) and not isinstance(size, bool) and int(size) > 0 for size in sizes]
    if isinstance(sizes, str) or not all(numbers):
        raise ValueError(
            f"{name}={sizes!r} of {type(spec).__name__} should be a sequence of integers of at least 1."
        )


def trunk_nodes(tasks: Sequence[str]) -> dict[str, Node]:
    """Return the nodes of the private trunks, by task."""
    return {task: Node(f"trunk {task}", "trunk", "private") for task in tasks}


def gate_nodes(tasks: Sequence[str], level: int = 0) -> dict[str, Node]:
    """Return the nodes of the gates of a level, by task."""
    return {task: Node(f"gate {level} {task}", "gate", "gate") for task in tasks}
