"""Risks and survival curves of tasks whose times may be censored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if

from ..targets import Targets
from ..tasks import Survival, Task
from ..utils._types import RowsLike, TargetsLike


def _has_survival(estimator: SurvivalMixin) -> bool:
    tasks = getattr(estimator, "tasks_", None)
    return tasks is None or any(isinstance(task, Survival) for task in tasks.values())


class SurvivalMixin:
    """The methods of a fitted estimator for tasks of `Survival`."""

    tasks_: dict[str, Task]
    _fitted_view: Callable[[], Any]

    @available_if(_has_survival)
    def predict_risk(
        self, X: RowsLike, tasks: Sequence[str] | None = None, *, given: TargetsLike = None
    ) -> Targets:
        """Predict the risk of each row, greater where the event is expected earlier.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all of `Survival <sklearn_mtl.tasks.Survival>`.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, as in ``predict``.

        Returns
        -------
        Targets
            For each task an array of shape (n_samples,): with ``loss="cox"`` the logarithm of the hazard relative
            to the baseline, with "discrete_time" the share of the time until the last edge that is not survived on
            average.

        Raises
        ------
        ValueError
            If none of the tasks, or not each that is named, is a `Survival`.
        """
        return self._of_survival(X, tasks, given, lambda task, output: task.risk(output))

    @available_if(_has_survival)
    def predict_survival_function(
        self,
        X: RowsLike,
        times: Any = None,
        tasks: Sequence[str] | None = None,
        *,
        given: TargetsLike = None,
    ) -> Targets:
        """Predict the probability of survival beyond some times.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        times : array-like of shape (n_times,) or None, default=None
            None for ``times_`` of each task: the times of events in ``fit``, or the ends of the intervals. Beyond
            the last of these, a curve does not fall.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all of `Survival <sklearn_mtl.tasks.Survival>`.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, as in ``predict``.

        Returns
        -------
        Targets
            For each task an array of shape (n_samples, n_times). With ``loss="cox"`` a curve is a step function,
            with "discrete_time" it is linear within an interval.

        Raises
        ------
        ValueError
            If none of the tasks, or not each that is named, is a `Survival`, or a time is negative or not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_mtl import MultiTaskNetEstimator
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> time, end = rng.exponential(np.exp(-X[:, 0])), rng.exponential(2.0, size=200)
        >>> y = {"death": np.column_stack([np.minimum(time, end), time <= end])}
        >>> net = MultiTaskNetEstimator(tasks={"death": "survival"}, n_members=1, max_epochs=10, random_state=0)
        >>> net.fit(X, y).predict_survival_function(X[:4], times=[0.1, 0.5, 1.0])["death"].shape
        (4, 3)
        """
        return self._of_survival(X, tasks, given, lambda task, output: task.survival(output, times))

    def _of_survival(
        self,
        X: RowsLike,
        tasks: Sequence[str] | None,
        given: TargetsLike,
        convert: Callable[[Survival, np.ndarray], np.ndarray],
    ) -> Targets:
        view = self._fitted_view()
        chosen = {name: view.tasks_[name] for name in view._chosen(tasks)}
        others = [name for name, task in chosen.items() if not isinstance(task, Survival)]
        names = [name for name in chosen if name not in others]
        if not names or (tasks is not None and others):
            raise ValueError(f"tasks={tasks!r}: {others} are no tasks of Survival, and have no risk.")
        outputs = view._model.outputs(X, names, view, given)
        return Targets({name: convert(chosen[name], outputs[name]) for name in names})
