"""Weightings: how the losses of several tasks become one step."""

from typing import Any

from ..utils._params import resolve_spec
from ._base import Weighting
from ._static import Static

__all__ = ["Static", "Weighting", "resolve_weighting"]

_SHORTHAND = {"static": Static}


def resolve_weighting(weighting: Any) -> Weighting:
    """Turn a shorthand such as "static" into a weighting; a weighting stays what it is."""
    return resolve_spec("weighting", weighting, Weighting, _SHORTHAND)
