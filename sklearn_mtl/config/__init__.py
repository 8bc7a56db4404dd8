"""The parameters of a fit, and the specs of ensembles, checkpoints and optimisers."""

from ._auxiliary import Auxiliary, resolve_auxiliary
from ._checkpoint import Checkpoint, resolve_checkpoint
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
    "Ensemble",
    "FitConfig",
    "May",
    "Optimizer",
    "Portfolio",
    "resolve_auxiliary",
    "resolve_checkpoint",
    "resolve_ensemble",
    "resolve_optimizer",
]
