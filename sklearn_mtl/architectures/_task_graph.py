"""Tasks that depend on other tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from ..tasks import Task
from ..trunks import Trunk
from ..utils._flow import Flow, task_node
from ..utils._params import StrOptions
from ..utils._random import Streams
from ..utils._side_by_side import has_member_axis
from ._banks import MLPBank
from ._base import Architecture, Network
from ._resolve import resolve_architecture
from ._sharing import SharingArchitecture, SharingNetwork
from ._transfer import Attention, Concatenation, GraphHeads, Product

TRANSFERS: dict[str, type[GraphHeads]] = {"concat": Concatenation, "attention": Attention, "product": Product}


class TaskGraph(Architecture):
    r"""Tasks that depend on other tasks: a child sees what its parents make of a row.

    What a child sees is the output of its parents' heads, in training as in prediction; their true labels are
    never looked at. A parent whose task weight is 0 is no parent: the fit is as if it were not there.

    Parameters
    ----------
    dependencies : mapping of str to sequence of str
        For each child the tasks that it depends on directly.
    transfer : {"concat", "attention", "product"}, default="concat"
        "concat" gives the child's head the parents' outputs beside the representation, before sigmoid or softmax
        [3]_. "attention" lets the child attend to its own view and to what its parents hand over (AITM) [2]_.
        "product" multiplies probabilities of two classes, :math:`P(child) = P(child | parents) \prod P(parent)`
        (ESMM), so that no child is ever more probable than a parent [1]_.
    stop_gradient : bool, default=False
        Whether the loss of a child leaves its parents alone.
    sharing : str or Architecture, default="hard_sharing"
        What is between the inputs and the heads: any other architecture.

    References
    ----------
    .. [1] Ma et al., "Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click Conversion
       Rate", SIGIR 2018.
    .. [2] Xi et al., "Modeling the Sequential Dependence among Audience Multi-step Conversions with Multi-task
       Learning in Targeted Display Advertising", KDD 2021.
    .. [3] Wang et al., "Deep Bayesian Multi-Target Learning for Recommender Systems", 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import MultiTaskNetClassifier, Targets
    >>> from sklearn_mtl.architectures import TaskGraph
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> y = Targets(click=X[:, 0] > 0, conversion=(X[:, 0] > 0) & (X[:, 1] > 0))
    >>> funnel = TaskGraph({"conversion": ["click"]}, transfer="product")
    >>> net = MultiTaskNetClassifier(architecture=funnel, max_epochs=5, random_state=0).fit(X, y)
    >>> proba = net.predict_proba(X)
    >>> bool((proba["conversion"][:, 1] <= proba["click"][:, 1]).all())
    True
    """

    _parameter_constraints: dict = {
        "dependencies": [Mapping],
        "transfer": [StrOptions(set(TRANSFERS))],
        "stop_gradient": ["boolean"],
        "sharing": [str, Architecture],
    }

    def __init__(
        self,
        dependencies: Mapping[str, Sequence[str]],
        transfer: str = "concat",
        stop_gradient: bool = False,
        sharing: str | Architecture = "hard_sharing",
    ) -> None:
        self.dependencies = dependencies
        self.transfer = transfer
        self.stop_gradient = stop_gradient
        self.sharing = sharing

    @property
    def member_axis(self) -> bool:  # type: ignore[override]
        return has_member_axis(resolve_architecture(self.sharing))

    @property
    def has_gates(self) -> bool:  # type: ignore[override]
        return resolve_architecture(self.sharing).has_gates

    def check(self, trunk: Trunk, tasks: Mapping[str, Task]) -> None:
        self._validate_params()
        self._check_names(tasks)
        self._order(list(tasks))
        self._check_kinds(tasks)
        self._sharing().check(trunk, tasks)

    def _check_names(self, tasks: Mapping[str, Task]) -> None:
        for child, parents in self.dependencies.items():
            if isinstance(parents, str) or not all(isinstance(parent, str) for parent in parents):
                raise ValueError(f"dependencies[{child!r}]={parents!r} of TaskGraph should be a list of tasks.")
            if len(set(parents)) < len(parents):
                raise ValueError(f"dependencies[{child!r}]={parents!r} of TaskGraph names a task twice.")
            unknown = [name for name in (child, *parents) if name not in tasks]
            if unknown:
                raise ValueError(
                    f"dependencies of TaskGraph names unknown tasks {unknown}; the tasks are {list(tasks)}."
                )

    def _parents(self, tasks: Sequence[str]) -> dict[str, list[str]]:
        """Give what each task depends on directly, among these tasks."""
        return {name: [p for p in self.dependencies.get(name, ()) if p in tasks] for name in tasks}

    def _order(self, tasks: Sequence[str]) -> list[str]:
        """Order tasks so that parents come before their children."""
        try:
            return list(TopologicalSorter(self._parents(tasks)).static_order())
        except CycleError as error:
            # graphlib lists each task before the one that depends on it
            circle = " -> ".join(map(repr, error.args[1]))
            raise ValueError(f"dependencies of TaskGraph go in a circle: {circle}.") from None

    def _check_kinds(self, tasks: Mapping[str, Task]) -> None:
        edges = [(parent, child) for child, parents in self.dependencies.items() for parent in parents]
        for parent, child in edges:
            if self.transfer == "product":
                for name in (parent, child):
                    if len(getattr(tasks[name], "classes_", ())) != 2 or tasks[name].n_outputs_ != 1:
                        raise ValueError(
                            f"transfer='product' of TaskGraph multiplies probabilities of two classes, but task "
                            f"{name!r} is {tasks[name]!r} with {tasks[name].n_outputs_} outputs."
                        )
            if "token" in (tasks[parent].level, tasks[child].level):
                raise ValueError(
                    f"TaskGraph connects tasks that have one target per row; {parent!r} or {child!r} has one per "
                    "token."
                )

    def _sharing(self) -> SharingArchitecture:
        sharing = resolve_architecture(self.sharing)
        if not isinstance(sharing, SharingArchitecture):
            raise ValueError(
                f"sharing={self.sharing!r} of TaskGraph should be an architecture that gives each task a view of "
                "the representation, such as HardSharing or MMoE."
            )
        return sharing

    def build(self, trunk: Trunk, tasks: Mapping[str, Task], streams: Streams) -> Network:
        spec = self._sharing()
        ordered = {name: tasks[name] for name in self._order(list(tasks))}
        parents = self._parents(list(ordered))
        sharing = spec.sharing(trunk, list(ordered), streams)
        towers = MLPBank(list(ordered), sharing.width, spec.tower_sizes, streams, "tower")
        heads = TRANSFERS[self.transfer](ordered, parents, towers.width, streams, self.stop_gradient)
        return SharingNetwork(sharing, towers, heads)

    def flow(self, tasks: Sequence[str]) -> Flow:
        flow = self._sharing().flow(tasks)
        parents = self._parents(tasks)
        depth: dict[str, int] = {}
        for name in self._order(tasks):
            depth[name] = max((depth[parent] + 1 for parent in parents[name]), default=0)
        by_depth = [
            tuple(task_node(name) for name in tasks if depth[name] == level)
            for level in range(max(depth.values(), default=0) + 1)
        ]
        edges = [
            (task_node(parent).name, task_node(child).name)
            for child in tasks
            for parent in dict.fromkeys(parents[child])
        ]
        return replace(flow, columns=(*flow.columns[:-1], *by_depth), edges=(*flow.edges, *edges))
