"""The way of the data through a network, as a graph that can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Node:
    """A part of a network.

    Parameters
    ----------
    name : str
        Unique in its flow.
    label : str
        What is written on it.
    kind : {"input", "shared", "private", "gate", "task"}
        What it is, which gives its colour.
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
        Names of the nodes from which and to which data goes.
    """

    columns: tuple[tuple[Node, ...], ...]
    edges: tuple[tuple[str, str], ...]

    @classmethod
    def through(cls, *columns: Sequence[Node]) -> Flow:
        """Make a flow in which every part feeds all parts of the next column."""
        edges = [(a.name, b.name) for left, right in pairwise(columns) for a in left for b in right]
        return cls(tuple(tuple(column) for column in columns), tuple(edges))
