"""Displays of fitted estimators, and explanations of what they predict."""

from ._affinity import TaskAffinityDisplay
from ._balance import TaskBalanceDisplay
from ._correlated_groups import correlated_groups
from ._coverage import CoverageDisplay
from ._gate_weights import GateWeightsDisplay
from ._history import LearningHistoryDisplay
from ._importances import task_importances
from ._importances_display import TaskImportancesDisplay
from ._integrated_gradients import integrated_gradients
from ._model_card import card_html, model_card
from ._network_flow import NetworkFlowDisplay
from ._pareto import ParetoFrontDisplay
from ._partial_dependence import TaskPartialDependenceDisplay
from ._reliability import ReliabilityDisplay
from ._saliency import ImageSaliencyDisplay, TokenSaliencyDisplay
from ._selective import SelectiveDisplay
from ._sharing import SharingDisplay

__all__ = [
    "CoverageDisplay",
    "GateWeightsDisplay",
    "ImageSaliencyDisplay",
    "LearningHistoryDisplay",
    "NetworkFlowDisplay",
    "ParetoFrontDisplay",
    "ReliabilityDisplay",
    "SelectiveDisplay",
    "SharingDisplay",
    "TaskAffinityDisplay",
    "TaskBalanceDisplay",
    "TaskImportancesDisplay",
    "TaskPartialDependenceDisplay",
    "TokenSaliencyDisplay",
    "card_html",
    "correlated_groups",
    "integrated_gradients",
    "model_card",
    "task_importances",
]
