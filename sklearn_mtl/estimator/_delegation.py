"""Methods and attributes of estimators around a network, which are those of the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if

from ..tasks import PredictedDistribution
from ..utils._types import RowsLike, TargetsLike, WeightsLike


def _has(method: str) -> Any:
    """Return a check whether the network, fitted or not, has a method."""

    def check(owner: DelegatingMixin) -> bool:
        getattr(owner._network_or_parameter, method)  # raises AttributeError if it has not
        return True

    return check


class DelegatingMixin:
    """Predictions and scores of the fitted network within an estimator.

    A subclass defines ``_network``, which raises NotFittedError without one, ``_network_or_parameter``, and
    ``_inner_rows`` where rows are changed on their way to the network.
    """

    @property
    def _network(self) -> Any:
        """The fitted network."""
        raise NotImplementedError

    @property
    def _network_or_parameter(self) -> Any:
        """The fitted network, or before ``fit`` the parameter."""
        raise NotImplementedError

    def _inner_rows(self, X: RowsLike) -> Any:
        """Return the rows as the network reads them."""
        return X

    def _of_network(
        self, method: str, X: RowsLike, *more: Any, tasks: Sequence[str] | None, **options: Any
    ) -> Any:
        """Call a method of the network for some tasks; None is left out, as all are the default."""
        if tasks is not None:
            options["tasks"] = tasks
        return getattr(self._network, method)(self._inner_rows(X), *more, **options)

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
            The kind of y in ``fit`` of the network.
        """
        return self._of_network("predict", X, tasks=tasks)

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
        return self._of_network("predict_proba", X, tasks=tasks)

    @available_if(_has("predict_std"))
    def predict_std(self, X: RowsLike, tasks: Sequence[str] | None = None, *, kind: str = "total") -> Any:
        """Compute the standard deviation of predictions of numbers, as ``predict_std`` of the network does.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all regressions that have such a deviation.
        kind : {"total", "aleatoric", "epistemic"}, default="total"
            By what predictions vary.

        Returns
        -------
        array, frame, structured array or Targets
            Standard deviations in the units of the targets.
        """
        options = {} if kind == "total" else {"kind": kind}
        return self._of_network("predict_std", X, tasks=tasks, **options)

    @available_if(_has("predict_quantiles"))
    def predict_quantiles(self, X: RowsLike, q: Any, tasks: Sequence[str] | None = None) -> Any:
        """Predict quantiles, as ``predict_quantiles`` of the network does.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        q : float or sequence of float
            Levels, each above 0 and below 1.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all that have quantiles.

        Returns
        -------
        Targets
        """
        return self._of_network("predict_quantiles", X, q, tasks=tasks)

    @available_if(_has("predict_distribution"))
    def predict_distribution(
        self, X: RowsLike, tasks: Sequence[str] | None = None
    ) -> dict[str, PredictedDistribution]:
        """Predict the distribution of each label, as ``predict_distribution`` of the network does.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all that learn a distribution.

        Returns
        -------
        dict of str to PredictedDistribution
        """
        found: dict[str, PredictedDistribution] = self._of_network("predict_distribution", X, tasks=tasks)
        return found

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
        return self._of_network("predict_risk", X, tasks=tasks)

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
        return self._of_network("predict_survival_function", X, times, tasks=tasks)

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
        scores: dict[str, float] = self._network.score_tasks(self._inner_rows(X), y, sample_weight)
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
        return float(self._network.score(self._inner_rows(X), y, sample_weight))

    @property
    def classes_(self) -> Any:
        """Classes of the tasks, as the network has them."""
        return self._network.classes_

    @property
    def tasks_(self) -> dict[str, Any]:
        """The fitted tasks."""
        tasks: dict[str, Any] = self._network.tasks_
        return tasks

    @property
    def task_names_(self) -> list[str]:
        """Names of the tasks, in the order of y."""
        return list(self.tasks_)

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X."""
        return int(self._network.n_features_in_)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns of X, if it was a frame with string names."""
        names: np.ndarray = self._network.feature_names_in_
        return names
