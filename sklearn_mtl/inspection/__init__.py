"""Displays of fitted estimators."""

from ._balance import TaskBalanceDisplay
from ._gate_weights import GateWeightsDisplay
from ._history import LearningHistoryDisplay
from ._network_flow import NetworkFlowDisplay
from ._pareto import ParetoFrontDisplay

__all__ = [
    "GateWeightsDisplay",
    "LearningHistoryDisplay",
    "NetworkFlowDisplay",
    "ParetoFrontDisplay",
    "TaskBalanceDisplay",
]
