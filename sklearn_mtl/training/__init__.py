"""Training and prediction: encoded data, batches, the objective and the skorch net."""

from ._blueprint import Blueprint
from ._callback_list import CallbackList
from ._callbacks import SklearnCallbacks
from ._ensemble import learn_ensemble
from ._further import learn_further_task
from ._learn import learn, learn_batch
from ._members import member_of, model_of, settings_of, structure_key, why_not_stackable, why_not_stacked
from ._model import Model, is_plain
from ._optimizer import OPTIMIZERS
from ._picture import fitted_flow, picture_html
from ._prepare import guess_types
from ._schedule import SCHEDULES
from ._stacked import Member, Trained, stacking_pays, train_stacked
from ._state import check_arrays, complete_params, current_state, stamped
from ._task_checks import decode
from ._weights import check_sample_weight, check_weights

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Blueprint",
    "CallbackList",
    "Member",
    "Model",
    "SklearnCallbacks",
    "Trained",
    "check_arrays",
    "check_sample_weight",
    "check_weights",
    "complete_params",
    "current_state",
    "decode",
    "fitted_flow",
    "guess_types",
    "is_plain",
    "learn",
    "learn_batch",
    "learn_ensemble",
    "learn_further_task",
    "member_of",
    "model_of",
    "picture_html",
    "settings_of",
    "stacking_pays",
    "stamped",
    "structure_key",
    "train_stacked",
    "why_not_stackable",
    "why_not_stacked",
]
