"""Dependencies between tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from typing import Any

import numpy as np

from ..diagram._flow import Flow, task_node
from ..nn._stacking import has_member_axis
from ..tasks import Task
from ..trunks import Trunk
from ..utils._params import StrOptions
from ..utils._random import Streams
from ._base import Architecture, Network
from ._sharing import SharingArchitecture, SharingNetwork
from ._shorthand import resolve_architecture
from ._transfer import Attention, Concatenation, GraphHeads, Product
from ._units import MLPBank

TRANSFERS: dict[str, type[GraphHeads]] = {"concat": Concatenation, "attention": Attention, "product": Product}


class TaskGraph(Architecture):
    r"""Let the head of a child task read the outputs of its parent tasks.

    A child reads the outputs of its parents' heads, in training and in prediction, never their labels. A parent of
    task weight 0 is ignored: the fit is the same as without it.

    Parameters
    ----------
    dependencies : mapping of str to sequence of str
        Direct parents of each child.
    transfer : {"concat", "attention", "product"}, default="concat"
        With "concat" the child's head reads the representation and the parents' outputs before sigmoid or softmax
        [3]_. With "attention" the child attends to its own view and to the transfers of its parents (AITM) [2]_.
        "product" multiplies probabilities of binary tasks, :math:`P(child) = P(child | parents) \prod P(parent)`
        (ESMM), so that no child is more probable than a parent [1]_. These are probabilities of the positive
        class. All but "attention" also connect two tasks of tokens or of pixels, position by position.
    stop_gradient : bool, default=False
        Whether to stop the gradient of a child's loss at its parents.
    sharing : str or Architecture, default="hard_sharing"
        Architecture between the inputs and the heads.
    positive : mapping of str to object, object or None, default=None
        The positive class of each task for "product", or one for all tasks of the graph. The default is True for
        the classes False and True, and 1 for 0 and 1 or -1 and 1. For other classes it is required.

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
        "positive": "no_validation",
    }

    # default for models that were saved before this parameter existed
    positive: Any = None

    def __init__(
        self,
        dependencies: Mapping[str, Sequence[str]],
        transfer: str = "concat",
        stop_gradient: bool = False,
        sharing: str | Architecture = "hard_sharing",
        positive: Any = None,
    ) -> None:
        self.dependencies = dependencies
        self.transfer = transfer
        self.stop_gradient = stop_gradient
        self.sharing = sharing
        self.positive = positive

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
        self._check_units(tasks)
        self._check_positive(tasks)
        self._sharing().check(trunk, tasks)

    def _check_names(self, tasks: Mapping[str, Task]) -> None:
        for child, parents in self.dependencies.items():
            if not (isinstance(parents, list | tuple) and all(isinstance(parent, str) for parent in parents)):
                raise ValueError(f"dependencies[{child!r}]={parents!r} of TaskGraph should be a list of tasks.")
            if len(set(parents)) < len(parents):
                raise ValueError(f"dependencies[{child!r}]={parents!r} of TaskGraph names a task twice.")
            unknown = [name for name in (child, *parents) if name not in tasks]
            if unknown:
                raise ValueError(
                    f"dependencies of TaskGraph names unknown tasks {unknown}; the tasks are {list(tasks)}."
                )

    def _parents(self, tasks: Sequence[str]) -> dict[str, list[str]]:
        """Return the direct parents of each task, among these tasks."""
        return {name: [p for p in self.dependencies.get(name, ()) if p in tasks] for name in tasks}

    def _order(self, tasks: Sequence[str]) -> list[str]:
        """Order tasks so that parents come before their children."""
        try:
            return list(TopologicalSorter(self._parents(tasks)).static_order())
        except CycleError as error:
            # graphlib lists each task before its dependents
            circle = " -> ".join(map(repr, error.args[1]))
            raise ValueError(f"dependencies of TaskGraph contain a cycle: {circle}.") from None

    def _edges(self) -> list[tuple[str, str]]:
        """Return the connected pairs of parent and child."""
        return [(parent, child) for child, parents in self.dependencies.items() for parent in parents]

    def _check_kinds(self, tasks: Mapping[str, Task]) -> None:
        if self.transfer != "product":
            return
        for name in dict.fromkeys(chain.from_iterable(self._edges())):
            classes = getattr(tasks[name], "classes_", ())
            if len(classes) != 2 or tasks[name].n_outputs_ != 1:
                listed = f" of the classes {_listed(classes)}" if len(classes) else ""
                raise ValueError(
                    f"transfer='product' of TaskGraph multiplies probabilities of two classes, but task {name!r} "
                    f"is {tasks[name]!r} with {tasks[name].n_outputs_} outputs{listed}."
                )

    def _check_units(self, tasks: Mapping[str, Task]) -> None:
        for parent, child in self._edges():
            ends = tasks[parent], tasks[child]
            one, other = (f"{name!r} has one target per {tasks[name].labelled_unit}" for name in (parent, child))
            if ends[0].position_axes != ends[1].position_axes:
                raise ValueError(
                    f"dependencies of TaskGraph connects tasks that label different units: {one}, {other}. "
                    "Remove this edge."
                )
            if ends[0].labels_positions and not TRANSFERS[self.transfer].connects_positions:
                raise ValueError(
                    f"transfer={self.transfer!r} of TaskGraph connects tasks with one target per row, but {one}; "
                    "use transfer='concat'."
                )
            shapes = [getattr(task, "shape_", None) for task in ends]
            if ends[0].labels_pixels and shapes[0] != shapes[1]:
                raise ValueError(
                    f"TaskGraph connects tasks of pixels of one shape; {parent!r} has {shapes[0]}, {child!r} "
                    f"{shapes[1]}."
                )

    def _check_positive(self, tasks: Mapping[str, Task]) -> None:
        linked = list(dict.fromkeys(chain.from_iterable(self._edges())))
        if self.transfer != "product":
            if self.positive is not None:
                raise ValueError(
                    f"positive={self.positive!r} of TaskGraph is the positive class of transfer='product'; "
                    f"transfer={self.transfer!r} does not use it."
                )
            return
        if isinstance(self.positive, Mapping):
            unknown = [name for name in self.positive if name not in linked]
            if unknown:
                raise ValueError(
                    f"positive of TaskGraph names {unknown}, which are not tasks of the graph; these are {linked}."
                )
        for name in linked:
            self._positive_of(name, tasks[name])

    def _positive_of(self, name: str, task: Task) -> int:
        """Return the position of the positive class of a task.

        Raises
        ------
        ValueError
            If it is missing, or not a class of the task.
        """
        classes = list(getattr(task, "classes_").tolist())  # noqa: B009 - not all tasks have classes
        given = self.positive.get(name) if isinstance(self.positive, Mapping) else self.positive
        if given is None:
            # True equals 1, and False equals 0
            if not any(isinstance(label, str) for label in classes) and set(classes) in ({0, 1}, {-1, 1}):
                return classes.index(1)
            raise ValueError(
                f"transfer='product' of TaskGraph multiplies probabilities of the positive class, but task "
                f"{name!r} has the classes {_listed(classes)}; pass "
                f"positive={{{name!r}: {classes[-1]!r}}}."
            )
        if given not in classes:
            raise ValueError(
                f"positive={self.positive!r} of TaskGraph has the class {given!r} for task {name!r}, which has "
                f"the classes {_listed(classes)}."
            )
        return classes.index(given)

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
        heads = TRANSFERS[self.transfer](
            ordered, parents, towers.width, streams, self.stop_gradient, trunk.grid_, **self._options(ordered)
        )
        return SharingNetwork(sharing, towers, heads)

    def _options(self, tasks: Mapping[str, Task]) -> dict[str, Any]:
        if self.transfer != "product" or self.positive is None:  # the second class, as ensured by `check`
            return {}
        linked = [name for name in chain.from_iterable(self._edges()) if name in tasks]
        return {"first_is_positive": [name for name in linked if self._positive_of(name, tasks[name]) == 0]}

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


def _listed(classes: Any) -> str:
    return ", ".join(repr(label) for label in np.asarray(classes).tolist())
