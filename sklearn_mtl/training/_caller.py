"""What a fit needs of the estimator that it is done for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

from ._model import Model


class Caller(NamedTuple):
    """The estimator that a fit is done for.

    Parameters
    ----------
    owner : BaseEstimator
        scikit-learn's checks of X set ``n_features_in_`` and ``feature_names_in_`` on it.
    as_fitted : callable
        Returns the estimator as if it had been fitted to a model, for callbacks that score.
    watch : callable or None, default=None
        Makes the callback that follows the training of a model.
    keep : callable or None, default=None
        Takes the model of the epochs that are done when training is interrupted.
    """

    owner: BaseEstimator
    as_fitted: Callable[[Model], BaseEstimator]
    watch: Callable[[Model], Callback] | None = None
    keep: Callable[[Model], None] | None = None
