"""Task sampling: choose the task that a step trains."""

from typing import Any

from ..utils._params import resolve_spec
from ._all import AllTasks
from ._base import TaskSampling
from ._by_size import ProportionalSampling, TemperatureSampling
from ._loss_driven import LossDriven
from ._round_robin import RoundRobin

__all__ = [
    "AllTasks",
    "LossDriven",
    "ProportionalSampling",
    "RoundRobin",
    "TaskSampling",
    "TemperatureSampling",
    "resolve_task_sampling",
]

_SHORTHAND = {
    "all": AllTasks,
    "proportional": ProportionalSampling,
    "temperature": TemperatureSampling,
    "round_robin": RoundRobin,
    "loss_driven": LossDriven,
}


def resolve_task_sampling(sampling: Any) -> TaskSampling:
    """Return the sampling for a shorthand like "proportional"; return a sampling unchanged."""
    return resolve_spec("task_sampling", sampling, TaskSampling, _SHORTHAND)
