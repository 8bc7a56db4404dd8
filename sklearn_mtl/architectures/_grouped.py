"""Sharing within groups: one trunk for each group of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sklearn.base import clone
from torch import nn

from ..diagram._flow import Flow, Node
from ..tasks import Task
from ..trunks import Representation, Trunk
from ..utils._params import ArrayLike
from ..utils._random import Streams
from ..utils._repeated import repeated
from ._bodies import Bodies, Stems
from ._sharing import Sharing, SharingArchitecture
from ._units import positions
from ._views import Views, entries_of, side_by_side, tensors_of


class Grouped(SharingArchitecture):
    """Use a separate trunk for each group of tasks, which share it [1]_.

    Each group is the network that hard sharing builds for its tasks alone, and all groups are trained in one fit.
    Unlike in single fits, early stopping is common to all groups. One group of all tasks is `HardSharing`, and
    groups of one task each are `Independent`.

    Parameters
    ----------
    groups : sequence of sequence of str
        The tasks of each group. Each task is in one group; tasks that are added later read the trunks of all.
    tower_sizes : sequence of int, default=()
        Widths of the hidden layers of each task between the trunk of its group and its head.

    Raises
    ------
    ValueError
        In ``fit``, if a task is in no group or in several, if a group names an unknown task, or if it is empty.

    See Also
    --------
    sklearn_mtl.model_selection.TaskGrouping : Finds the groups.

    References
    ----------
    .. [1] Standley et al., "Which Tasks Should Be Learned Together in Multi-task Learning?", ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.architectures import Grouped
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> y = Targets(price=X[:, 0] + X[:, 1], rent=X[:, 0] + X[:, 1] ** 2, sold=X[:, 2] > 0)
    >>> grouped = Grouped([["price", "rent"], ["sold"]])
    >>> net = MultiTaskNetEstimator(architecture=grouped, max_epochs=5, random_state=0).fit(X, y)
    >>> net.task_shares_.loc["price"].to_dict()
    {'shared': 0.0, 'grouped': 1.0, 'separate': 0.0}
    """

    member_axis = True

    _parameter_constraints: dict = {"groups": [ArrayLike()], "tower_sizes": ["array-like"]}

    def __init__(self, groups: Sequence[Sequence[str]], tower_sizes: Sequence[int] = ()) -> None:
        self.groups = groups
        self.tower_sizes = tower_sizes

    def check(self, trunk: Trunk, tasks: Mapping[str, Task]) -> None:
        super().check(trunk, tasks)
        self._check_groups()
        named = [name for group in self.groups for name in group]
        unknown = [name for name in dict.fromkeys(named) if name not in tasks]
        if unknown:
            raise ValueError(f"groups of Grouped names unknown tasks {unknown}; the tasks are {list(tasks)}.")
        twice = repeated(named)
        if twice:
            raise ValueError(f"groups of Grouped names the tasks {twice} more than once; each has one group.")
        self._refuse_missing(list(tasks))

    def _refuse_missing(self, tasks: Sequence[str]) -> None:
        named = {name for group in self.groups for name in group}
        missing = [name for name in tasks if name not in named]
        if missing:
            raise ValueError(
                f"groups of Grouped lacks the tasks {missing}; each task should be in a group. One that shares "
                f"with no other is a group of its own: {[[name] for name in missing]}."
            )

    def _check_groups(self) -> None:
        groups = self.groups if ArrayLike().is_satisfied_by(self.groups) else [self.groups]
        for group in groups:
            if not (ArrayLike().is_satisfied_by(group) and len(group) and all(isinstance(n, str) for n in group)):
                raise ValueError(f"groups of Grouped has {group!r}; it should be a list of lists of tasks.")

    def restricted_to(self, tasks: Sequence[str]) -> Grouped:
        return clone(self).set_params(groups=[list(group) for group in self.groups_among(tasks)])

    def groups_among(self, tasks: Sequence[str]) -> list[tuple[str, ...]]:
        self._check_groups()
        chosen = (tuple(name for name in group if name in tasks) for group in self.groups)
        return [group for group in chosen if group]

    def sharing(self, trunk: Trunk, tasks: Sequence[str], streams: Streams) -> Sharing:
        return TrunksOfGroups(trunk, self.groups_among(tasks), streams)

    def flow(self, tasks: Sequence[str]) -> Flow:
        groups = self.groups_among(tasks)
        self._refuse_missing(tasks)
        trunks = [
            Node(f"trunk {number}", "trunk", "shared" if len(group) > 1 else "private")
            for number, group in enumerate(groups)
        ]
        reads = {name: [node.name] for node, group in zip(trunks, groups, strict=True) for name in group}
        flow = Flow.of_inputs().then({node: ["X"] for node in trunks}).represented_by(node.name for node in trunks)
        return flow.to_tasks({name: reads[name] for name in tasks}, self.tower_sizes)


class TrunksOfGroups(Sharing):
    """Stacked stems and bodies, one of each per group.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    groups : sequence of sequence of str
        The tasks of each group.
    streams : Streams
    """

    def __init__(self, trunk: Trunk, groups: Sequence[Sequence[str]], streams: Streams) -> None:
        super().__init__()
        self.numbers = tuple(range(len(groups)))
        self.group_of = {name: number for number, group in enumerate(groups) for name in group}
        self.share = len(self.group_of) > len(groups)
        self.stems = Stems(trunk, streams, len(groups))
        self.bodies = Bodies(trunk, streams, ["body"] * len(groups))
        self.width = trunk.width_
        self.representation_width = trunk.width_ * len(groups)

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Views:
        of_tasks = [self.group_of[name] for name in tasks]
        needed = sorted(set(of_tasks))
        of_groups = self._of_groups(inputs, needed)
        own = entries_of(of_groups, torch.tensor([needed.index(number) for number in of_tasks]))
        return Views(tuple(tasks), own, shared=tensors_of(of_groups) if self.share else ())

    def _of_groups(self, inputs: Mapping[str, Any], needed: Sequence[int]) -> Representation:
        chosen = positions(self.numbers, needed)
        return self.bodies(self.stems(inputs, chosen), chosen)

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return side_by_side(self._of_groups(inputs, self.numbers))

    def shared_parameters(self) -> list[nn.Parameter]:
        # the stacked parameters of all groups, also of those of one task
        return [*self.stems.parameters(), *self.bodies.parameters()] if self.share else []
