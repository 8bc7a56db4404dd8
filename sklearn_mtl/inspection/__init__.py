"""Displays and reports of fitted estimators."""

from ._history import LearningHistoryDisplay
from ._pareto import ParetoFrontDisplay

__all__ = ["LearningHistoryDisplay", "ParetoFrontDisplay"]
