"""Targets: several arrays of the same rows, read from any container and given back in it."""

from ._targets import Container, Targets, align_targets, name_of, read_targets
from ._task_sets import concatenate_task_sets

__all__ = ["Container", "Targets", "align_targets", "concatenate_task_sets", "name_of", "read_targets"]
