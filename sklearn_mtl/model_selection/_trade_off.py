"""Trade-off between tasks in a search, and the choice of candidates by it."""

from __future__ import annotations

from collections.abc import Mapping
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
        scores = self._mean_task_scores()
        front = np.flatnonzero(non_dominated(scores))
        columns = {f"mean_test_tasks_{name}": scores[front, i] for i, name in enumerate(self.task_names_)}
        return {"index": front, "params": [self.cv_results_["params"][i] for i in front], **columns}

    def hypervolume(self, reference: Mapping[str, float] | None = None) -> float:
        """Compute the volume of task scores that the front dominates.

        Parameters
        ----------
        reference : mapping of str to float, or None, default=None
            Lower bound of the score of every task. None uses the worst mean score of each task among the
            candidates. To compare searches, pass the same reference to all.

        Returns
        -------
        float
            Volume, in the product of the tasks' scores, between the reference and the front.
        """
        scores = self._mean_task_scores()
        if reference is None:
            finite = scores[~np.isnan(scores).any(axis=1)]
            return hypervolume(finite, finite.min(axis=0)) if len(finite) else 0.0
        if sorted(reference) != sorted(self.task_names_):
            raise ValueError(f"reference={reference!r} should have a score for each of {self.task_names_}.")
        return hypervolume(scores, [reference[name] for name in self.task_names_])

    def choose(
        self,
        *,
        weights: Mapping[str, float] | None = None,
        constraint: Mapping[str, float] | None = None,
        maximize: str | None = None,
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

        Returns
        -------
        int
            Index into ``cv_results_``; of equally good candidates, the first.

        Raises
        ------
        ValueError
            If no candidate satisfies the constraint, or a task is unknown.
        """
        scores = self._mean_task_scores()
        allowed = np.flatnonzero(non_dominated(scores) & self._satisfies(scores, constraint))
        if not len(allowed):
            raise ValueError(self._nothing_allowed(scores, constraint))
        value = scores[allowed] @ self._purpose(weights, maximize)
        return int(allowed[value.argmax()])

    def _mean_task_scores(self) -> np.ndarray:
        check_is_fitted(self, "cv_results_")
        if not self.task_names_:  # every candidate failed, so the tasks are unknown
            return np.full((len(self.cv_results_["params"]), 1), np.nan)
        return np.column_stack([self.cv_results_[f"mean_test_tasks_{name}"] for name in self.task_names_])

    def _purpose(self, weights: Mapping[str, float] | None, maximize: str | None) -> np.ndarray:
        if maximize is None:
            by_task = check_weights(weights, self.task_names_, "weights")
            total = sum(by_task.values())
            return np.array([by_task[name] / total for name in self.task_names_])
        if weights is not None:
            raise ValueError("weights and maximize are alternative criteria; pass only one of them.")
        if maximize not in self.task_names_:
            raise ValueError(f"maximize={maximize!r} should be one of the tasks {self.task_names_}.")
        return np.array([float(name == maximize) for name in self.task_names_])

    def _satisfies(self, scores: np.ndarray, constraint: Mapping[str, float] | None) -> np.ndarray:
        constraint = {} if constraint is None else constraint
        unknown = [name for name in constraint if name not in self.task_names_]
        if unknown:
            raise ValueError(f"constraint names unknown tasks {unknown}; the tasks are {self.task_names_}.")
        least = np.array([constraint.get(name, -np.inf) for name in self.task_names_], dtype=np.float64)
        return np.greater_equal(scores, least).all(axis=1)

    def _nothing_allowed(self, scores: np.ndarray, constraint: Mapping[str, float] | None) -> str:
        succeeded = scores[~np.isnan(scores).any(axis=1)]
        if not len(succeeded):
            return "The front is empty: no candidate has a score for every task."
        best = dict(zip(self.task_names_, succeeded.max(axis=0).tolist(), strict=True))
        return f"No candidate satisfies constraint={constraint!r}; the best score of each task is {best}."
