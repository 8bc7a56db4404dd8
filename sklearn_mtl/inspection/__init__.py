"""Displays of fitted estimators."""

from ._affinity import TaskAffinityDisplay
from ._balance import TaskBalanceDisplay
from ._gate_weights import GateWeightsDisplay
from ._history import LearningHistoryDisplay
from ._network_flow import NetworkFlowDisplay
from ._pareto import ParetoFrontDisplay
from ._sharing import SharingDisplay

__all__ = [
    "GateWeightsDisplay",
    "LearningHistoryDisplay",
    "NetworkFlowDisplay",
    "ParetoFrontDisplay",
    "SharingDisplay",
    "TaskAffinityDisplay",
    "TaskBalanceDisplay",
]
