"""The estimators."""

from ._companions import MultiTaskNetClassifier, MultiTaskNetRegressor
from ._estimator import MultiTaskNetEstimator
from ._fitted import AllPredictions

__all__ = ["AllPredictions", "MultiTaskNetClassifier", "MultiTaskNetEstimator", "MultiTaskNetRegressor"]
