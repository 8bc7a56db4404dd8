"""Training and prediction: encoded data, batches, the objective and the skorch net."""

from ._blueprint import Blueprint
from ._callbacks import SklearnCallbacks
from ._model import Model
from ._net import OPTIMIZERS, MultiTaskNet, make_net
from ._prepare import fit_tasks, prepare_data
from ._schedule import SCHEDULES
from ._stopping import BestEpoch
from ._weights import check_sample_weight, check_weights, common_weight

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "BestEpoch",
    "Blueprint",
    "Model",
    "MultiTaskNet",
    "SklearnCallbacks",
    "check_sample_weight",
    "check_weights",
    "common_weight",
    "fit_tasks",
    "make_net",
    "prepare_data",
]
