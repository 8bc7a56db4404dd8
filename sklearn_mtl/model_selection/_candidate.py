"""The estimator that a search clones and fits: it trains only what was not trained before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin, with_callbacks

from ..metrics import task_scores
from ._digest import fit_key
from ._record import Record, as_floats, carry


class Candidate:
    """An estimator inside a search, which asks for a finished fit before it trains.

    For the search it is the estimator: parameters, tags, metadata routing and callbacks are the estimator's.
    Its scores are asked for through `record`.

    Parameters
    ----------
    estimator : estimator
        A `MultiTaskNetEstimator` or a pipeline that ends in one.
    bank : mapping of str to fitted estimator, or None, default=None
        Estimators that were fitted before, by `fit_key`. What it lacks is trained.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.model_selection._candidate import Candidate
    >>> from sklearn_mtl.model_selection._digest import fit_key
    >>> X, y = load_linnerud(return_X_y=True)
    >>> regressor = MultiTaskNetRegressor(max_epochs=2, random_state=0)
    >>> key = fit_key(regressor, X, y, {})
    >>> bank = {key: regressor.fit(X, y)}
    >>> Candidate(regressor, bank=bank).fit(X, y).fitted() is bank[key]
    True
    """

    def __init__(self, estimator: Any, bank: Mapping[str, Any] | None = None) -> None:
        self.estimator = estimator
        self.bank = bank
        self._fitted: Any = None
        self._fit_time = 0.0

    def fit(self, X: Any, y: Any = None, **params: Any) -> Candidate:
        """Take the fitted estimator from the bank, or fit it."""
        start = time.perf_counter()
        self._fitted = self._find(X, y, params)
        if self._fitted is None:
            self._fitted = self.estimator.fit(X, **_targets(y), **params)
        else:
            _report_fit(self.estimator, X, y)
        self._fit_time = time.perf_counter() - start
        return self

    def _find(self, X: Any, y: Any, params: Mapping[str, Any]) -> Any:
        return None if self.bank is None else self.bank.get(fit_key(self.estimator, X, y, params))

    def fitted(self) -> Any:
        """Give the fitted estimator."""
        return self._fitted

    def record(self, scorer: Callable, X: Any, y: Any, params: Mapping[str, Any]) -> Any:
        """Score the fitted estimator, and its tasks along with it.

        Parameters
        ----------
        scorer : callable
            Called with estimator, X, y and params.
        X, y : object
            Rows and targets to score.
        params : mapping of str to object
            What the scorer gets besides; ``sample_weight`` counts for the scores of the tasks too.

        Returns
        -------
        float or dict
            What the scorer returned, with a `Record` as attribute.
        """
        start = time.perf_counter()
        scores = as_floats(scorer(self.fitted(), X, *_targets(y).values(), **params))
        tasks = task_scores(self.fitted(), X, y, params.get("sample_weight"))
        return carry(Record(scores, tasks, self._fit_time, time.perf_counter() - start))

    # -- what scikit-learn asks of an estimator

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of the estimator."""
        return self.estimator.get_params(deep=deep)

    def set_params(self, **params: Any) -> Candidate:
        """Set parameters of the estimator."""
        self.estimator.set_params(**params)
        return self

    def __sklearn_clone__(self) -> Candidate:
        return Candidate(clone(self.estimator), bank=self.bank)

    @property
    def _parent_callback_ctx(self) -> Any:
        return self.estimator._parent_callback_ctx

    @_parent_callback_ctx.setter
    def _parent_callback_ctx(self, context: Any) -> None:
        self.estimator._parent_callback_ctx = context

    @_parent_callback_ctx.deleter
    def _parent_callback_ctx(self) -> None:
        del self.estimator._parent_callback_ctx

    def __getattr__(self, name: str) -> Any:
        if name == "estimator":  # not there yet while an object is unpickled
            raise AttributeError(name)
        return getattr(self.estimator, name)


def _targets(y: Any) -> dict[str, Any]:
    return {} if y is None else {"y": y}


def _report_fit(estimator: Any, X: Any, y: Any) -> None:
    """Tell the callbacks of a fit that needs no training: progress goes on."""
    if isinstance(estimator, CallbackSupportMixin):
        _begin_and_end(estimator, X, y)


@with_callbacks
def _begin_and_end(estimator: Any, X: Any, y: Any) -> None:
    context = estimator._init_callback_context()
    context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
    context.call_on_fit_task_end(estimator=estimator, X=X, y=y)
