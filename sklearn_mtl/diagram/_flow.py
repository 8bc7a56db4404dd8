"""The data flow through a network, as a graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Node:
    """A part of a network.

    Parameters
    ----------
    name : str
        Unique in its flow.
    label : str
        Text on the node; for a task its name.
    kind : {"input", "shared", "private", "gate", "task"}
        Kind of the node, which defines its colour: the inputs; a part that several tasks use; a part of one task;
        a mixture of its inputs; a task.
    """

    name: str
    label: str
    kind: str


@dataclass(frozen=True)
class Flow:
    """Parts of a network in columns from left to right, and their connections.

    Parameters
    ----------
    columns : tuple of tuple of Node
        From the inputs to the tasks.
    edges : tuple of (str, str)
        Names of source and target nodes; the target is always in a column further right.
    representation : tuple of str, default=()
        Names of the nodes that form the representation, which added tasks read.
    """

    columns: tuple[tuple[Node, ...], ...]
    edges: tuple[tuple[str, str], ...]
    representation: tuple[str, ...] = ()

    @classmethod
    def of_inputs(cls) -> Flow:
        """Return a flow with only the inputs, a node named "X"."""
        return cls(((Node("X", "X", "input"),),), ())

    def then(self, column: Mapping[Node, Iterable[str]]) -> Flow:
        """Return the flow with a column of nodes added on the right, each with the names of its source nodes."""
        edges = tuple((name, node.name) for node, names in column.items() for name in names)
        return replace(self, columns=(*self.columns, tuple(column)), edges=self.edges + edges)

    def represented_by(self, names: Iterable[str]) -> Flow:
        """Return the flow with the given nodes as representation."""
        return replace(self, representation=tuple(names))

    def to_tasks(self, reads: Mapping[str, Iterable[str]], tower_sizes: Any = ()) -> Flow:
        """Return the flow with tasks added on the right, each with the nodes that it reads and towers if any."""
        flow = self
        if len(tower_sizes):
            flow = self.then({Node(f"tower {task}", "tower", "private"): reads[task] for task in reads})
            reads = {task: [f"tower {task}"] for task in reads}
        return flow.then({task_node(task): names for task, names in reads.items()})

    def with_tasks(self, tasks: Sequence[str]) -> Flow:
        """Return the flow with tasks added to the last column; they read the representation."""
        edges = tuple((name, task_node(task).name) for task in tasks for name in self.representation)
        *columns, last = self.columns
        return replace(self, columns=(*columns, (*last, *map(task_node, tasks))), edges=self.edges + edges)

    @property
    def nodes(self) -> dict[str, Node]:
        """Return all nodes by name, from left to right."""
        return {node.name: node for column in self.columns for node in column}


def task_node(task: str) -> Node:
    """Return the node of a task."""
    return Node(f"task {task}", task, "task")
