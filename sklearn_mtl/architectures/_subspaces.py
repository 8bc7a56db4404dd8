"""Shared and private subspaces of the representation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..diagram._flow import Flow, Node
from ..tasks import Task
from ..trunks import Representation, StemOutput, StemOutputs, Trunk
from ..utils._params import ArrayLike, Interval
from ..utils._random import Streams
from ._bodies import Bodies, expert_names
from ._sharing import Sharing, SharingArchitecture
from ._units import positions
from ._views import Views, join, side_by_side, tensors_of


class SubspaceSharing(SharingArchitecture):
    r"""Use a shared subspace and a private subspace per task, which the head reads together [1]_.

    Task t reads :math:`[s(x), p_t(x)]`. The penalty

    .. math:: \lambda \, \frac{1}{T} \sum_t \frac{\| S^\top P_t \|_F^2}{B^2}

    separates the private from the shared subspaces: S and :math:`P_t` hold the B rows of a batch, centred and
    scaled to length 1. Each subspace is a body of the trunk.

    Parameters
    ----------
    orthogonality : float, default=0.1
        Weight :math:`\lambda` of the penalty.
    column_groups : sequence of sequences of int or str, or None, default=None
        Positions or names of columns of X. Each group has a shared subspace that reads only its columns, and each
        task reads all of them. Columns outside all groups are read by the private subspaces only. None makes one
        shared subspace of all columns.
    tower_sizes : sequence of int, default=()
        Widths of the hidden layers of each task between the subspaces and its head.

    References
    ----------
    .. [1] Bousmalis et al., "Domain Separation Networks", NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.architectures import SubspaceSharing
    >>> MultiTaskNetEstimator(architecture=SubspaceSharing(column_groups=[[0, 1], [2, 3, 4]]))
    MultiTaskNetEstimator(architecture=SubspaceSharing(column_groups=[[0, 1],
                                                                      [2, 3, 4]]))
    """

    member_axis = True

    _parameter_constraints: dict = {
        "orthogonality": [Interval(Real, 0, None, closed="left")],
        "column_groups": [ArrayLike(), None],
        "tower_sizes": ["array-like"],
    }

    def __init__(
        self,
        orthogonality: float = 0.1,
        column_groups: Sequence[Sequence[int | str]] | None = None,
        tower_sizes: Sequence[int] = (),
    ) -> None:
        self.orthogonality = orthogonality
        self.column_groups = column_groups
        self.tower_sizes = tower_sizes

    def check(self, trunk: Trunk, tasks: Mapping[str, Task]) -> None:
        super().check(trunk, tasks)
        if self.column_groups is not None:
            self._masks(trunk)

    def sharing(self, trunk: Trunk, tasks: Sequence[str], streams: Streams) -> Sharing:
        masks = None if self.column_groups is None else self._masks(trunk)
        return Subspaces(trunk, tasks, streams, masks, self.orthogonality)

    def flow(self, tasks: Sequence[str]) -> Flow:
        n_shared = 1 if self.column_groups is None else len(self.column_groups)
        labels = ["shared"] if self.column_groups is None else [f"columns {i}" for i in range(n_shared)]
        shared = [Node(f"shared {i}", label, "shared") for i, label in enumerate(labels)]
        private = {task: Node(f"private {task}", "private", "private") for task in tasks}
        flow = Flow.of_inputs().then({node: ["X"] for node in (*shared, *private.values())})
        names = [node.name for node in shared]
        reads = {task: [*names, node.name] for task, node in private.items()}
        return flow.represented_by(names).to_tasks(reads, self.tower_sizes)

    def _masks(self, trunk: Trunk) -> Tensor:
        """Return a mask (G, W) of the entries of the stem's output that come from the columns of each group."""
        groups = list(() if self.column_groups is None else self.column_groups)
        if not groups or not all(ArrayLike().is_satisfied_by(group) and len(group) for group in groups):
            raise ValueError(f"column_groups={groups!r} should be groups of at least one column each.")
        return torch.from_numpy(np.array([trunk.stem_mask(group) for group in groups]))


class Subspaces(Sharing):
    """Shared bodies, and a private body for each task.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    names : sequence of str
        The tasks.
    streams : Streams
    masks : Tensor of bool of shape (G, W) or None
        Entries of the stem's output that each shared body reads; None for one body that reads all.
    orthogonality : float
        Weight of the penalty.
    """

    masks: Tensor | None

    def __init__(
        self, trunk: Trunk, names: Sequence[str], streams: Streams, masks: Tensor | None, orthogonality: float
    ) -> None:
        super().__init__()
        self.names = tuple(names)
        self.orthogonality = orthogonality
        self.stem = trunk.stem(streams)
        n_shared = 1 if masks is None else len(masks)
        self.shared = Bodies(trunk, streams, expert_names(n_shared))
        self.private = Bodies(trunk, streams, [streams.of_task((name, 0)) for name in names])
        self.register_buffer("masks", None if masks is None else masks[:, None], persistent=False)
        self.representation_width = n_shared * trunk.width_
        self.width = self.representation_width + trunk.width_

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Views:
        x = self.stem(inputs).shared()
        shared = self._shared(x)
        private = self.private(x, positions(self.names, tasks))
        views = join(Views(None, shared).by_task(tasks).representation, private)
        if not (self.training and self.orthogonality):
            return Views(tuple(tasks), views, shared=tensors_of(shared))
        overlap = subspace_overlap(shared.sample.unsqueeze(-3), private.sample).mean(dim=-1)
        return Views(tuple(tasks), views, self.orthogonality * overlap, tensors_of(shared))

    def _shared(self, x: StemOutput | StemOutputs) -> Representation:
        if self.masks is not None and isinstance(x, StemOutput):
            x = x._replace(values=x.values * self.masks)
        return side_by_side(self.shared(x))

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return self._shared(self.stem(inputs).shared())

    def shared_parameters(self) -> list[nn.Parameter]:
        return [*self.stem.parameters(), *self.shared.parameters()]


def subspace_overlap(one: Tensor, other: Tensor) -> Tensor:
    r"""Compute the overlap of two representations of the same rows, :math:`\| S^\top P \|_F^2 / B^2`.

    Parameters
    ----------
    one, other : Tensor of shape (..., B, D)
        They are centred, and their rows scaled to length 1.

    Returns
    -------
    Tensor of shape (...)
    """
    one, other = (nn.functional.normalize(x - x.mean(dim=-2, keepdim=True), dim=-1) for x in (one, other))
    return torch.matmul(one.transpose(-1, -2), other).square().sum(dim=(-2, -1)) / one.shape[-2] ** 2
