"""Random search with the scores of every task and the trade-off between tasks."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import ParameterSampler, RandomizedSearchCV

from ._search import OWN_CONSTRAINTS, TaskWeightSearch


class TaskWeightRandomSearchCV(TaskWeightSearch, RandomizedSearchCV):
    """Random search with the scores of every task and the trade-off between tasks.

    It extends scikit-learn's `RandomizedSearchCV` like `TaskWeightSearchCV` extends `GridSearchCV`. For more than
    about four tasks, weights sampled by `task_weight_simplex` cover the trade-offs better than a grid of the same
    size.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator, or a Pipeline that ends in one
        Fitted with each candidate's parameters.
    param_distributions : dict or list of dict
        Lists of values, or distributions with ``rvs``, by name of the parameter.
    n_iter : int, default=10
        Number of candidates.
    scoring : str, callable, list, tuple, dict or None, default=None
        Criterion for the best candidate; None uses ``score`` of the estimator.
    n_jobs : int or None, default=None
        Number of processes; the results are the same, to the last bit if there are at least as many stacks as
        processes. ``joblib.parallel_config("dask")`` uses the workers of a cluster instead.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all rows; with several metrics, the metric to choose it by.
    cv : int, splitter or iterable, default=None
        The folds; an int means blocks of rows that are not shuffled, see `MultiTaskStratifiedKFold`.
    verbose : int, default=0
        How much to print; 1 prints a line for each finished stack.
    pre_dispatch : int or str, default="2*n_jobs"
        How many fits are handed to the processes in advance.
    random_state : int, RandomState instance or None, default=None
        Seed of the candidates.
    error_score : "raise" or float, default=nan
        Score of a candidate that fails.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has scores of the training rows too.
    stacked : bool or "auto", default="auto"
        Whether to stack fits of one structure: to train them as one network with a member axis. The scores are the
        same up to rounding; ``mean_fit_time`` is the share of a fit in the time of its stack, plus the time to
        load the fit. "auto" stacks as many fits as the cache of the processor holds; for modules without a member
        axis it times a few steps of both modes and chooses the faster one.
    max_members : int or None, default=None
        Maximum number of fits in one stack. None means 16 on a CPU, and fewer if there were fewer stacks than
        processes; a number fixes the stacks. Memory, one gigabyte, and "auto" limit them further.
    journal : path-like or None, default=None
        Folder for the scores of finished candidates and folds, as in `TaskWeightSearchCV`. With
        ``random_state=None`` the candidates differ in every run, so no scores can be reused.

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
        **OWN_CONSTRAINTS,
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
