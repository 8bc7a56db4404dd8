"""Methods that are those of the network within."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..estimator import MultiTaskNetEstimator
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ._said import inner_net, inner_rows, is_holder


def _has(method: str) -> Any:
    """Return a check whether the network has a method."""

    def check(owner: DelegatingMixin) -> bool:
        getattr(inner_net(owner.__dict__.get("_net", owner.net)), method)  # raises AttributeError if it has not
        return True

    return check


class DelegatingMixin:
    """Predictions and scores of the network that was calibrated."""

    #: whether predictions are those of ``net_``
    holds_net = True
    net: Any
    #: how it is calibrated, for messages
    _how: str

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        if "_net" in state and is_same(state["_net"], self.net):  # a file holds it once
            state = {name: value for name, value in state.items() if name != "_net"}
        return state

    def __sklearn_tags__(self) -> Any:
        tags = get_tags(self.net)
        tags.transformer_tags = None
        return tags

    @property
    def net_(self) -> Any:
        """The fitted network, maybe frozen or at the end of a pipeline."""
        if not self.__sklearn_is_fitted__():  # type: ignore[attr-defined]
            raise NotFittedError(f"This {type(self).__name__} is not calibrated yet; {self._how} first.")
        return self.__dict__.get("_net", self.net)

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
        return inner_net(self.net_).predict(inner_rows(self.net_, X), **_some(tasks))

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
        return inner_net(self.net_).predict_proba(inner_rows(self.net_, X), **_some(tasks))

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
        return inner_net(self.net_).predict_std(inner_rows(self.net_, X), **_some(tasks))

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
        X, net = inner_rows(self.net_, X), inner_net(self.net_)
        scores: dict[str, float] = net.score_tasks(X, y, sample_weight)
        return scores

    def score(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None) -> float:
        """Compute the mean of the task scores, as ``score`` of the network does.

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
        return float(inner_net(self.net_).score(inner_rows(self.net_, X), y, sample_weight))

    @property
    def classes_(self) -> Any:
        """Classes of the tasks, as the network has them; columns of sets are in their order."""
        return inner_net(self.net_).classes_

    @property
    def tasks_(self) -> dict[str, Any]:
        """The fitted tasks."""
        tasks: dict[str, Any] = inner_net(self.net_).tasks_
        return tasks

    @property
    def task_names_(self) -> list[str]:
        """Names of the tasks, in the order of y."""
        return list(self.tasks_)

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X."""
        return int(self.net_.n_features_in_)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns of X, if it was a frame with string names."""
        names: np.ndarray = self.net_.feature_names_in_
        return names


def require_fitted(net: Any, call: str) -> None:
    """Raise TypeError or NotFittedError if there is no fitted network of tasks."""
    inner = inner_net(net)
    if isinstance(inner, type) or not hasattr(inner, "predict"):
        raise TypeError(f"net={net!r} should be a MultiTaskNetEstimator, also frozen or at the end of a pipeline.")
    check_is_fitted(
        inner,
        msg=f"The net, a %(name)s, is not fitted. Fit it to other rows before {call}. A clone is not fitted "
        "either; put the net into a FrozenEstimator to keep it fitted.",
    )
    if not hasattr(inner, "tasks_"):
        raise TypeError(f"net={net!r} has no tasks; it should be a MultiTaskNetEstimator.")


def as_it_is(net: Any) -> Any:
    """Return a network that does not change when the given one is fitted again."""
    inner = inner_net(net)
    return with_inner(net, copy.copy(inner)) if isinstance(inner, MultiTaskNetEstimator) else net


def with_inner(net: Any, inner: Any) -> Any:
    """Return the same frozen estimators and pipelines around another network."""
    if isinstance(net, FrozenEstimator):
        return FrozenEstimator(with_inner(net.estimator, inner))
    if isinstance(net, Pipeline):
        same = copy.copy(net)
        name, last = net.steps[-1]
        same.steps = [*net.steps[:-1], (name, with_inner(last, inner))]
        return same
    return net if is_holder(net) else inner


def is_same(one: Any, other: Any) -> bool:
    """Return whether two networks have the same fitted model."""
    one, other = inner_net(one), inner_net(other)
    if one is other:
        return True
    model = getattr(one, "_model", None)
    predictors = [dict(getattr(each, "task_predictors_", {})) for each in (one, other)]
    return model is not None and model is getattr(other, "_model", None) and predictors[0] == predictors[1]


def _some(tasks: Sequence[str] | None) -> dict[str, Any]:
    return {} if tasks is None else {"tasks": tasks}
