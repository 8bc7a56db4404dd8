"""The parameters of a fit, and the specs of ensembles, checkpoints and optimisers."""

from ._checkpoint import Checkpoint, resolve_checkpoint
from ._ensemble import BatchEnsemble, DeepEnsemble, Ensemble, resolve_ensemble
from ._fit_config import FitConfig, May
from ._optimizer import OPTIMIZERS, SCHEDULES, Optimizer, resolve_optimizer

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "BatchEnsemble",
    "Checkpoint",
    "DeepEnsemble",
    "Ensemble",
    "FitConfig",
    "May",
    "Optimizer",
    "resolve_checkpoint",
    "resolve_ensemble",
    "resolve_optimizer",
]
