"""Wrapper of an estimator in a search, which reuses finished fits."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.metrics._scorer import _PassthroughScorer

from ..estimator import MultiTaskNetEstimator
from ..metrics import MultiTaskScorer, task_scores
from ..utils._digest import digest, fit_key
from ..utils._types import RowsLike, TargetsLike
from ._journal import Journal
from ._record import Record, as_floats, carry
from ._stack import TrainedFits, last_step


class Candidate:
    """Wrapper of an estimator in a search, which looks for a finished fit before it trains.

    It has the parameters, tags, metadata routing and callbacks of the estimator. `record` returns its scores.

    Parameters
    ----------
    estimator : estimator
        A `MultiTaskNetEstimator` or a pipeline that ends in one.
    trained_fits : mapping of str to fitted estimator, or None, default=None
        Finished fits by `fit_key`; other fits are trained.
    journal : Journal or None, default=None
        Finished scores; new ones are added.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.model_selection._candidate import Candidate
    >>> from sklearn_mtl.utils._digest import fit_key
    >>> X, y = load_linnerud(return_X_y=True)
    >>> regressor = MultiTaskNetRegressor(max_epochs=2, random_state=0)
    >>> key = fit_key(regressor, X, y, {})
    >>> trained_fits = {key: regressor.fit(X, y)}
    >>> Candidate(regressor, trained_fits=trained_fits).fit(X, y).fitted() is trained_fits[key]
    True
    """

    def __init__(
        self, estimator: Any, trained_fits: Mapping[str, Any] | None = None, journal: Journal | None = None
    ) -> None:
        self.estimator = estimator
        self.trained_fits = trained_fits
        self.journal = journal
        self._key = ""
        self._records: dict[str, Record] = {}
        self._train: Callable[[], Any] | None = None
        self._fitted: Any = None
        self._fit_time = 0.0

    def fit(self, X: RowsLike, y: TargetsLike = None, **params: Any) -> Candidate:
        """Fit the estimator, unless the journal has its scores or it is among the trained fits."""
        start = time.perf_counter()
        if self.trained_fits is not None or self.journal is not None:
            self._key = self._name(X, y, params)
        self._records = {} if self.journal is None else self.journal.read(self._key)
        self._fitted = None if self.trained_fits is None else self.trained_fits.get(self._key)
        self._train = functools.partial(self.estimator.fit, X, *_given(y), **params)
        if self._records or self._fitted is not None:
            _report_fit(self.estimator, X, y)
        else:
            self.fitted()
        self._fit_time = time.perf_counter() - start
        if isinstance(self.trained_fits, TrainedFits):
            self._fit_time += self.trained_fits.seconds(self._key)
        return self

    def _name(self, X: RowsLike, y: TargetsLike, params: Mapping[str, Any]) -> str:
        try:
            return fit_key(self.estimator, X, y, params)
        except ValueError:
            if self.journal is not None:
                raise
            return ""  # a fit without a digest is not among the trained fits

    def fitted(self) -> Any:
        """Return the fitted estimator; if only its scores are in the journal, it is fitted now."""
        if self._fitted is None and self._train is not None:
            self._train()
            self._fitted = self.estimator  # independent of the return value of its fit
        return self._fitted

    def record(self, scorer: Callable, X: RowsLike, y: TargetsLike, params: Mapping[str, Any]) -> Any:
        """Score the fitted estimator and each of its tasks.

        Parameters
        ----------
        scorer : callable
            Called with estimator, X, y and params.
        X, y : object
            Rows and targets to score.
        params : mapping of str to object
            Other arguments of the scorer; ``sample_weight`` also applies to the scores of the tasks.

        Returns
        -------
        float or dict
            Output of the scorer, with a `Record` as attribute.
        """
        if self.journal is None:
            return carry(self._score(scorer, X, y, params))
        rows = digest(X, y, dict(params))
        if rows not in self._records:
            record = self._score(scorer, X, y, params)
            if not record.is_complete:
                return carry(record)
            self._records[rows] = record
            self.journal.write(self._key, self._records)
        return carry(self._records[rows], self._key, rows)

    def _score(self, scorer: Callable, X: RowsLike, y: TargetsLike, params: Mapping[str, Any]) -> Record:
        start, fitted = time.perf_counter(), self.fitted()
        network, weight = last_step(fitted)[0], params.get("sample_weight")
        if isinstance(scorer, _PassthroughScorer) and type(network).score is MultiTaskNetEstimator.score:
            tasks = task_scores(fitted, X, y, weight)
            scores = network.mean_score(tasks)  # of the same predictions
        elif isinstance(scorer, MultiTaskScorer):
            scores, tasks = scorer.evaluate(fitted, X, y, weight)
        else:
            scores = as_floats(scorer(fitted, X, *_given(y), **params))
            tasks = task_scores(fitted, X, y, weight)
        return Record(scores, tasks, self._fit_time, time.perf_counter() - start)

    # -- estimator interface of scikit-learn

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the estimator."""
        return self.estimator.get_params(deep=deep)

    def set_params(self, **params: Any) -> Candidate:
        """Set parameters of the estimator."""
        self.estimator.set_params(**params)
        return self

    def __sklearn_clone__(self) -> Candidate:
        return Candidate(clone(self.estimator), trained_fits=self.trained_fits, journal=self.journal)

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
        if name == "estimator":  # not set yet while an object is unpickled
            raise AttributeError(name)
        return getattr(self.estimator, name)


def _given(y: TargetsLike) -> tuple[Any, ...]:
    return () if y is None else (y,)


def _report_fit(estimator: Any, X: RowsLike, y: TargetsLike) -> None:
    """Report a fit without training to the callbacks, so that progress bars advance."""
    if isinstance(estimator, CallbackSupportMixin):
        _begin_and_end(estimator, X, y)


@with_callbacks
def _begin_and_end(estimator: Any, X: RowsLike, y: TargetsLike) -> None:
    context = estimator._init_callback_context()
    context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
    context.call_on_fit_task_end(estimator=estimator, X=X, y=y)
