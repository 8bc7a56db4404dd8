"""Hard parameter sharing: one trunk, one head per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ..diagram._flow import Flow, Node
from ..trunks import Representation, Trunk
from ..trunks._base import Staged
from ..utils._random import Streams
from ._sharing import Sharing, SharingArchitecture, check_sizes
from ._units import MLPBank
from ._views import Views, append, tensors_of


class HardSharing(SharingArchitecture):
    """Share one trunk among all tasks, with one head per task [1]_.

    Parameters
    ----------
    tower_sizes : sequence of int, default=()
        Widths of the hidden layers of each task between the trunk and its head.
    bypass_sizes : sequence of int, default=()
        Widths of the hidden layers of a small network of each task beside the trunk; the head reads both [2]_. An
        empty sequence means no such network.

    References
    ----------
    .. [1] Caruana, "Multitask Learning", Machine Learning, 1997.
    .. [2] Ramsundar et al., "Is Multitask Deep Learning Practical for Pharma?", Journal of Chemical Information
       and Modeling, 2017.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.architectures import HardSharing
    >>> MultiTaskNetEstimator(architecture=HardSharing(tower_sizes=(32,)))
    MultiTaskNetEstimator(architecture=HardSharing(tower_sizes=(32,)))
    """

    member_axis = True

    _parameter_constraints: dict = {"tower_sizes": ["array-like"], "bypass_sizes": ["array-like"]}

    def __init__(self, tower_sizes: Sequence[int] = (), bypass_sizes: Sequence[int] = ()) -> None:
        self.tower_sizes = tower_sizes
        self.bypass_sizes = bypass_sizes

    def check(self, trunk: Trunk, tasks: Mapping[str, Any]) -> None:
        super().check(trunk, tasks)
        check_sizes(self, "bypass_sizes")

    def sharing(self, trunk: Trunk, tasks: Sequence[str], streams: Streams) -> Sharing:
        bypass = MLPBank(tasks, trunk.stem_width_, self.bypass_sizes, streams, "bypass")
        return SharedTrunk(trunk, streams, bypass if len(self.bypass_sizes) else None)

    def flow(self, tasks: Sequence[str]) -> Flow:
        column = {Node("trunk", "trunk", "shared"): ["X"]}
        reads = {task: ["trunk"] for task in tasks}
        if len(self.bypass_sizes):
            column |= {Node(f"bypass {task}", "bypass", "private"): ["X"] for task in tasks}
            reads = {task: ["trunk", f"bypass {task}"] for task in tasks}
        return Flow.of_inputs().then(column).represented_by(["trunk"]).to_tasks(reads, self.tower_sizes)


class SharedTrunk(Sharing):
    """One representation for all tasks, optionally with a bypass for each task.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    streams : Streams
    bypass : MLPBank or None, default=None
        The bypass networks.
    """

    def __init__(self, trunk: Trunk, streams: Streams, bypass: MLPBank | None = None) -> None:
        super().__init__()
        self.stem = trunk.stem(streams)
        self.body = trunk.body(streams)
        self.bypass = bypass
        self.representation_width = trunk.width_
        self.width = trunk.width_ + (0 if bypass is None else bypass.width)

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Views:
        x = self.stem(inputs)
        beside = None if self.bypass is None else self.bypass(x.mean().unsqueeze(-3), tasks)
        representation = self.body(x)
        views = Views(None, representation, shared=tensors_of(representation))
        if beside is None:
            return views
        by_task = views.by_task(tasks)
        return by_task._replace(representation=append(by_task.representation, beside))

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return self.body(self.stem(inputs))

    def plain_stages(self) -> tuple[nn.Module, list[nn.Module]] | None:
        if self.bypass is not None or type(self.body).forward is not Staged.forward:
            return None
        return self.stem, self.body.layers()  # type: ignore[operator]

    def shared_parameters(self) -> list[nn.Parameter]:
        return [*self.stem.parameters(), *self.body.parameters()]
