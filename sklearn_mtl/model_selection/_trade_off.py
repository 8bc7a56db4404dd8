"""Trade-off between tasks in a search, and the choice of candidates by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..data import check_weights
from ._pareto import hypervolume, non_dominated


class TradeOffMixin:
    """The Pareto front of a search, from the task scores in its ``cv_results_``."""

    cv_results_: dict[str, Any]
    task_names_: list[str]

    @property
    def pareto_front_(self) -> dict[str, Any]:
        """Return the candidates on the Pareto front.

        No other candidate is at least as good on every task and better on one. The front is empty if every
        candidate failed.
        """
        return self.pareto_front()

    def pareto_front(self, metrics: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the candidates on the Pareto front of some scores.

        Parameters
        ----------
        metrics : sequence of str or None, default=None
            At least one score, each a task or a metric of the scoring as the scorer names it, such as
            "income_roc_auc"; None for the scores of all tasks.

        Returns
        -------
        dict
            As `pareto_front_`, with mean and standard deviation over the folds of these scores.
        """
        scores, columns = self._mean_scores(metrics)
        front = np.flatnonzero(non_dominated(scores))
        stds = ["std" + column.removeprefix("mean") for column in columns]
        values = {column: self.cv_results_[column][front] for column in (*columns, *stds)}
        return {"index": front, "params": [self.cv_results_["params"][i] for i in front], **values}

    def hypervolume(
        self, reference: Mapping[str, float] | None = None, metrics: Sequence[str] | None = None
    ) -> float:
        """Compute the volume of task scores that the front dominates.

        Parameters
        ----------
        reference : mapping of str to float, or None, default=None
            Lower bound of the score of every task. None uses the worst mean score of each task among the
            candidates. To compare searches, pass the same reference to all.
        metrics : sequence of str or None, default=None
            The scores, as in `pareto_front`; None for those of all tasks.

        Returns
        -------
        float
            Volume, in the product of the tasks' scores, between the reference and the front.
        """
        scores, _ = self._mean_scores(metrics)
        names = self._names(metrics)
        if reference is None:
            finite = scores[~np.isnan(scores).any(axis=1)]
            return hypervolume(finite, finite.min(axis=0)) if len(finite) else 0.0
        if sorted(reference) != sorted(names):
            raise ValueError(f"reference={reference!r} should have a score for each of {names}.")
        return hypervolume(scores, [reference[name] for name in names])

    def choose(
        self,
        *,
        weights: Mapping[str, float] | None = None,
        constraint: Mapping[str, float] | None = None,
        maximize: str | None = None,
        metrics: Sequence[str] | None = None,
    ) -> int:
        """Return the position of the best candidate of the front under a criterion.

        Parameters
        ----------
        weights : mapping of str to float, or None, default=None
            Maximise the mean of the task scores under these weights; other tasks have weight 1, and None is 1 for
            all.
        constraint : mapping of str to float, or None, default=None
            Minimum mean scores of some tasks; candidates below are left out.
        maximize : str or None, default=None
            Maximise the score of this task, instead of ``weights``.
        metrics : sequence of str or None, default=None
            The scores that make the front, as in `pareto_front`: the other parameters then name these instead of
            tasks. None for the scores of all tasks.

        Returns
        -------
        int
            Index into ``cv_results_``; of equally good candidates, the first.

        Raises
        ------
        ValueError
            If no candidate satisfies the constraint, or a task is unknown.
        """
        scores, _ = self._mean_scores(metrics)
        names = self._names(metrics)
        what = "tasks" if metrics is None else "metrics"
        allowed = np.flatnonzero(non_dominated(scores) & _satisfies(scores, constraint, names, what))
        if not len(allowed):
            raise ValueError(_nothing_allowed(scores, constraint, names, what))
        value = scores[allowed] @ _purpose(weights, maximize, names, what)
        return int(allowed[value.argmax()])

    def _names(self, metrics: Sequence[str] | None) -> list[str]:
        return list(self.task_names_ if metrics is None else metrics)

    def _mean_scores(self, metrics: Sequence[str] | None = None) -> tuple[np.ndarray, list[str]]:
        """Return the mean scores (n_candidates, n_scores) of tasks or metrics, and the names of their columns."""
        check_is_fitted(self, "cv_results_")
        if metrics is None and not self.task_names_:  # every candidate failed, so the tasks are unknown
            return np.full((len(self.cv_results_["params"]), 1), np.nan), []
        columns = self.score_columns(metrics)
        return np.column_stack([self.cv_results_[column] for column in columns]), columns

    def score_columns(self, metrics: Sequence[str] | None = None) -> list[str]:
        """Return the columns of ``cv_results_`` with the means of some scores over the folds.

        Parameters
        ----------
        metrics : sequence of str or None, default=None
            Tasks, or metrics of the scoring, as in `pareto_front`; None for the scores of all tasks.

        Raises
        ------
        ValueError
            If a name is unknown, or comes twice.
        """
        check_is_fitted(self, "cv_results_")
        return columns_of(self.cv_results_, self.task_names_, "metrics", metrics)


def columns_of(
    results: Mapping[str, Any], task_names: Sequence[str], what: str, metrics: Sequence[str] | str | None
) -> list[str]:
    """Return the columns of the mean scores of tasks or metrics; None for all tasks, ``what`` for the message."""
    prefix = "mean_test_"
    known = {name: f"{prefix}tasks_{name}" for name in task_names}
    scored = [name for name in results if name.startswith(prefix) and name not in known.values()]
    # a task's name takes precedence
    known = {name.removeprefix(prefix): name for name in scored} | known
    names = [metrics] if isinstance(metrics, str) else list(task_names if metrics is None else metrics)
    unknown = [name for name in names if name not in known]
    if unknown or len(set(names)) < len(names) or not names:
        raise ValueError(f"{what}={metrics!r} should be different ones of {list(known)}.")
    return [known[name] for name in names]


def _purpose(
    weights: Mapping[str, float] | None, maximize: str | None, names: Sequence[str], what: str
) -> np.ndarray:
    if maximize is None:
        by_name = check_weights(weights, names, "weights")
        total = sum(by_name.values())
        return np.array([by_name[name] / total for name in names])
    if weights is not None:
        raise ValueError("weights and maximize are alternative criteria; pass only one of them.")
    if maximize not in names:
        raise ValueError(f"maximize={maximize!r} should be one of the {what} {list(names)}.")
    return np.array([float(name == maximize) for name in names])


def _satisfies(
    scores: np.ndarray, constraint: Mapping[str, float] | None, names: Sequence[str], what: str
) -> np.ndarray:
    constraint = {} if constraint is None else constraint
    unknown = [name for name in constraint if name not in names]
    if unknown:
        raise ValueError(f"constraint names unknown {what} {unknown}; the {what} are {list(names)}.")
    least = np.array([constraint.get(name, -np.inf) for name in names], dtype=np.float64)
    return np.greater_equal(scores, least).all(axis=1)


def _nothing_allowed(
    scores: np.ndarray, constraint: Mapping[str, float] | None, names: Sequence[str], what: str
) -> str:
    succeeded = scores[~np.isnan(scores).any(axis=1)]
    if not len(succeeded):
        return f"The front is empty: no candidate has a score for every {what[:-1]}."
    best = dict(zip(names, succeeded.max(axis=0).tolist(), strict=True))
    return f"No candidate satisfies constraint={constraint!r}; the best score of each {what[:-1]} is {best}."
