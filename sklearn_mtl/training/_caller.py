"""The interface between a fit and the fitted estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

from ._model import Model


class Caller(NamedTuple):
    """The estimator that is fitted.

    Parameters
    ----------
    owner : BaseEstimator
        scikit-learn's checks of X set ``n_features_in_`` and ``feature_names_in_`` on it.
    as_fitted : callable
        Returns the estimator as if it had been fitted to a model, for callbacks that score.
    watch : callable or None, default=None
        Builds the callback that follows the training of a model.
    keep : callable or None, default=None
        Receives the model of the finished epochs if training is interrupted.
    """

    owner: BaseEstimator
    as_fitted: Callable[[Model], BaseEstimator]
    watch: Callable[[Model], Callback] | None = None
    keep: Callable[[Model], None] | None = None
