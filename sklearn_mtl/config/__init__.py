"""The parameters of a fit, and the specs of ensembles, checkpoints, optimisers and early stopping."""

from ._auxiliary import Auxiliary, resolve_auxiliary
from ._checkpoint import Checkpoint, resolve_checkpoint
from ._early_stopping import EarlyStopping, resolve_early_stopping
from ._ensemble import BatchEnsemble, DeepEnsemble, Ensemble
from ._fit_config import FitConfig, May
from ._optimizer import OPTIMIZERS, SCHEDULES, Optimizer, resolve_optimizer
from ._portfolio import Portfolio, resolve_ensemble

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Auxiliary",
    "BatchEnsemble",
    "Checkpoint",
    "DeepEnsemble",
    "EarlyStopping",
    "Ensemble",
    "FitConfig",
    "May",
    "Optimizer",
    "Portfolio",
    "resolve_auxiliary",
    "resolve_checkpoint",
    "resolve_early_stopping",
    "resolve_ensemble",
    "resolve_optimizer",
]
