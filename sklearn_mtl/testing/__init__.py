"""Conformance suites: tests that every implementation of a base class must pass, also your own."""

from ._architecture import ArchitectureConformance
from ._conformance import Conformance
from ._penalty import PenaltyConformance, WeightPenaltyConformance
from ._task import TaskConformance
from ._task_case import TaskCase
from ._task_sampling import TaskSamplingConformance
from ._trunk import TrunkCase, TrunkConformance
from ._weighting import WeightingConformance

__all__ = [
    "ArchitectureConformance",
    "Conformance",
    "PenaltyConformance",
    "TaskCase",
    "TaskConformance",
    "TaskSamplingConformance",
    "TrunkCase",
    "TrunkConformance",
    "WeightPenaltyConformance",
    "WeightingConformance",
]
