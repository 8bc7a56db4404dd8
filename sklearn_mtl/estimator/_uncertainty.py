"""How sure an estimator is: quantiles, distributions and standard deviations of its predictions of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.metaestimators import available_if

from ..targets import Targets
from ..tasks import PredictedDistribution, Task
from ..training import Model
from ..utils._types import RowsLike, TargetsLike

_KINDS = ("total", "aleatoric", "epistemic")
_TO_LEARN = "state it in tasks, for instance Regression(loss='normal')"


def _known_tasks(estimator: UncertaintyMixin) -> Iterable[Any]:
    """Return the fitted tasks, or what the parameter ``tasks`` states before ``fit``."""
    tasks = getattr(estimator, "tasks_", None)
    if tasks is None:
        tasks = estimator.tasks
    return tasks.values() if isinstance(tasks, Mapping) else ()


def _has_distributions(estimator: UncertaintyMixin) -> bool:
    return any(isinstance(task, Task) and task.has_distribution for task in _known_tasks(estimator))


def _has_quantiles(estimator: UncertaintyMixin) -> bool:
    return any(isinstance(task, Task) and task.has_quantiles for task in _known_tasks(estimator))


def _has_spread(estimator: UncertaintyMixin) -> bool:
    if not estimator._may_have_regressions:
        return False
    model = getattr(estimator, "_model", None)
    several = estimator.n_members != 1 if model is None else model.n_members > 1
    return several or _has_distributions(estimator)


class UncertaintyMixin:
    """The methods of a fitted estimator that say how sure it is of numbers."""

    n_members: int | str
    tasks: Any
    tasks_: dict[str, Task]
    _may_have_regressions: ClassVar[bool]
    _model: Model
    _fitted_view: Callable[[], Any]

    @available_if(_has_quantiles)
    def predict_quantiles(
        self,
        X: RowsLike,
        q: float | Sequence[float],
        tasks: Sequence[str] | None = None,
        *,
        given: TargetsLike = None,
    ) -> Targets:
        """Predict quantiles of tasks that learn a distribution or several quantiles.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        q : float or sequence of float
            Levels, each above 0 and below 1.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all that have quantiles.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, missing where they are not; requires ``label_inputs=True``.

        Returns
        -------
        Targets
            For each task (n_samples, n_levels), or (n_samples, n_columns, n_levels) if its target has columns, in
            the units of the target. Those of an ensemble are quantiles of the mixture of its networks. A task of
            ``Regression(loss="quantile", quantile=[...])`` is interpolated linearly between the learned levels, of
            which an ensemble takes the mean over its networks.

        Raises
        ------
        ValueError
            If a task has no quantiles, or a level is not between 0 and 1, or outside of the learned quantiles.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_mtl import MultiTaskNetEstimator
        >>> from sklearn_mtl.tasks import Regression
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 2))
        >>> y = {"mass": X[:, 0] + rng.normal(scale=np.exp(X[:, 1] - 1))}
        >>> net = MultiTaskNetEstimator({"mass": Regression(loss="normal")}, max_epochs=20, random_state=0)
        >>> net.fit(X, y).predict_quantiles(X[:3], [0.05, 0.5, 0.95])["mass"].shape
        (3, 3)
        """
        levels = np.atleast_1d(np.asarray(q, dtype=np.float64))
        if levels.ndim != 1 or not len(levels) or not ((levels > 0) & (levels < 1)).all():
            raise ValueError(f"q={q!r} should be a level, or a sequence of levels, above 0 and below 1.")
        view = self._fitted_view()
        names = view._uncertain(tasks, lambda task: task.has_quantiles, "has quantiles", _TO_LEARN)
        found = {}
        for name, outputs in view._model.member_outputs(X, names, view, given).items():
            try:
                found[name] = view.tasks_[name].quantiles(outputs, levels, view._model.member_weights(name))
            except ValueError as error:
                raise ValueError(f"task {name!r}: {error}.") from error
        return Targets(found)

    @available_if(_has_distributions)
    def predict_distribution(
        self, X: RowsLike, tasks: Sequence[str] | None = None, *, given: TargetsLike = None
    ) -> dict[str, PredictedDistribution]:
        """Predict the distribution of each label of tasks that learn one.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all that learn a distribution.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, missing where they are not; requires ``label_inputs=True``.

        Returns
        -------
        dict of str to PredictedDistribution
            With the methods of a frozen distribution of scipy for all rows at once, in the units of the target.
            That of an ensemble is the mixture over its networks, weighted as in ``predict``.

        Raises
        ------
        ValueError
            If a task learns no distribution.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_mtl import MultiTaskNetEstimator
        >>> from sklearn_mtl.tasks import Regression
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 2))
        >>> y = {"mass": X[:, 0] + rng.normal(scale=np.exp(X[:, 1] - 1))}
        >>> net = MultiTaskNetEstimator({"mass": Regression(loss="normal")}, max_epochs=20, random_state=0)
        >>> mass = net.fit(X, y).predict_distribution(X)["mass"]
        >>> mass.mean().shape, mass.interval(0.9)[0].shape, mass.rvs(5, random_state=0).shape
        ((200,), (200,), (5, 200))
        """
        view = self._fitted_view()
        names = view._uncertain(tasks, lambda task: task.has_distribution, "learns a distribution", _TO_LEARN)
        outputs = view._model.member_outputs(X, names, view, given)
        return {name: view._mixture(name, members) for name, members in outputs.items()}

    @available_if(_has_spread)
    def predict_std(
        self, X: RowsLike, tasks: Sequence[str] | None = None, *, given: TargetsLike = None, kind: str = "total"
    ) -> Any:
        """Compute the standard deviation of predictions of numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all regressions that have such a deviation.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, missing where they are not; requires ``label_inputs=True``. A task does not read
            its own label. None is as if all were missing.
        kind : {"total", "aleatoric", "epistemic"}, default="total"
            "aleatoric" is the deviation that the networks learned, by which labels of equal inputs vary; only
            tasks that learn a distribution have it. "epistemic" is how much the networks of an ensemble differ in
            their predictions. The variance of "total" is the sum of both; it is the epistemic one for a task that
            learns no distribution, and the aleatoric one for a single network.

        Returns
        -------
        array, frame, structured array or Targets
            Standard deviation, over networks weighted as in ``predict``, in the units of the target; the kind of
            y in ``fit``. Tasks other than regressions are left out.

        Raises
        ------
        ValueError
            If ``kind`` is unknown, or a task has no such deviation.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind={kind!r} should be one of {_KINDS}.")
        view = self._fitted_view()
        if kind == "epistemic" and view._model.n_members == 1:
            raise ValueError("kind='epistemic' needs an ensemble, and this is a single network; see n_members.")
        names = view._with_deviation(tasks, kind)
        return view._model.container.wrap(view._deviation(X, names, given, kind), X)

    def _with_deviation(self, tasks: Sequence[str] | None, kind: str) -> list[str]:
        """Return the tasks that have a standard deviation of some kind."""
        learned = kind == "aleatoric" or self._model.n_members == 1
        if learned:
            return self._uncertain(tasks, lambda task: task.has_distribution, "learns a distribution", _TO_LEARN)
        names = self._own_tasks(tasks)
        numbers = [name for name in names if self.tasks_[name].is_regression]
        if not numbers:
            raise ValueError(f"tasks={tasks!r}: none of these tasks is a regression of the network.")
        return numbers

    def _own_tasks(self, tasks: Sequence[str] | None) -> list[str]:
        """Return the chosen tasks that the network predicts itself."""
        this: Any = self
        return [name for name in this._chosen(tasks) if name not in this.task_predictors_]

    def _uncertain(
        self, tasks: Sequence[str] | None, suits: Callable[[Task], bool], what: str, how: str
    ) -> list[str]:
        """Return the tasks that suit, of all; raise if one of those that are named does not."""
        this: Any = self
        chosen, own = this._chosen(tasks), self._own_tasks(tasks)
        found = [name for name in own if suits(self.tasks_[name])]
        if not found or (tasks is not None and len(found) < len(chosen)):
            lacking = [name for name in chosen if name not in found]
            raise ValueError(f"tasks={tasks!r}: none of {lacking} {what} that the network predicts; {how}.")
        return found

    def _mixture(self, name: str, outputs: np.ndarray) -> PredictedDistribution:
        return self.tasks_[name].distribution(outputs, self._model.member_weights(name))

    def _deviation(
        self, X: RowsLike, names: Sequence[str], given: TargetsLike, kind: str
    ) -> dict[str, np.ndarray]:
        """Return the standard deviations of some tasks."""
        outputs = self._model.member_outputs(X, names, self, given)
        found = {}
        for name, members in outputs.items():
            learns = self.tasks_[name].has_distribution and kind != "epistemic"
            learned = self._learned_variance(name, members) if learns else 0.0
            between = self._variance_between(name, members) if kind != "aleatoric" else 0.0
            found[name] = np.sqrt(learned + between)
        return found

    def _learned_variance(self, name: str, members: np.ndarray) -> np.ndarray:
        """Return the mean over the networks of the variance that each learned."""
        each = [self.tasks_[name].distribution(output[None]).var() for output in members]
        return np.asarray(np.average(each, axis=0, weights=self._model.member_weights(name)))

    def _variance_between(self, name: str, members: np.ndarray) -> np.ndarray:
        """Return the variance of the predictions over the networks."""
        decoded = np.stack([self.tasks_[name].decode(output) for output in members])
        weights = self._model.member_weights(name)
        mean = np.average(decoded, axis=0, weights=weights)
        return np.asarray(np.average((decoded - mean) ** 2, axis=0, weights=weights))

    def _spread(self, X: RowsLike, names: Sequence[str], given: TargetsLike = None) -> dict[str, np.ndarray]:
        """Return the standard deviation of the predictions of some regressions over the networks, by task."""
        return self._deviation(X, names, given, "epistemic")
