"""The trunk that ``trunk="auto"`` stands for."""

from __future__ import annotations

from typing import Any

from ..utils._params import resolve_spec
from ._base import Trunk
from ._mlp import MLP


def auto_trunk() -> Trunk:
    """Build the recipe for tables: squashed and ranked numbers, embedded categories, two layers, dropout."""
    return MLP(hidden_sizes=(128, 128), dropout=0.2, scaling="squash", ranks=True)


_SHORTHAND = {"auto": auto_trunk, "mlp": MLP}


def resolve_trunk(trunk: Any) -> Trunk:
    """Turn a shorthand into a trunk; a trunk stays what it is."""
    return resolve_spec("trunk", trunk, Trunk, _SHORTHAND)
