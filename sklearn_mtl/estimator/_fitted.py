"""What a fitted estimator computes: predictions, representations and scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ..architectures import resolve_architecture
from ..data import check_sample_weight, check_weights
from ..metrics import weighted_mean
from ..targets import Targets, align_targets, name_of
from ..tasks import Task
from ..tasks._checks import decode
from ..training import Model, MultiTaskNet
from ..utils._optional import import_optional
from ..utils._params import ArrayLike
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ._one_task import OneTaskMixin
from ._task_predictors import predicted_by, probabilities_by


def _has_probabilities(estimator: FittedMixin) -> bool:
    tasks = getattr(estimator, "tasks_", None)
    if tasks is None:
        return estimator._may_have_probabilities
    return any(task.has_probabilities for task in tasks.values())


def _has_gates(estimator: FittedMixin) -> bool:
    return resolve_architecture(estimator.architecture).has_gates


def _has_spread(estimator: FittedMixin) -> bool:
    return estimator.n_members > 1 and estimator._may_have_regressions


class FittedMixin(OneTaskMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """The methods of a fitted estimator.

    All of them read one view of it, so that another thread may fit it again at the same time.
    """

    score_weights: Mapping[str, float] | None
    architecture: Any
    n_members: int
    tasks_: dict[str, Task]
    task_names_: list[str]
    _may_have_probabilities: ClassVar[bool]
    _may_have_regressions: ClassVar[bool]
    _one_column_is_plain: ClassVar[bool]
    _model: Model

    def predict(self, X: RowsLike, tasks: Sequence[str] | None = None) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; only what they need is run. None predicts all.

        Returns
        -------
        array, frame, structured array or Targets
            The kind of y in ``fit``: a frame has X's index.
        """
        predictions, model = self._predictions(X, tasks)
        return model.container.wrap(predictions, X)

    @available_if(_has_probabilities)
    def predict_proba(self, X: RowsLike, tasks: Sequence[str] | None = None) -> Any:
        """Predict the probabilities of classes or labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all that have probabilities.

        Returns
        -------
        ndarray, list of ndarray or Targets
            For each task ``(n_samples, n_classes)``, columns in the order of ``classes_``: an array for 1-D y, a
            list for a 2-D array, otherwise `Targets`. Tasks without probabilities are left out. A
            `MultiTaskNetClassifier` gives an array for a frame or 2-D array of one column too.
        """
        known, model = self._probabilities(X, tasks)
        if not known:
            raise ValueError(f"tasks={tasks!r}: none of these tasks has probabilities.")
        return model.container.arrange(known, Targets, one_column_is_plain=self._one_column_is_plain)

    @available_if(_has_spread)
    def predict_std(self, X: RowsLike, tasks: Sequence[str] | None = None) -> Any:
        """Compute how much the networks of an ensemble differ in their predictions of numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all regressions.

        Returns
        -------
        array, frame, structured array or Targets
            Standard deviation over the networks, in the units of the target; the kind of y in ``fit``. Tasks
            that are no regressions are left out.
        """
        view = self._fitted_view()
        model = view._model
        own = [name for name in view._chosen(tasks) if name not in view.task_predictors_]
        numbers = [name for name in own if view.tasks_[name].is_regression]
        if not numbers:
            raise ValueError(f"tasks={tasks!r}: none of these tasks is a regression of the network.")
        outputs = model.member_outputs(X, numbers, view)
        spread = {
            name: np.std([view.tasks_[name].decode(output) for output in members], axis=0)
            for name, members in outputs.items()
        }
        return model.container.wrap(spread, X)

    def transform(self, X: RowsLike) -> np.ndarray:
        """Compute the representation that the tasks share.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_hidden)
            Of the estimator's dtype.
        """
        view = self._fitted_view()
        return view._model.representation(X, view)

    @available_if(_has_gates)
    def gate_weights(self, X: RowsLike, tasks: Sequence[str] | None = None, by_member: bool = False) -> Any:
        """Compute how much each row takes from each expert, by task.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks whose gates to return; None for all tasks that have gates.
        by_member : bool, default=False
            Whether to return the gates of each member of an ensemble instead of their mean.

        Returns
        -------
        DataFrame of shape (n_samples, n_weights), or (n_samples, n_members * n_weights)
            With X's index, and columns by task, level and expert, after the member where they are by member. The
            weights of a task and level sum to 1.
        """
        view = self._fitted_view()
        weights, columns = view._model.gate_weights(X, view._chosen(tasks), view)
        pandas = import_optional("pandas", "frames", "gate_weights")
        levels = ["task", "level", "expert"]
        members = weights if weights.ndim == 3 else weights[None]
        if by_member:
            weights = np.hstack(list(members))
            columns = [(number, *column) for number in range(len(members)) for column in columns]
            levels = ["member", *levels]
        else:
            weights = members.mean(axis=0)
        names = pandas.MultiIndex.from_tuples(columns, names=levels)
        return pandas.DataFrame(weights, columns=names, index=X.index if isinstance(X, pandas.DataFrame) else None)

    def score_tasks(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None) -> dict[str, float]:
        """Score each task: accuracy, R2 or samples-F1, over the rows whose label is there.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        dict of str to float
            NaN for a task without any label of a weight above 0.
        """
        return {
            name: task.score(true, predicted, weight)
            for name, task, true, predicted, weight in self._compared(X, y, sample_weight)
        }

    def score(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None) -> float:
        """Compute the mean of the task scores under ``score_weights``.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        float
            NaN if no task has a label.
        """
        return self.mean_score(self.score_tasks(X, y, sample_weight))

    def metrics_of_tasks(
        self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None
    ) -> dict[str, dict[str, float]]:
        """Compute all metrics of each task with one prediction; greater is better.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        dict of str to dict of str to float
            By task, by metric; NaN for a task without any label.
        """
        return {
            name: task.metrics(true, predicted, weight)
            for name, task, true, predicted, weight in self._compared(X, y, sample_weight)
        }

    def _compared(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike) -> Iterator[tuple]:
        """Yield name, task, true and predicted targets, and weights of each task."""
        predictions, model = self._predictions(X, None)
        tasks = model.blueprint.tasks
        true, _ = align_targets(y, list(tasks))
        check_consistent_length(next(iter(predictions.values())), true)
        weights = check_sample_weight(sample_weight, list(tasks), len(true), may_be_zero=True)
        for name, task in tasks.items():
            yield name, task, true[name], predictions[name], None if weights is None else weights[name]

    def mean_score(self, scores: Mapping[str, float]) -> float:
        """Average scores by task under ``score_weights``, leaving out those that are NaN."""
        return weighted_mean(scores, check_weights(self.score_weights, self.task_names_, "score_weights"))

    @property
    def net_(self) -> MultiTaskNet:
        """The skorch net; ``net_.module_`` is the network."""
        if not hasattr(self, "_model"):
            raise AttributeError(f"{type(self).__name__} has no net_: it is not fitted yet.")
        return self._model.net

    @property
    def history_(self) -> Any:
        """DataFrame of one row per epoch: losses and scores of each task, and their means."""
        check_is_fitted(self)
        pandas = import_optional("pandas", "frames", "history_")
        return pandas.DataFrame(self._model.history).set_index("epoch")

    def _predictions(self, X: RowsLike, tasks: Sequence[str] | None) -> tuple[dict[str, np.ndarray], Model]:
        names, outputs, view = self._outputs(X, tasks)
        by_task = {name: decode(view.tasks_[name], name, output) for name, output in outputs.items()}
        for name in set(names) - set(outputs):
            by_task[name] = predicted_by(view.task_predictors_[name], X, view.tasks_[name])
        return {name: by_task[name] for name in names}, view._model

    def _probabilities(self, X: RowsLike, tasks: Sequence[str] | None) -> tuple[dict[str, np.ndarray], Model]:
        """Predict the probabilities of those tasks that have them."""
        names, outputs, view = self._outputs(X, tasks)
        by_task = {name: view.tasks_[name].decode_proba(output) for name, output in outputs.items()}
        for name in set(names) - set(outputs):
            by_task[name] = probabilities_by(view.task_predictors_[name], X, view.tasks_[name])
        return {name: by_task[name] for name in names if by_task[name] is not None}, view._model

    def _outputs(self, X: RowsLike, tasks: Sequence[str] | None) -> tuple[list[str], dict[str, Any], Any]:
        """Return the chosen tasks, the outputs of the network for those that it predicts, and what was read."""
        view = self._fitted_view()
        names = view._chosen(tasks)
        predictors = view.task_predictors_
        own = [name for name in names if name not in predictors] if predictors else names
        outputs = view._model.outputs(X, own, view) if own else {}
        return names, outputs, view

    def _chosen(self, tasks: Sequence[str] | None) -> list[str]:
        if tasks is None:
            return self.task_names_
        given = list(tasks) if ArrayLike().is_satisfied_by(tasks) else []
        names = [name_of(name, self.tasks_) for name in given]
        if not names or not all(isinstance(name, str) and name in self.tasks_ for name in names):
            raise ValueError(f"tasks={tasks!r} should name some of the tasks {self.task_names_}.")
        tasks = names
        return [name for name in self.task_names_ if name in tasks]

    def _fitted_view(self) -> Any:
        if not hasattr(self, "_model"):
            check_is_fitted(self)  # its error; where there is none, it takes longer than a row
        return self._twin()
