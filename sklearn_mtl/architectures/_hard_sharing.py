"""Hard parameter sharing: one trunk, one head per task."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch import nn

from ..tasks import Task
from ..trunks import Representation, Trunk
from ..utils._random import Streams
from ._base import Architecture, Network
from ._heads import Heads
from ._outputs import Outputs


class HardSharing(Architecture):
    """One trunk that all tasks share, and one head per task [1]_.

    References
    ----------
    .. [1] Caruana, "Multitask Learning", Machine Learning, 1997.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.architectures import HardSharing
    >>> MultiTaskNetEstimator(architecture=HardSharing())
    MultiTaskNetEstimator(architecture=HardSharing())
    """

    member_axis = True

    def build(
        self, trunk: Trunk, tasks: Mapping[str, Task], streams: Streams, idle: Collection[str] = ()
    ) -> Network:
        heads = Heads(tasks, trunk.width_, streams, idle)
        return _SharedTrunk(trunk.stem(streams), trunk.body(streams), heads)

    def representation_width(self, trunk: Trunk) -> int:
        return trunk.width_


class _SharedTrunk(Network):
    def __init__(self, stem: nn.Module, body: nn.Module, heads: Heads) -> None:
        super().__init__()
        self.stem = stem
        self.body = body
        self.heads = heads

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        return self.heads(self.represent(inputs), tasks)

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return self.body(self.stem(inputs))

    def shared_parameters(self) -> list[nn.Parameter]:
        return [*self.stem.parameters(), *self.body.parameters()]
