"""Targets: the labels of several tasks for the same rows, read from any container of y."""

from ._container import Container
from ._read import align_targets, name_of, read_targets
from ._sparse import SparseTargets
from ._targets import Targets
from ._task_sets import concatenate_task_sets

__all__ = [
    "Container",
    "SparseTargets",
    "Targets",
    "align_targets",
    "concatenate_task_sets",
    "name_of",
    "read_targets",
]
