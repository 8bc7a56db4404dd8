"""Displays and reports of fitted estimators."""

from ._history import LearningHistoryDisplay

__all__ = ["LearningHistoryDisplay"]
