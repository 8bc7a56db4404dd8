"""scikit-learn's searches, which also keep the scores of every task and the trade-off between them."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    check_cv,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_method_params, indexable

from .._targets import Targets
from ..utils._digest import digest
from ..utils._params import Interval, StrOptions
from ._candidate import Candidate
from ._journal import DiskFailure, Journal
from ._record import recording, records_of, task_columns
from ._stack import Bank, fill_bank
from ._trade_off import TradeOffMixin


class _TaskWeightSearch(TradeOffMixin, BaseSearchCV):
    """What the searches of this package add to scikit-learn's; a mixin to be put before one of them."""

    scorer_: Any
    best_estimator_: Any
    stacked: bool | str
    max_members: int | None
    cv: Any
    n_jobs: int | None
    random_state: Any

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Search, and refit the best candidate on all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets; labels may be missing.
        **params : dict
            Passed to ``fit`` of the estimator, the scoring and the splitter, for instance ``sample_weight`` and
            ``groups``.

        Returns
        -------
        self

        Raises
        ------
        OSError
            If the journal cannot be read or written, for instance because the disk is full; what it has is intact.
        """
        self._validate_params()
        _check_last_step(self, self.estimator)
        if isinstance(y, dict):
            y = Targets(y)
        # The search runs on a copy whose estimator is wrapped; what it learned is swapped in at the end.
        run = copy.copy(self)
        journal = _open_journal(self)
        try:
            bank = run._stack(X, y, params, journal)
            run.estimator = Candidate(self.estimator, bank=bank, journal=journal)
            super(_TaskWeightSearch, run).fit(X, y, **params)
        except DiskFailure as stop:
            raise stop.error from None
        run._unwrap(self)
        self.__dict__ = run.__dict__
        return self

    def _stack(self, X: Any, y: Any, params: Mapping[str, Any], journal: Journal | None) -> Bank | None:
        """Train what can be trained side by side; folds and candidates are drawn here, once and for all."""
        self.stack_report_: list[dict[str, Any]] = []
        if self.stacked is False:
            return None
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        again = copy.deepcopy(check_random_state(getattr(self, "random_state", None)))
        candidates = self._candidates()
        if hasattr(self, "random_state"):
            self.random_state = again  # for scikit-learn's search, which draws them too
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        self.cv = list(splitter.split(X, y, **routed.splitter.split))
        bank, self.stack_report_ = fill_bank(
            self.estimator,
            candidates,
            self.cv,
            X,
            y,
            routed.estimator.fit,
            stacked=self.stacked,
            max_members=self.max_members,
            n_jobs=self.n_jobs,
            is_done=lambda key: journal is not None and bool(journal.read(key)),
        )
        if all(entry["stacked"] for entry in self.stack_report_):
            self.n_jobs = None  # scoring what is trained is not worth another process
        return bank

    def _unwrap(self, search: Any) -> None:
        """Put the parameters of the search, and plain estimators and scorers, in the place of those of the run."""
        self.__dict__.update(search.get_params(deep=False))
        self.scorer_ = getattr(self.scorer_, "__wrapped__", self.scorer_)
        if hasattr(self, "best_estimator_"):
            self.best_estimator_ = self.best_estimator_.fitted()

    # -- hooks of scikit-learn's search

    def _get_scorers(self) -> tuple[Any, Any]:
        if not isinstance(self.estimator, Candidate):
            return super()._get_scorers()
        plain = copy.copy(self)
        plain.estimator = self.estimator.estimator
        scorers, refit_metric = plain._get_scorers()
        return recording(scorers), refit_metric

    def _format_results(self, candidate_params: Any, n_splits: int, out: Any, more_results: Any = None) -> dict:
        records = records_of(out)
        # a record from the journal knows the times of the fit that was not repeated
        out = [result | (record.times if record else {}) for result, record in zip(out, records, strict=True)]
        results = super()._format_results(candidate_params, n_splits, out, more_results)
        self.task_names_ = next((list(record.tasks) for record in records if record is not None), [])
        return results | task_columns(records, n_splits)

    def select(
        self,
        X: Any,
        y: Any = None,
        *,
        weights: Mapping[str, float] | None = None,
        constraint: Mapping[str, float] | None = None,
        maximize: str | None = None,
        **params: Any,
    ) -> Any:
        """Fit another candidate of the front to all rows, without a new search.

        The search does not keep the rows, so they are passed again. The search itself, with its
        ``best_estimator_``, stays as it is.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets.
        weights, constraint, maximize
            What the candidate is chosen by, as in `choose`: ``weights={"a": 3.0}``, or
            ``maximize="b", constraint={"a": 0.9}`` for the best on b with a at least 0.9.
        **params : dict
            The parameters that ``fit`` of the search got, for instance ``sample_weight``.

        Returns
        -------
        estimator
            Fitted.
        """
        chosen = self.choose(weights=weights, constraint=constraint, maximize=maximize)
        X, y = indexable(X, Targets(y) if isinstance(y, dict) else y)
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        estimator = clone(self.estimator)
        estimator.set_params(**clone(self.cv_results_["params"][chosen], safe=False))
        return estimator.fit(X, y, **routed.estimator.fit)


def _open_journal(search: Any) -> Journal | None:
    """Open the journal of a search; what it could not recognise a candidate by is refused before training."""
    if search.journal is None:
        return None
    try:
        digest(search.estimator)
        return Journal(search.journal, search.scoring)
    except ValueError as error:
        raise ValueError(f"journal={str(search.journal)!r} cannot be used: {error}") from error


def _check_last_step(search: Any, estimator: Any) -> None:
    last = estimator
    while hasattr(last, "steps"):
        last = last.steps[-1][1]
    if not hasattr(last, "metrics_of_tasks"):
        raise TypeError(
            f"{type(search).__name__} searches a MultiTaskNetEstimator, or a Pipeline that ends in one; "
            f"got {type(last).__name__}."
        )


class TaskWeightSearchCV(_TaskWeightSearch, GridSearchCV):
    """Grid search that also keeps the scores of every task, and the trade-off between them.

    It is scikit-learn's `GridSearchCV`: the same candidates, folds, scores and best estimator. Whatever
    ``scoring`` is, it records the score of every task of every candidate and fold as well, and so knows the
    Pareto front: the candidates among which one task can only gain where another loses. `select` fits
    another point of the front without a new search.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator, or a Pipeline that ends in one
        Fitted with each candidate's parameters.
    param_grid : dict or list of dict
        Values of parameters by name, for instance ``{"task_weights__a": [0.3, 1.0, 3.0]}``.
    scoring : str, callable, list, tuple, dict or None, default=None
        What the best candidate is chosen by; None takes ``score`` of the estimator, the mean over tasks under
        its ``score_weights``. `multitask_scorer` gives all metrics of all tasks.
    n_jobs : int or None, default=None
        Number of processes; the results are the same.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all rows; with several metrics, by which of them.
    cv : int, splitter or iterable, default=None
        The folds; an int means blocks of rows that are not shuffled, see `MultiTaskStratifiedKFold`.
    verbose : int, default=0
        How much to print.
    pre_dispatch : int or str, default="2*n_jobs"
        How many fits are handed to the processes in advance.
    error_score : "raise" or float, default=nan
        Score of a candidate that fails, for instance because it diverges.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has scores of the training rows too.
    stacked : bool or "auto", default="auto"
        Whether to train fits of one structure side by side, as one network with a member axis. The scores are
        the same, but for rounding; ``mean_fit_time`` is a fit's share of the time of its stack, and the time to
        load what was trained. "auto" times a few steps of both ways and takes the faster one for each group of
        fits.
    max_members : int or None, default=None
        Most fits of one stacked training; None takes what fits into a gigabyte.
    journal : path-like or None, default=None
        Folder for the scores of finished candidates and folds. A search that was interrupted, and is started
        again with the same folder, does not train them again and has the same ``cv_results_``. Candidates that
        failed are tried again, and so is everything if estimator, rows, folds or scoring have changed; the
        code of functions, such as a ``scoring`` of one's own, is not looked at. Damaged files are ignored with a
        warning, foreign ones without.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in `GridSearchCV`, and ``split<k>_test_tasks_<task>``, ``mean_test_tasks_<task>`` and
        ``std_test_tasks_<task>``: the task's score on the validation rows, accuracy, R2 or samples-F1, without
        a rank. Folds without a label of the task are left out of mean and std; a candidate that failed in a
        fold has NaN for both.
    task_names_ : list of str
        The tasks.
    stack_report_ : list of dict
        One entry per group of fits that have one structure or one reason: ``n_fits``, whether they were
        ``stacked``, the ``reason`` why not, ``n_stacks`` and ``seconds``.
    pareto_front_ : dict
        The candidates on the front, in the order of ``cv_results_`` and in its form: ``index`` into
        ``cv_results_``, ``params``, and ``mean_test_tasks_<task>``.
    best_estimator_ : estimator
        The best candidate, fitted to all rows; of the class of ``estimator``.
    best_score_, best_params_, best_index_, scorer_, n_splits_, refit_time_, multimetric_ : object
        As in `GridSearchCV`.

    See Also
    --------
    TaskWeightRandomSearchCV : Samples candidates, for more tasks than a grid can cover.
    sklearn_mtl.inspection.ParetoFrontDisplay : Draws the front.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.model_selection import TaskWeightSearchCV
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> regressor = MultiTaskNetRegressor(max_epochs=5, random_state=0)
    >>> grid = {"task_weights__Pulse": [0.1, 1.0, 10.0]}
    >>> search = TaskWeightSearchCV(regressor, grid, cv=2).fit(X, y)
    >>> search.task_names_
    ['Weight', 'Waist', 'Pulse']
    >>> bool(search.best_index_ in search.pareto_front_["index"])
    True
    >>> slim = search.select(X, y, maximize="Waist")
    >>> slim.predict(X).shape
    (20, 3)
    """

    _parameter_constraints: ClassVar[dict] = {
        **GridSearchCV._parameter_constraints,
        "stacked": ["boolean", StrOptions({"auto"})],
        "max_members": [Interval(Integral, 1, None, closed="left"), None],
        "journal": [str, os.PathLike, None],
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        stacked: bool | str = "auto",
        max_members: int | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> None:
        self.stacked = stacked
        self.max_members = max_members
        self.journal = journal
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )

    def _candidates(self) -> list[dict[str, Any]]:
        return list(ParameterGrid(self.param_grid))


class TaskWeightRandomSearchCV(_TaskWeightSearch, RandomizedSearchCV):
    """Random search that also keeps the scores of every task, and the trade-off between them.

    It is scikit-learn's `RandomizedSearchCV` with what `TaskWeightSearchCV` adds. Beyond about four tasks, weights
    that are sampled by `task_weight_simplex` cover the trade-offs better than a grid of the same size.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator, or a Pipeline that ends in one
        Fitted with each candidate's parameters.
    param_distributions : dict or list of dict
        Lists of values, or distributions with ``rvs``, by name of the parameter.
    n_iter : int, default=10
        Number of candidates.
    scoring : str, callable, list, tuple, dict or None, default=None
        What the best candidate is chosen by; None takes ``score`` of the estimator.
    n_jobs : int or None, default=None
        Number of processes; the results are the same.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all rows; with several metrics, by which of them.
    cv : int, splitter or iterable, default=None
        The folds; an int means blocks of rows that are not shuffled, see `MultiTaskStratifiedKFold`.
    verbose : int, default=0
        How much to print.
    pre_dispatch : int or str, default="2*n_jobs"
        How many fits are handed to the processes in advance.
    random_state : int, RandomState instance or None, default=None
        Seed of the candidates.
    error_score : "raise" or float, default=nan
        Score of a candidate that fails.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has scores of the training rows too.
    stacked : bool or "auto", default="auto"
        Whether to train fits of one structure side by side, as one network with a member axis. The scores are
        the same, but for rounding; ``mean_fit_time`` is a fit's share of the time of its stack, and the time to
        load what was trained. "auto" times a few steps of both ways and takes the faster one for each group of
        fits.
    max_members : int or None, default=None
        Most fits of one stacked training; None takes what fits into a gigabyte.
    journal : path-like or None, default=None
        Folder for the scores of finished candidates and folds, as in `TaskWeightSearchCV`. With
        ``random_state=None`` the candidates are others in every run, so nothing is found in it.

    Attributes
    ----------
    cv_results_, task_names_, pareto_front_, stack_report_ : object
        As in `TaskWeightSearchCV`.
    best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, refit_time_, multimetric_ : object
        As in `RandomizedSearchCV`.

    See Also
    --------
    TaskWeightSearchCV : Tries a grid.
    task_weight_simplex : Samples task weights.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.model_selection import TaskWeightRandomSearchCV, task_weight_simplex
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> regressor = MultiTaskNetRegressor(max_epochs=5, random_state=0)
    >>> candidates = {"task_weights": task_weight_simplex(y.columns)}
    >>> search = TaskWeightRandomSearchCV(regressor, candidates, n_iter=3, cv=2, random_state=0).fit(X, y)
    >>> len(search.cv_results_["params"])
    3
    """

    _parameter_constraints: ClassVar[dict] = {
        **RandomizedSearchCV._parameter_constraints,
        "stacked": ["boolean", StrOptions({"auto"})],
        "max_members": [Interval(Integral, 1, None, closed="left"), None],
        "journal": [str, os.PathLike, None],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        stacked: bool | str = "auto",
        max_members: int | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> None:
        self.stacked = stacked
        self.max_members = max_members
        self.journal = journal
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )

    def _candidates(self) -> list[dict[str, Any]]:
        return list(ParameterSampler(self.param_distributions, self.n_iter, random_state=self.random_state))
