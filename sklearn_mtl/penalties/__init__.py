"""Penalties that make the tasks of one network similar, different, or sparse."""

from ._base import Penalty, WeightPenalty
from ._group_lasso import GroupLasso
from ._orthogonality import Orthogonality
from ._representation_dropout import RepresentationDropout
from ._shorthand import penalty_name, resolve_penalties, resolve_penalty
from ._trace_norm import TraceNorm

__all__ = [
    "GroupLasso",
    "Orthogonality",
    "Penalty",
    "RepresentationDropout",
    "TraceNorm",
    "WeightPenalty",
    "penalty_name",
    "resolve_penalties",
    "resolve_penalty",
]
