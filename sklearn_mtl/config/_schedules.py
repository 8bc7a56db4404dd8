"""Learning rate schedules: factors of the learning rate by the progress of a fit, from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable

WARM_UP = 0.1


def constant(progress: float) -> float:
    """Keep the learning rate."""
    return 1.0


def cosine(progress: float) -> float:
    """Fall to 0 along a half cosine (Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def one_cycle(progress: float) -> float:
    """Rise linearly over the first tenth, then fall along a half cosine (Smith and Topin, 2018)."""
    if progress < WARM_UP:
        return max(progress, 0.01 * WARM_UP) / WARM_UP
    return cosine((progress - WARM_UP) / (1 - WARM_UP))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "one_cycle": one_cycle,
}
