"""Trunks: from one kind of input to a representation that tasks share."""

from ._auto import resolve_trunk
from ._base import Representation, SparseRows, Staged, Trunk
from ._mlp import MLP
from ._sequence_encoder import SequenceEncoder

__all__ = ["MLP", "Representation", "SequenceEncoder", "SparseRows", "Staged", "Trunk", "resolve_trunk"]
