"""Displays of fitted estimators."""

from ._affinity import TaskAffinityDisplay
from ._balance import TaskBalanceDisplay
from ._coverage import CoverageDisplay
from ._gate_weights import GateWeightsDisplay
from ._history import LearningHistoryDisplay
from ._model_card import card_html, model_card
from ._network_flow import NetworkFlowDisplay
from ._pareto import ParetoFrontDisplay
from ._reliability import ReliabilityDisplay
from ._selective import SelectiveDisplay
from ._sharing import SharingDisplay

__all__ = [
    "CoverageDisplay",
    "GateWeightsDisplay",
    "LearningHistoryDisplay",
    "NetworkFlowDisplay",
    "ParetoFrontDisplay",
    "ReliabilityDisplay",
    "SelectiveDisplay",
    "SharingDisplay",
    "TaskAffinityDisplay",
    "TaskBalanceDisplay",
    "card_html",
    "model_card",
]
