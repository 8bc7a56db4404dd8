"""Parameters of functions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any


def parameters_of(function: Any) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function or class by name; empty if it has no signature, as some in C."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
