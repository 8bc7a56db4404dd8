"""Multi-task learning with deep networks as a scikit-learn estimator."""

from ._companions import MultiTaskNetClassifier, MultiTaskNetRegressor
from ._estimator import MultiTaskNetEstimator
from ._targets import Targets
from ._task_sets import concatenate_task_sets
from ._version import __version__
from .persistence import load_model, save_model

__all__ = [
    "MultiTaskNetClassifier",
    "MultiTaskNetEstimator",
    "MultiTaskNetRegressor",
    "Targets",
    "__version__",
    "concatenate_task_sets",
    "load_model",
    "save_model",
]
