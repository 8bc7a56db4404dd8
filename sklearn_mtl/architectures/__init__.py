"""Architectures: how tasks share the trunk."""

from ._base import Architecture, resolve_architecture
from ._hard_sharing import HardSharing

__all__ = ["Architecture", "HardSharing", "resolve_architecture"]
