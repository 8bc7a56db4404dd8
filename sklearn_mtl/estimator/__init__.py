"""The estimators."""

from ._companions import MultiTaskNetClassifier, MultiTaskNetRegressor
from ._estimator import MultiTaskNetEstimator
from ._fitted import AllPredictions
from ._recipes import recommended_recipes
from ._task_view import TaskViewClassifier, TaskViewRegressor

__all__ = [
    "AllPredictions",
    "MultiTaskNetClassifier",
    "MultiTaskNetEstimator",
    "MultiTaskNetRegressor",
    "TaskViewClassifier",
    "TaskViewRegressor",
    "recommended_recipes",
]
