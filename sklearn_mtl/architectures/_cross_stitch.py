"""Cross-stitch networks: one network per task, mixed after each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from ..diagram._flow import Flow, Node
from ..trunks import Representation, Trunk
from ..utils._params import Interval
from ..utils._random import Streams
from ._bodies import Bodies, Stems
from ._sharing import Sharing, SharingArchitecture, trunk_nodes
from ._views import Views, map_vectors, side_by_side, tensors_of


class CrossStitch(SharingArchitecture):
    r"""Use a trunk for each task, and mix their activations linearly after each layer [1]_.

    After layer l, task t continues with :math:`\sum_s \alpha^l_{ts} x^l_s`. The learned weights :math:`\alpha`
    range from no sharing (the identity) to full sharing. A trunk whose body has no stages is mixed once, at its
    end.

    Parameters
    ----------
    self_weight : float in [0, 1], default=0.9
        Initial :math:`\alpha_{tt}`; the rest is divided evenly among the other tasks. 1 starts like `Independent`.
    tower_sizes : sequence of int, default=()
        Widths of the hidden layers of each task between its trunk and its head.

    References
    ----------
    .. [1] Misra et al., "Cross-Stitch Networks for Multi-Task Learning", CVPR 2016.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.architectures import CrossStitch
    >>> MultiTaskNetEstimator(architecture=CrossStitch(self_weight=0.8))
    MultiTaskNetEstimator(architecture=CrossStitch(self_weight=0.8))
    """

    member_axis = True

    _parameter_constraints: dict = {
        "self_weight": [Interval(Real, 0, 1, closed="both")],
        "tower_sizes": ["array-like"],
    }

    def __init__(self, self_weight: float = 0.9, tower_sizes: Sequence[int] = ()) -> None:
        self.self_weight = self_weight
        self.tower_sizes = tower_sizes

    def sharing(self, trunk: Trunk, tasks: Sequence[str], streams: Streams) -> Sharing:
        return StitchedTrunks(trunk, tasks, streams, self.self_weight)

    def flow(self, tasks: Sequence[str]) -> Flow:
        trunks = trunk_nodes(tasks).values()
        stitches = {task: Node(f"stitch {task}", "stitch", "gate") for task in tasks}
        flow = Flow.of_inputs().then({trunk: ["X"] for trunk in trunks})
        flow = flow.then({node: [trunk.name for trunk in trunks] for node in stitches.values()})
        reads = {task: [node.name] for task, node in stitches.items()}
        return flow.represented_by(node.name for node in stitches.values()).to_tasks(reads, self.tower_sizes)


class StitchedTrunks(Sharing):
    """A stem and a body for each task, mixed after each stage of the bodies.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    names : sequence of str
        The tasks.
    streams : Streams
    self_weight : float
        Initial weight of each task in its own mixture.
    """

    def __init__(self, trunk: Trunk, names: Sequence[str], streams: Streams, self_weight: float) -> None:
        super().__init__()
        self.names = tuple(names)
        self.stems = Stems(trunk, streams, len(names))
        self.bodies = Bodies(trunk, streams, ["body"] * len(names))
        stages = self.bodies.stages()
        n_stitches = len(stages) if stages else 1
        self.stitches = nn.Parameter(_start(len(names), self_weight).expand(n_stitches, -1, -1).clone())
        self.width = trunk.width_
        self.representation_width = trunk.width_ * len(names)

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Views:
        separate = self._before_last_stitch(inputs)
        return Views(self.names, self._last_stitch(separate), shared=tensors_of(separate))

    def _before_last_stitch(self, inputs: Mapping[str, Any]) -> Representation:
        x = self.stems(inputs)
        stages = self.bodies.stages()
        if not stages:
            return self.bodies(x)
        x = x.values
        for level, stage in enumerate(stages[:-1]):
            x = stitch(stage(x), self.stitches.select(-3, level))
        return Representation(stages[-1](x))

    def _last_stitch(self, separate: Representation) -> Representation:
        return map_vectors(separate, lambda vectors: stitch(vectors, self.stitches.select(-3, -1)))

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return side_by_side(self._last_stitch(self._before_last_stitch(inputs)))

    def shared_parameters(self) -> list[nn.Parameter]:
        return [*self.stems.parameters(), *self.bodies.parameters(), self.stitches]


def stitch(x: Tensor, weights: Tensor) -> Tensor:
    """Mix activations (..., T, N, D) of tasks by weights (..., T, T)."""
    return torch.matmul(weights, x.flatten(-2)).unflatten(-1, x.shape[-2:])


def _start(n_tasks: int, self_weight: float) -> Tensor:
    if n_tasks == 1:
        return torch.ones(1, 1)
    others = (1 - self_weight) / (n_tasks - 1)
    return torch.full((n_tasks, n_tasks), others) + (self_weight - others) * torch.eye(n_tasks)
