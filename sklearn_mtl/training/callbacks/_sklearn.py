"""scikit-learn's callback protocol on top of skorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

from ._protocols import TrainingNet


class SklearnCallbacks(Callback):
    """Calls the callbacks of a scikit-learn estimator after each epoch of a skorch net.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator that is fitted.
    context : sklearn.callback.CallbackContext
        Its context of the fit.
    data : dict
        X, y and metadata, passed on to callbacks that ask for them.
    fitted : callable
        Returns the fitted attributes as if training had stopped now.
    """

    def __init__(
        self, estimator: BaseEstimator, context: Any, data: dict[str, Any], fitted: Callable[[], dict[str, Any]]
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.data = data
        self.fitted = fitted

    def on_epoch_begin(self, net: TrainingNet, **kwargs: Any) -> None:
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_end(self, net: TrainingNet, **kwargs: Any) -> None:
        net.stop_training |= self.epoch_.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes=self.fitted
        )
