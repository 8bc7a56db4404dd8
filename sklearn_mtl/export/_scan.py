"""A loop over the steps of sequences that can be exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def scan(step: Callable[[Any, Any], tuple[Any, Any]], start: Any, given: Any) -> tuple[Any, Any]:
    """Return the last state of a loop over the first axis of tensors, and the stacked results of all steps.

    Parameters
    ----------
    step : callable
        Maps the state and a step of the tensors to the next state and a result.
    start : Tensor or tuple of Tensor
        State before the first step.
    given : Tensor or tuple of Tensor
    """
    # not public yet, so that it is imported only where a model has sequences
    from torch._higher_order_ops.scan import scan as of_torch

    found: tuple[Any, Any] = of_torch(step, start, given, dim=0)
    return found
