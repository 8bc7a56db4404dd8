"""Multi-task learning with deep networks as a scikit-learn estimator."""

from . import _moved
from ._version import __version__
from .config import Auxiliary, BatchEnsemble, Checkpoint, DeepEnsemble, EarlyStopping, Optimizer, Portfolio
from .estimator import (
    AllPredictions,
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    MultiTaskNetRegressor,
    TaskViewClassifier,
    TaskViewRegressor,
    recommended_recipes,
)
from .persistence import load_model, save_model
from .targets import Targets, concatenate_task_sets

__all__ = [
    "AllPredictions",
    "Auxiliary",
    "BatchEnsemble",
    "Checkpoint",
    "DeepEnsemble",
    "EarlyStopping",
    "MultiTaskNetClassifier",
    "MultiTaskNetEstimator",
    "MultiTaskNetRegressor",
    "Optimizer",
    "Portfolio",
    "Targets",
    "TaskViewClassifier",
    "TaskViewRegressor",
    "__version__",
    "concatenate_task_sets",
    "load_model",
    "recommended_recipes",
    "save_model",
]

_moved.register()
