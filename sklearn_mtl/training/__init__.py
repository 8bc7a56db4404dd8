"""Training and prediction: encoded data, batches, the objective and the skorch net."""

from ._callbacks import SklearnCallbacks
from ._learn import learn, learn_batch
from ._model import Model
from ._net import OPTIMIZERS
from ._schedule import SCHEDULES
from ._weights import check_sample_weight, check_weights

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Model",
    "SklearnCallbacks",
    "check_sample_weight",
    "check_weights",
    "learn",
    "learn_batch",
]
