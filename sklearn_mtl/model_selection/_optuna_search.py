"""Search by the samplers of Optuna, whose trials are trained as stacks."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from itertools import chain
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection._search import BaseSearchCV

from .._version import __version__
from ..config import resolve_auxiliary
from ..targets import read_targets
from ..utils._digest import digest
from ..utils._params import Interval, StrOptions
from ..utils._random import seed_of_fit
from ..utils._types import RowsLike, TargetsLike
from ..utils._warn import warn
from ._optuna_rounds import Rounds
from ._optuna_study import Store, TrialRecords, Trials, check_distributions, optuna
from ._search import OWN_CONSTRAINTS, TaskWeightSearch, _Folds
from ._stack import TrainedFits, last_step
from ._trade_off import columns_of
from ._workers import workers_of


class MultiTaskOptunaSearchCV(TaskWeightSearch, BaseSearchCV):
    """Search by a sampler of Optuna, which trains the trials of a round as one stack.

    The sampler is asked for ``n_stacked`` trials at once, their fits are trained as stacks like those of
    `TaskWeightSearchCV`, and the sampler is told all scores before the next round. ``OptunaSearchCV`` of
    optuna-integration trains one fit after the other. It has no ``cv_results_``, no scores of tasks and a single
    objective, and prunes only between calls of ``partial_fit``.

    With several ``objectives``, the sampler searches for the Pareto front of tasks or metrics. With a ``pruner``,
    the folds are trained one after the other, each fit reports its epochs, and a pruned trial leaves its stack and
    has no fits in later folds. With a ``storage``, a search that was interrupted is resumed. The extra is
    ``optuna``.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator, or a Pipeline that ends in one
        Fitted with each trial's parameters.
    param_distributions : dict of str to optuna.distributions.BaseDistribution
        Distributions by name of the parameter.
    n_trials : int, default=64
        Number of trials of the study, with those that the storage already has.
    n_stacked : int, default=16
        Trials of a round. The sampler knows the scores of earlier rounds only, so more trials train faster, but
        are chosen with less knowledge. 1 trains one trial after the other.
    sampler : optuna.samplers.BaseSampler or None, default=None
        Chooses the parameters; the search uses a copy. None is `optuna.samplers.TPESampler`, seeded anew in each
        round.
    pruner : optuna.pruners.BasePruner or None, default=None
        Ends trials early; the search uses a copy. What early stopping watches on the rows that each fit holds out
        is reported: the negative validation loss, or the score with ``EarlyStopping(monitor="score")``. Epochs are
        steps from 0; those of fold k begin at k times ``max_epochs``. Only for one objective, fits that can be
        stacked, and one process. None prunes nothing.
    objectives : "tasks", list of str or None, default=None
        What the study maximises: the scores of all tasks, or scores by name, each a task or a metric of
        ``scoring``. With more than one, the study has several objectives. None is the score by which ``refit``
        chooses.
    storage : str, optuna.storages.BaseStorage or None, default=None
        Where the study is kept: None is the memory, a str a URL such as "sqlite:///study.db" or
        "postgresql://user@server/database", whose driver has to be installed. The trials of a round are written
        when all have ended. To resume a search that was interrupted, start it again with the same storage, in one
        process at a time. Stored trials are not trained again.
    study_name : str or None, default=None
        Name of the study in the storage. None is a name from a digest of all that the scores depend on, so that a
        changed search is another study.
    scoring : str, callable, list, tuple, dict or None, default=None
        Criterion for the best trial; None uses ``score`` of the estimator. `multitask_scorer` returns all metrics
        of all tasks.
    n_jobs : int or None, default=None
        Number of processes for the stacks of a round, as in `TaskWeightSearchCV`.
    refit : bool, str or callable, default=True
        Whether to fit the best trial to all rows; with several metrics, the metric to choose it by. This is also
        the rule with several objectives; `select` fits another trial of the front.
    cv : int, splitter or iterable, default=None
        The folds, which are drawn once; an int means blocks of rows that are not shuffled, see
        `MultiTaskStratifiedKFold`.
    verbose : int, default=0
        How much to print; 1 prints a line for each finished stack.
    pre_dispatch : int or str, default="2*n_jobs"
        How many fits that are not stacked are handed to the processes in advance.
    random_state : int, RandomState instance or None, default=None
        Seed of the default sampler. A resumed search asks the same trials as one that was not interrupted if it is
        an int.
    error_score : "raise" or float, default=nan
        Score of a trial that fails, for instance because it diverges. If it is NaN, the study has the trial as
        failed.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has scores of the training rows too.
    stacked : bool or "auto", default="auto"
        Whether to stack fits of one structure, as in `TaskWeightSearchCV`.
    max_members : int or None, default=None
        Maximum number of fits in one stack, as in `TaskWeightSearchCV`.

    Attributes
    ----------
    study_ : optuna.Study
        The study, with pruned and failed trials. The user attribute "n_epochs" of a trial is the number of epochs
        of all its stacked fits.
    cv_results_ : dict of ndarray
        As in `TaskWeightSearchCV`, one row for each trial that was not pruned, and ``trial``: its number in the
        study. Trials that failed are NaN; those of a round without a success are left out.
    task_names_, pareto_front_, stack_report_ : object
        As in `TaskWeightSearchCV`.
    best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, refit_time_, multimetric_ : object
        As in `GridSearchCV`.

    Raises
    ------
    ImportError
        By ``fit``, if Optuna is not installed.
    ValueError
        By ``fit``: if the study in the storage belongs to another search, all trials of the first round fail, all
        trials are pruned, or the pruner contradicts another parameter or finds no validation rows.
    OSError
        By ``fit``, if the storage cannot be opened or written. What it has is intact.

    See Also
    --------
    PruningCallback : Prunes the fits of an objective of your own.
    TaskWeightRandomSearchCV : Samples candidates at random.

    References
    ----------
    .. [1] Akiba, Sano, Yanase, Ohta and Koyama, "Optuna: A Next-generation Hyperparameter Optimization Framework",
       KDD 2019.

    Examples
    --------
    >>> import optuna
    >>> from optuna.distributions import FloatDistribution
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.model_selection import MultiTaskOptunaSearchCV
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> regressor = MultiTaskNetRegressor(n_members=1, max_epochs=5, random_state=0)
    >>> distributions = {"learning_rate": FloatDistribution(1e-4, 1e-1, log=True)}
    >>> search = MultiTaskOptunaSearchCV(
    ...     regressor, distributions, n_trials=6, n_stacked=3, objectives="tasks", cv=2, random_state=0
    ... ).fit(X, y)
    >>> len(search.study_.directions), search.cv_results_["trial"].tolist()
    (3, [0, 1, 2, 3, 4, 5])
    >>> bool(search.best_index_ in range(6))
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseSearchCV._parameter_constraints,
        **{name: kinds for name, kinds in OWN_CONSTRAINTS.items() if name != "journal"},
        "param_distributions": [dict],
        "n_trials": [Interval(Integral, 1, None, closed="left")],
        "n_stacked": [Interval(Integral, 1, None, closed="left")],
        "sampler": "no_validation",
        "pruner": "no_validation",
        "objectives": [StrOptions({"tasks"}), list, tuple, None],
        "storage": "no_validation",
        "study_name": [str, None],
        "random_state": ["random_state"],
    }
    # the storage of the study replaces it
    journal = None

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_trials: int = 64,
        n_stacked: int = 16,
        sampler: Any = None,
        pruner: Any = None,
        objectives: str | Sequence[str] | None = None,
        storage: Any = None,
        study_name: str | None = None,
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
    ) -> None:
        self.param_distributions = param_distributions
        self.n_trials = n_trials
        self.n_stacked = n_stacked
        self.sampler = sampler
        self.pruner = pruner
        self.objectives = objectives
        self.storage = storage
        self.study_name = study_name
        self.random_state = random_state
        self.stacked = stacked
        self.max_members = max_members
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )

    def _stack(
        self, run: Any, estimator: Any, X: RowsLike, y: TargetsLike, split_params: Mapping[str, Any]
    ) -> TrainedFits | None:
        """Open the study, and train its first round."""
        check_distributions(self.param_distributions, self.storage is not None)
        objectives = self._names_of_objectives(y)
        n_objectives = max(1, len(objectives))
        self._check_sampling(n_objectives)
        folds = _Folds(list(self._checked_cv_orig.split(X, y, **split_params)))
        self._checked_cv_orig = folds
        store = None
        if self.storage is not None:
            purpose = self._purpose(estimator, objectives, X, y, run.fit_params, folds)
            store = functools.partial(Store, self.storage, self.study_name, purpose)
        trials = self._trials(n_objectives, store)
        self.study_ = trials.visible
        run.journal = None if store is None else TrialRecords(trials.study)
        run.rounds = Rounds(
            trials,
            run.journal,
            estimator,
            X,
            y,
            run.fit_params,
            folds.splits,
            {name: getattr(self, name) for name in ("stacked", "max_members", "n_jobs", "verbose")},
            prunes=self.pruner is not None,
            objectives=objectives,
        )
        run.rounds.start()
        self.stack_report_ = run.rounds.report
        if self.stacked is False:
            return None
        if all(entry["stacked"] for entry in self.stack_report_):
            self._score_here(run)
        return run.rounds.trained

    def _trials(self, n_objectives: int, store: Any) -> Trials:
        return Trials(
            self.param_distributions,
            self.n_trials,
            self.n_stacked,
            n_objectives=n_objectives,
            sampler=self.sampler,
            pruner=self.pruner,
            seed=None if self.random_state is None else seed_of_fit(self.random_state),
            store=store,
        )

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        run = self._let_go()
        run.scoring.close()  # scikit-learn has its pool by now, and later rounds are trained as the first one
        rounds: Rounds = run.rounds
        earlier = rounds.source.complete()
        n_rounds = bool(earlier) + bool(rounds.trials) + -(-rounds.source.n_left // self.n_stacked)
        search = callback_ctx.subcontext(task_name="search", max_subtasks=max(1, n_rounds))
        search.call_on_fit_task_begin(estimator=self)
        results: dict[str, Any] = {}
        if earlier:
            results, _ = self._evaluate(evaluate_candidates, earlier, search)
        while rounds.trials:
            trials, values = rounds.to_score(), None
            if trials:
                try:
                    results, scores = self._evaluate(evaluate_candidates, trials, search)
                    rounds.keep_scores(trials, scores)
                    values = self._values(results, rounds.objectives)[-len(trials) :]
                except ValueError as error:
                    # later rounds may be small, so all of their fits may well fail
                    if not results or self.error_score == "raise" or "fits failed" not in str(error):
                        raise
                    warn(f"The trials {[trial.number for trial in trials]} failed: {error}")
            rounds.tell(values)
            rounds.start()
        if not results:
            raise ValueError(f"pruner={self.pruner!r} has pruned all {self.n_trials} trials, so none has a score.")
        search.call_on_fit_task_end(estimator=self)

    def _evaluate(self, evaluate_candidates: Any, trials: Sequence[Any], search: Any) -> Any:
        """Score the fits of some trials; return all results, and the scores of the fits of each trial."""
        context = search.subcontext(
            task_name="round", max_subtasks=len(trials) * self.n_splits_, sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self)
        results = evaluate_candidates(
            [dict(trial.params) for trial in trials],
            more_results={"trial": [trial.number for trial in trials]},
            callback_ctx=context,
        )
        context.call_on_fit_task_end(estimator=self)
        return results, results.pop("scores of fits")[-len(trials) :]

    def _format_results(self, candidate_params: Any, n_splits: int, out: Any, more_results: Any = None) -> dict:
        numbers = {"trial": np.array(more_results["trial"])}
        results = super()._format_results(candidate_params, n_splits, out, numbers)
        per_fit = [[result[name] for name in ("test_scores", "train_scores") if name in result] for result in out]
        by_candidate = [
            list(chain.from_iterable(per_fit[start : start + n_splits])) for start in range(0, len(out), n_splits)
        ]
        return results | {"scores of fits": by_candidate}  # removed by `_evaluate`

    def _values(self, results: dict[str, Any], objectives: Sequence[str]) -> np.ndarray:
        """Return the values (n_candidates, n_objectives) of the objectives."""
        if objectives:
            columns = columns_of(results, self.task_names_, "objectives", objectives)
        elif isinstance(self.refit, str) and f"mean_test_{self.refit}" in results:
            columns = [f"mean_test_{self.refit}"]
        elif "mean_test_score" in results:
            columns = ["mean_test_score"]
        else:
            names = [name.removeprefix("mean_test_") for name in results if name.startswith("mean_test_")]
            self._check_refit_for_multimetric(dict.fromkeys(names))
            raise ValueError(
                "scoring returns several metrics; name the one to optimise by refit, or by objectives."
            )
        return np.column_stack([results[column] for column in columns])

    def _names_of_objectives(self, y: TargetsLike) -> list[str]:
        """Return the names of the objectives; none means the score by which ``refit`` chooses."""
        if self.objectives is None:
            return []
        if self.objectives != "tasks":
            names = list(self.objectives)
            if not names or len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
                raise ValueError(f"objectives={self.objectives!r} should be different names of tasks or metrics.")
            return names
        last = last_step(self.estimator)[0]
        names = list(read_targets(y, last.tasks)[0])
        auxiliary = resolve_auxiliary(last.auxiliary).names_among(names)
        return [name for name in names if name not in auxiliary]

    def _check_sampling(self, n_objectives: int) -> None:
        """Check the sampler, the pruner, and what contradicts the pruner."""
        kinds = {"sampler": optuna().samplers.BaseSampler, "pruner": optuna().pruners.BasePruner}
        for name, kind in kinds.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{name}={value!r} should be a {name} of Optuna or None.")
        if self.pruner is None:
            return
        if n_objectives > 1:
            raise ValueError(f"pruner={self.pruner!r}: Optuna prunes no trials of {n_objectives} objectives.")
        if self.stacked is False:
            raise ValueError(f"pruner={self.pruner!r} prunes fits within stacks, which stacked=False excludes.")
        if workers_of(self.n_jobs).count > 1:
            raise ValueError(
                f"pruner={self.pruner!r} judges the trials of one process, but n_jobs={self.n_jobs!r} means "
                "several; pass n_jobs=None."
            )

    def _purpose(
        self, estimator: Any, objectives: Any, X: RowsLike, y: TargetsLike, fit_params: Any, folds: _Folds
    ) -> str:
        """Return the digest of what the values of the trials depend on."""
        distributions = {name: repr(value) for name, value in self.param_distributions.items()}
        aims = self.scoring, list(objectives), self.refit if not objectives else None
        try:
            return digest(__version__, estimator, distributions, aims, X, y, dict(fit_params), folds.splits)
        except ValueError as error:
            raise ValueError(f"storage cannot be used: {error}") from error
