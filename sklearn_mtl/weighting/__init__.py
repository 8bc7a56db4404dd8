"""Weightings: how the losses of several tasks become one step."""

from ._base import Weighting, resolve_weighting
from ._static import Static

__all__ = ["Static", "Weighting", "resolve_weighting"]
