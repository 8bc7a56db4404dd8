"""Methods that are those of the network within."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from ..estimator import MultiTaskNetEstimator
from ..estimator._delegation import DelegatingMixin
from ..utils._types import RowsLike
from ._said import inner_net, inner_rows, is_holder


class CalibratedNetMixin(DelegatingMixin):
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

    @property
    def _network(self) -> Any:
        return inner_net(self.net_)

    @property
    def _network_or_parameter(self) -> Any:
        return inner_net(self.__dict__.get("_net", self.net))

    def _inner_rows(self, X: RowsLike) -> Any:
        return inner_rows(self.net_, X)

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X, before the steps of a pipeline."""
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
