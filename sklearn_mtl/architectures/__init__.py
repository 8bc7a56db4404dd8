"""Architectures: how tasks share the trunk."""

from typing import Any

from ..utils._params import resolve_spec
from ._base import Architecture, Network
from ._hard_sharing import HardSharing
from ._outputs import Outputs

__all__ = ["Architecture", "HardSharing", "Network", "Outputs", "resolve_architecture"]

_SHORTHAND = {"hard_sharing": HardSharing}


def resolve_architecture(architecture: Any) -> Architecture:
    """Turn a shorthand such as "hard_sharing" into an architecture; an architecture stays what it is."""
    return resolve_spec("architecture", architecture, Architecture, _SHORTHAND)
