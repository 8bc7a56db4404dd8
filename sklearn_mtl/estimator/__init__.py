"""The estimators."""

from ._companions import MultiTaskNetClassifier, MultiTaskNetRegressor
from ._estimator import MultiTaskNetEstimator

__all__ = ["MultiTaskNetClassifier", "MultiTaskNetEstimator", "MultiTaskNetRegressor"]
