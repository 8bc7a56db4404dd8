"""Grid search with the scores of every task and the trade-off between tasks."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import GridSearchCV, ParameterGrid

from ._search import OWN_CONSTRAINTS, TaskWeightSearch


class TaskWeightSearchCV(TaskWeightSearch, GridSearchCV):
    """Grid search with the scores of every task and the trade-off between tasks.

    It extends scikit-learn's `GridSearchCV`, with the same candidates, folds, scores and best estimator. With any
    ``scoring`` it also records the score of every task for every candidate and fold, and computes the Pareto
    front: the candidates between which one task gains only if another loses. `select` fits another point of the
    front without a new search.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator, or a Pipeline that ends in one
        Fitted with each candidate's parameters.
    param_grid : dict or list of dict
        Values of parameters by name, for instance ``{"task_weights__a": [0.3, 1.0, 3.0]}``.
    scoring : str, callable, list, tuple, dict or None, default=None
        Criterion for the best candidate; None uses ``score`` of the estimator, the mean over tasks under its
        ``score_weights``. `multitask_scorer` returns all metrics of all tasks, `make_multitask_scorer` chosen
        ones, of which the first of each task is its score.
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
    error_score : "raise" or float, default=nan
        Score of a candidate that fails, for instance because it diverges.
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
        Folder for the scores of finished candidates and folds. If an interrupted search is started again with
        the same folder, it does not train them again and has the same ``cv_results_``. Failed candidates are
        tried again, and all are if estimator, rows, folds or scoring have changed. Changes in the
        code of functions, such as your own ``scoring``, are not detected. Damaged files are ignored with a
        warning, other files without.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in `GridSearchCV`, and ``split<k>_test_tasks_<task>``, ``mean_test_tasks_<task>`` and
        ``std_test_tasks_<task>``: the task's score on the validation rows, without a rank. The metric is the
        first one in `make_multitask_scorer` or in ``metrics`` of the estimator, otherwise accuracy, R2 or samples
        F1. Folds without a label of the task are left out of mean and std; both are NaN for a
        candidate that failed in a fold.
    task_names_ : list of str
        The tasks, without those that are auxiliary in some candidate.
    stack_report_ : list of dict
        One entry per group of fits with the same structure, or with the same reason for not being stacked:
        ``n_fits``, ``stacked``, ``reason``, ``n_stacks`` and ``seconds``.
    pareto_front_ : dict
        The candidates on the front, in the order and form of ``cv_results_``: ``index`` into ``cv_results_``,
        ``params``, ``mean_test_tasks_<task>`` and ``std_test_tasks_<task>``. `pareto_front` returns the front of
        other metrics.
    best_estimator_ : estimator
        The best candidate, fitted to all rows; an instance of the class of ``estimator``.
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
        **OWN_CONSTRAINTS,
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
