"""Training: the objective's steps, the skorch net, its callbacks, and what is kept of an epoch."""

from ._add_task import learn_further_task
from ._callback_list import CallbackList
from ._callbacks import SklearnCallbacks
from ._ensemble import learn_ensemble
from ._learn import learn, learn_batch
from ._members import member_of, model_of, settings_of, structure_key, why_not_stackable, why_not_stacked
from ._model import Model
from ._optimizer import OPTIMIZERS
from ._prepare import guess_types
from ._schedule import SCHEDULES
from ._stacked import Member, Trained, stacking_pays, train_stacked

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "CallbackList",
    "Member",
    "Model",
    "SklearnCallbacks",
    "Trained",
    "guess_types",
    "learn",
    "learn_batch",
    "learn_ensemble",
    "learn_further_task",
    "member_of",
    "model_of",
    "settings_of",
    "stacking_pays",
    "structure_key",
    "train_stacked",
    "why_not_stackable",
    "why_not_stacked",
]
