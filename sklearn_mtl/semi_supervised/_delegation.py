"""Methods and attributes that are those of the fitted network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..utils._types import RowsLike, TargetsLike, WeightsLike


def _has(method: str) -> Any:
    """Return a check whether the network, fitted or not, has a method."""

    def check(owner: DelegatingMixin) -> bool:
        getattr(getattr(owner, "estimator_", owner.estimator), method)  # raises AttributeError if it has not
        return True

    return check


class DelegatingMixin:
    """Predictions and scores of the network that was fitted last."""

    estimator: Any
    estimator_: Any

    def predict(self, X: RowsLike, tasks: Sequence[str] | None = None) -> Any:
        """Predict the targets, as ``predict`` of the network does.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all.

        Returns
        -------
        array, frame, structured array or Targets
            The kind of y in ``fit``.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X, tasks)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: RowsLike, tasks: Sequence[str] | None = None) -> Any:
        """Predict the probabilities of classes or labels, as ``predict_proba`` of the network does.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all that have probabilities.

        Returns
        -------
        ndarray, list of ndarray or Targets
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X, tasks)

    @available_if(_has("predict_std"))
    def predict_std(self, X: RowsLike, tasks: Sequence[str] | None = None) -> Any:
        """Compute how much the networks of an ensemble differ in their predictions of numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all regressions.

        Returns
        -------
        array, frame, structured array or Targets
            Standard deviations in the units of the targets.
        """
        check_is_fitted(self)
        return self.estimator_.predict_std(X, tasks)

    @available_if(_has("predict_risk"))
    def predict_risk(self, X: RowsLike, tasks: Sequence[str] | None = None) -> Any:
        """Predict the risks of tasks of censored times, as ``predict_risk`` of the network does.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all of `Survival <sklearn_mtl.tasks.Survival>`.

        Returns
        -------
        Targets
        """
        check_is_fitted(self)
        return self.estimator_.predict_risk(X, tasks)

    @available_if(_has("predict_survival_function"))
    def predict_survival_function(self, X: RowsLike, times: Any = None, tasks: Sequence[str] | None = None) -> Any:
        """Predict survival beyond some times, as ``predict_survival_function`` of the network does.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        times : array-like of shape (n_times,) or None, default=None
            None for ``times_`` of each task.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all of `Survival <sklearn_mtl.tasks.Survival>`.

        Returns
        -------
        Targets
        """
        check_is_fitted(self)
        return self.estimator_.predict_survival_function(X, times, tasks)

    def score_tasks(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None) -> dict[str, float]:
        """Score each task by its metric, over its labelled rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        dict of str to float
        """
        check_is_fitted(self)
        scores: dict[str, float] = self.estimator_.score_tasks(X, y, sample_weight)
        return scores

    def score(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None) -> float:
        """Compute the mean of the task scores under ``score_weights`` of the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        return float(self.estimator_.score(X, y, sample_weight))

    @property
    def classes_(self) -> Any:
        """Classes of the tasks, as the network has them."""
        return self.estimator_.classes_

    @property
    def tasks_(self) -> dict[str, Any]:
        """The fitted tasks."""
        tasks: dict[str, Any] = self.estimator_.tasks_
        return tasks

    @property
    def task_names_(self) -> list[str]:
        """Names of the tasks, in the order of y."""
        names: list[str] = self.estimator_.task_names_
        return names

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X."""
        return int(self.estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns of X, if it was a frame with string names."""
        names: np.ndarray = self.estimator_.feature_names_in_
        return names
