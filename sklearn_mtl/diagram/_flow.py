"""The way of the data through a network, as a graph that can be drawn."""

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
        What is written on it; for a task its name.
    kind : {"input", "shared", "private", "gate", "task"}
        What it is, which gives its colour: the inputs; what several tasks use; what belongs to one task; what
        mixes the parts that lead to it; a task.
    """

    name: str
    label: str
    kind: str


@dataclass(frozen=True)
class Flow:
    """Parts of a network in columns from left to right, and what feeds what.

    Parameters
    ----------
    columns : tuple of tuple of Node
        From the inputs to the tasks.
    edges : tuple of (str, str)
        Names of the nodes from which and to which data goes, always to a column further right.
    representation : tuple of str, default=()
        Names of the nodes that make the representation, which tasks outside of the network read.
    """

    columns: tuple[tuple[Node, ...], ...]
    edges: tuple[tuple[str, str], ...]
    representation: tuple[str, ...] = ()

    @classmethod
    def of_inputs(cls) -> Flow:
        """Start with the inputs, a node named "X"."""
        return cls(((Node("X", "X", "input"),),), ())

    def then(self, column: Mapping[Node, Iterable[str]]) -> Flow:
        """Put a column of nodes to the right, each with the names of the nodes that feed it."""
        edges = tuple((name, node.name) for node, names in column.items() for name in names)
        return replace(self, columns=(*self.columns, tuple(column)), edges=self.edges + edges)

    def represented_by(self, names: Iterable[str]) -> Flow:
        """Say which nodes make the representation."""
        return replace(self, representation=tuple(names))

    def to_tasks(self, reads: Mapping[str, Iterable[str]], tower_sizes: Any = ()) -> Flow:
        """Put the tasks to the right, each with the names of the nodes that it reads, behind a tower if any."""
        flow = self
        if len(tower_sizes):
            flow = self.then({Node(f"tower {task}", "tower", "private"): reads[task] for task in reads})
            reads = {task: [f"tower {task}"] for task in reads}
        return flow.then({task_node(task): names for task, names in reads.items()})

    def with_tasks(self, tasks: Sequence[str]) -> Flow:
        """Put further tasks beside those of the last column; they read the representation."""
        further = tuple((name, task_node(task).name) for task in tasks for name in self.representation)
        *columns, last = self.columns
        return replace(
            self, columns=(*columns, (*last, *map(task_node, tasks))), edges=self.edges + further
        )  # fmt: skip

    @property
    def nodes(self) -> dict[str, Node]:
        """All nodes by name, from left to right."""
        return {node.name: node for column in self.columns for node in column}


def task_node(task: str) -> Node:
    """Make the node of a task."""
    return Node(f"task {task}", task, "task")
