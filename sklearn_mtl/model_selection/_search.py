"""Additions to scikit-learn's searches: the scores of every task, stacked fits and a journal."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils.validation import _check_method_params, _num_samples, indexable

from ..targets import Targets, read_targets
from ..training import guess_types
from ..utils._digest import digest
from ..utils._params import Interval, StrOptions
from ..utils._types import RowsLike, TargetsLike
from ._candidate import Candidate
from ._journal import DiskFailure, Journal
from ._record import is_recording, recording, records_of, task_columns, task_names
from ._stack import TrainedFits, last_step, train_stacks
from ._trade_off import TradeOffMixin


@dataclass
class _Run:
    """State of one fit of a search until its candidates are evaluated.

    Parameters
    ----------
    journal : Journal or None
    fit_params : dict
        Arguments of ``fit`` of the estimator other than X and y.
    candidates : list of dict or None
        Parameters of the candidates, if already drawn.
    own : dict
        Original values of parameters of the search that are replaced until the candidates are evaluated.
    rounds : object or None
        The rounds of a search that draws its candidates one round after the other.
    scoring : ExitStack
        What is undone when the candidates are scored.
    """

    journal: Journal | None
    fit_params: dict[str, Any] = field(default_factory=dict)
    candidates: list[dict[str, Any]] | None = None
    own: dict[str, Any] = field(default_factory=dict)
    rounds: Any = None
    scoring: ExitStack = field(default_factory=ExitStack)


class _Folds:
    """Splitter with fixed folds.

    Parameters
    ----------
    splits : list of (train, test)
    """

    def __init__(self, splits: list[tuple[Any, Any]]) -> None:
        self.splits = splits

    def split(self, X: RowsLike = None, y: TargetsLike = None, **params: Any) -> list[tuple[Any, Any]]:
        """Return the folds."""
        return self.splits

    def get_n_splits(self, X: RowsLike = None, y: TargetsLike = None, **params: Any) -> int:
        """Return the number of folds."""
        return len(self.splits)


#: the parameters that the searches add to those of scikit-learn
OWN_CONSTRAINTS: dict[str, list[Any]] = {
    "stacked": ["boolean", StrOptions({"auto"})],
    "max_members": [Interval(Integral, 1, None, closed="left"), None],
    "journal": [str, os.PathLike, None],
}


class TaskWeightSearch(TradeOffMixin, BaseSearchCV):
    """Mixin for scikit-learn's searches, with the features of the searches of this package."""

    estimator: Any
    stacked: bool | str
    max_members: int | None
    n_jobs: int | None
    verbose: int
    _checked_cv_orig: Any
    _run: _Run | None = None

    def fit(self, X: RowsLike, y: TargetsLike = None, **params: Any) -> Any:
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
            If the journal cannot be read or written, for instance because the disk is full; its content is intact.
        """
        self._validate_params()
        _check_last_step(self, self.estimator)
        journal = _open_journal(self)
        before = dict(self.__dict__)
        try:
            _forget(self)
            self._run = run = _Run(journal)
            with run.scoring:
                super().fit(*_by_rows(X, y), **params)
        except BaseException as stop:
            # a failed search is restored to its earlier state
            self.__dict__.clear()
            self.__dict__.update(before)
            if isinstance(stop, DiskFailure):
                raise stop.error from None
            raise
        self.__dict__.pop("_run", None)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        # scikit-learn's search stores the wrapped objects; users and callbacks should see the originals
        if name == "best_estimator_" and isinstance(value, Candidate):
            value = value.estimator
        super().__setattr__(name, value.__wrapped__ if name == "scorer_" and is_recording(value) else value)

    # -- hooks of scikit-learn's search, in calling order

    def _get_scorers(self) -> tuple[Any, Any]:
        scorers, refit_metric = super()._get_scorers()
        return scorers if self._run is None else recording(scorers), refit_metric

    def _get_routed_params_for_fit(self, params: Any) -> Any:
        routed = super()._get_routed_params_for_fit(params)
        if self._run is not None:
            self._run.fit_params = routed.estimator.fit
        return routed

    def _check_input_parameters(self, X: RowsLike, y: TargetsLike, split_params: Any) -> None:
        super()._check_input_parameters(X, y, split_params)
        run = _required(self._run)
        _refuse_own_rows_of_folds(X, run.fit_params)
        run.own = {name: self.__dict__[name] for name in ("estimator", "n_jobs")}
        estimator = with_types(self.estimator, y)
        trained_fits = self._stack(run, estimator, X, y, split_params)
        # scikit-learn clones this next; callbacks see the search only after the run has started
        self.estimator = Candidate(estimator, trained_fits=trained_fits, journal=run.journal)

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        run = self._let_go()
        evaluate = evaluate_candidates
        if run.candidates is not None:  # already drawn
            evaluate = functools.partial(_evaluate_drawn, evaluate_candidates, run.candidates)
        super()._run_search(evaluate, callback_ctx=callback_ctx)

    def _let_go(self) -> _Run:
        """Put the parameters back, and return the state, which workers that receive the search do not need."""
        run = _required(self._run)
        self.__dict__.update(run.own)
        self.__dict__.pop("_run")
        return run

    def _format_results(self, candidate_params: Any, n_splits: int, out: Any, more_results: Any = None) -> dict:
        records = records_of(out)
        # a record from the journal has the times of its original fit
        out = [result | (record.times if record else {}) for result, record in zip(out, records, strict=True)]
        results = super()._format_results(candidate_params, n_splits, out, more_results)
        self.task_names_ = task_names(records)
        columns = task_columns(records, n_splits)
        _check_names(results, columns)
        return results | columns

    def _stack(
        self, run: _Run, estimator: Any, X: RowsLike, y: TargetsLike, split_params: Mapping[str, Any]
    ) -> TrainedFits | None:
        """Train the fits that can be stacked; folds and candidates are drawn here, only once."""
        if self.stacked is False:
            return None
        run.candidates = self._candidates()
        folds = _Folds(list(self._checked_cv_orig.split(X, y, **split_params)))
        self._checked_cv_orig = folds
        journal = run.journal
        trained_fits, self.stack_report_ = train_stacks(
            estimator,
            run.candidates,
            folds.splits,
            X,
            y,
            run.fit_params,
            stacked=self.stacked,
            max_members=self.max_members,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
            is_done=lambda key: journal is not None and bool(journal.read(key)),
        )
        if all(entry["stacked"] for entry in self.stack_report_):
            self._score_here(run)
        return trained_fits

    def _score_here(self, run: _Run) -> None:
        """Score in this process: trained fits are not worth further ones, nor sending them to a cluster."""
        self.n_jobs = None
        run.scoring.enter_context(parallel_config("sequential"))

    def select(
        self,
        X: RowsLike,
        y: TargetsLike = None,
        *,
        weights: Mapping[str, float] | None = None,
        constraint: Mapping[str, float] | None = None,
        maximize: str | None = None,
        metrics: Sequence[str] | None = None,
        **params: Any,
    ) -> Any:
        """Fit another candidate of the front to all rows, without a new search.

        The search does not keep the rows, so pass them again. The search and its ``best_estimator_`` are not
        changed.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets.
        weights, constraint, maximize, metrics
            Criterion for the candidate, as in `choose`: ``weights={"a": 3.0}``, or ``maximize="b",
            constraint={"a": 0.9}`` for the best on b with a at least 0.9.
        **params : dict
            The same parameters as for ``fit`` of the search, for instance ``sample_weight``.

        Returns
        -------
        estimator
            Fitted.
        """
        chosen = self.choose(weights=weights, constraint=constraint, maximize=maximize, metrics=metrics)
        X, y = indexable(*_by_rows(X, y))
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        estimator = clone(self.estimator)
        estimator.set_params(**clone(self.cv_results_["params"][chosen], safe=False))
        return estimator.fit(X, y, **routed.estimator.fit)


def _refuse_own_rows_of_folds(X: RowsLike, fit_params: Mapping[str, Any]) -> None:
    """Refuse validation rows that scikit-learn would mistake for parameters by row, and split into folds."""
    for name, values in fit_params.items():
        if name.rpartition("__")[2] in ("X_val", "y_val", "sample_weight_val") and values is not None:
            sliced = _check_method_params(X, params={name: values}, indices=[0])[name]
            if sliced is not values and _num_samples(sliced) == 1 != _num_samples(values):
                raise ValueError(
                    f"{name} has as many rows as X, {_num_samples(X)}, so a search would split it into folds. "
                    "Pass a different number of validation rows."
                )


def _forget(search: Any) -> None:
    """Remove the attributes of an earlier fit."""
    for name in [name for name in vars(search) if name.endswith("_") and not name.startswith("_")]:
        delattr(search, name)
    search.stack_report_ = []


def _evaluate_drawn(evaluate: Any, drawn: list[dict[str, Any]], candidates: Any, **options: Any) -> Any:
    return evaluate(drawn, **options)


def _by_rows(X: RowsLike, y: TargetsLike) -> tuple[Any, Any]:
    """Convert dicts of inputs and targets to types with the length and indexing of their rows."""
    return (Targets(X) if isinstance(X, dict) else X), (Targets(y) if isinstance(y, dict) else y)


def _check_names(results: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
    twice = sorted(set(results) & set(columns))
    if twice:
        raise ValueError(
            f"The column {twice[0]!r} of cv_results_ would be that of a metric and of a task's score; "
            "rename the metric or the task."
        )


def _open_journal(search: Any) -> Journal | None:
    """Open the journal of a search; raise ValueError before training if its parameters have no digest."""
    if search.journal is None:
        return None
    try:
        digest(search.estimator)
        return Journal(search.journal, search.scoring)
    except ValueError as error:
        raise ValueError(f"journal={str(search.journal)!r} cannot be used: {error}") from error


def _required(run: _Run | None) -> _Run:
    assert run is not None
    return run


def _check_last_step(search: Any, estimator: Any) -> None:
    last, _ = last_step(estimator)
    if not hasattr(last, "metrics_of_tasks"):
        raise TypeError(
            f"{type(search).__name__} requires a MultiTaskNetEstimator, or a Pipeline that ends in one; "
            f"got {type(last).__name__}."
        )


def with_types(estimator: Any, y: TargetsLike) -> Any:
    """Set the task types inferred from the whole y, so that each fold trains the same tasks."""
    last, path = last_step(estimator)
    try:
        types = guess_types(read_targets(y, last.tasks)[0], last.tasks, last._kind)
    except (TypeError, ValueError):  # fit raises the error again, where the search handles it
        return estimator
    if not types:
        return estimator
    return clone(estimator).set_params(**{"__".join([*path, "tasks"]): {**types, **(last.tasks or {})}})
