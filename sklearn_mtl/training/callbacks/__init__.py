"""Support for callbacks of skorch and scikit-learn."""

from ._callback_list import CallbackList, callbacks_of, callbacks_to_run, has_callback
from ._lr_scheduler import end_schedule
from ._notify import tell, watches_batches
from ._protocols import ScoresRows, TrainingNet
from ._sklearn import SklearnCallbacks

__all__ = [
    "CallbackList",
    "ScoresRows",
    "SklearnCallbacks",
    "TrainingNet",
    "callbacks_of",
    "callbacks_to_run",
    "end_schedule",
    "has_callback",
    "tell",
    "watches_batches",
]
