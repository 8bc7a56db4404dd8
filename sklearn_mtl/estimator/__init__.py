"""The estimators."""

from ._companions import MultiTaskNetClassifier, MultiTaskNetRegressor
from ._estimator import MultiTaskNetEstimator
from ._task_view import TaskViewClassifier, TaskViewRegressor

__all__ = [
    "MultiTaskNetClassifier",
    "MultiTaskNetEstimator",
    "MultiTaskNetRegressor",
    "TaskViewClassifier",
    "TaskViewRegressor",
]
