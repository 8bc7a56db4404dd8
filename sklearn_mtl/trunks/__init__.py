"""Trunks: from one kind of input to a representation that tasks share."""

from ._auto import resolve_trunk
from ._base import Representation, SparseRows, Trunk
from ._mlp import MLP

__all__ = ["MLP", "Representation", "SparseRows", "Trunk", "resolve_trunk"]
