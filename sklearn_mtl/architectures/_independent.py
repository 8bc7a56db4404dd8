"""No sharing: one network per task, trained together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ..diagram._flow import Flow
from ..trunks import Representation, Trunk
from ..utils._random import Streams
from ._bodies import Bodies, Stems
from ._sharing import Sharing, SharingArchitecture, trunk_nodes
from ._units import positions
from ._views import Views, side_by_side


class Independent(SharingArchitecture):
    """Use a separate trunk for each task: the single-task baseline, in one fit.

    The network of each task has the initial weights that it would have alone, so without dropout its fit equals
    that of the task alone with the same ``random_state``. Unlike in single fits, early stopping is common to all
    tasks.

    Parameters
    ----------
    tower_sizes : sequence of int, default=()
        Widths of the hidden layers of each task between its trunk and its head.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(architecture="independent")
    MultiTaskNetEstimator(architecture='independent')
    """

    member_axis = True

    _parameter_constraints: dict = {"tower_sizes": ["array-like"]}

    def __init__(self, tower_sizes: Sequence[int] = ()) -> None:
        self.tower_sizes = tower_sizes

    def sharing(self, trunk: Trunk, tasks: Sequence[str], streams: Streams) -> Sharing:
        return PrivateTrunks(trunk, tasks, streams)

    def flow(self, tasks: Sequence[str]) -> Flow:
        trunks = trunk_nodes(tasks)
        flow = Flow.of_inputs().then({node: ["X"] for node in trunks.values()})
        reads = {task: [node.name] for task, node in trunks.items()}
        return flow.represented_by(node.name for node in trunks.values()).to_tasks(reads, self.tower_sizes)


class PrivateTrunks(Sharing):
    """Stacked stems and bodies, one of each per task.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    names : sequence of str
        The tasks.
    streams : Streams
    """

    def __init__(self, trunk: Trunk, names: Sequence[str], streams: Streams) -> None:
        super().__init__()
        self.names = tuple(names)
        self.stems = Stems(trunk, streams, len(names))
        self.bodies = Bodies(trunk, streams, ["body"] * len(names))
        self.width = trunk.width_
        self.representation_width = trunk.width_ * len(names)

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Views:
        chosen = positions(self.names, tasks)
        return Views(tuple(tasks), self.bodies(self.stems(inputs, chosen), chosen))

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return side_by_side(self(inputs, self.names).representation)

    def shared_parameters(self) -> list[nn.Parameter]:
        return []
