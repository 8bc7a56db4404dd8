"""Penalties by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..utils._params import resolve_spec
from ._base import Penalty
from ._group_lasso import GroupLasso
from ._orthogonality import Orthogonality
from ._representation_dropout import RepresentationDropout
from ._trace_norm import TraceNorm

_SHORTHAND = {
    "trace_norm": TraceNorm,
    "group_lasso": GroupLasso,
    "orthogonality": Orthogonality,
    "representation_dropout": RepresentationDropout,
}


def resolve_penalty(penalty: Any) -> Penalty:
    """Return the penalty for a shorthand like "trace_norm"; return a penalty unchanged."""
    return resolve_spec("penalties", penalty, Penalty, _SHORTHAND)


def resolve_penalties(penalties: Sequence[Any]) -> tuple[Penalty, ...]:
    """Resolve a sequence of penalties or shorthands; check that their names are unique.

    Raises
    ------
    ValueError
        If an entry is not a penalty, or two have the same class.
    """
    if isinstance(penalties, str | Penalty):
        raise ValueError(f"penalties={penalties!r} should be a sequence of penalties.")
    resolved = tuple(resolve_penalty(penalty) for penalty in penalties)
    names = [penalty_name(penalty) for penalty in resolved]
    if len(set(names)) < len(names):
        raise ValueError(f"penalties contains a class more than once: {names}.")
    return resolved


def penalty_name(penalty: Any) -> str:
    """Return the name of a penalty in parameters: its class name in snake_case."""
    return penalty if isinstance(penalty, str) else re.sub(r"(?<!^)(?=[A-Z])", "_", type(penalty).__name__).lower()
