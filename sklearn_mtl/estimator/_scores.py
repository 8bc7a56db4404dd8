"""The scores of a fitted estimator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sklearn.utils.validation import _num_samples, check_consistent_length

from ..data import check_sample_weight, check_weights
from ..metrics import weighted_mean
from ..targets import SparseTargets, Targets, align_targets, name_of, read_targets
from ..tasks import Task
from ..tasks._answers import NetworkAnswer
from ..tasks._rating import Reference, chosen_metrics, warn_of_undefined
from ..training import Model
from ..utils._types import RowsLike, TargetsLike, WeightsLike


class ScoringMixin:
    """The methods of an estimator that compare its predictions with labels."""

    score_weights: Mapping[str, float] | None
    metrics: Mapping[str, Any] | None
    tasks_: dict[str, Task]
    task_names_: list[str]
    _model: Model
    _answers: Any
    _fitted_view: Any

    def score_tasks(
        self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None, *, given: TargetsLike = None
    ) -> dict[str, float]:
        """Score each task by its metric, over its labelled rows.

        The metric is the first one in ``metrics``, or the task's own: accuracy, R2, samples F1, ...

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, missing where they are not; requires ``label_inputs=True``. A task does not read
            its own label. None is as if all were missing.

        Returns
        -------
        dict of str to float
            NaN for a task without any label of a weight above 0.
        """
        view = self._fitted_view()
        metrics = {name: chosen[:1] for name, chosen in view._chosen_metrics().items()}
        rated = view._rated(X, y, sample_weight, metrics, given)
        return {name: next(iter(values.values())) for name, values in rated.items()}

    def score(
        self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None, *, given: TargetsLike = None
    ) -> float:
        """Compute the mean of the task scores under ``score_weights``.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, missing where they are not; requires ``label_inputs=True``. A task does not read
            its own label. None is as if all were missing.

        Returns
        -------
        float
            NaN if no task has a label.
        """
        return self.mean_score(self.score_tasks(X, y, sample_weight, given=given))

    def metrics_of_tasks(
        self,
        X: RowsLike,
        y: TargetsLike,
        sample_weight: WeightsLike = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> dict[str, dict[str, float]]:
        """Compute metrics of each task with one pass through the network; greater is better.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.
        metrics : mapping of str to object, or None, default=None
            Metrics by task, as in `make_multitask_scorer <sklearn_mtl.metrics.make_multitask_scorer>`; tasks that
            are not named have those in ``metrics`` of the estimator, or their own. None computes all of the tasks'
            own metrics, those in ``metrics`` of the estimator, and for probabilities roc_auc, average_precision,
            neg_log_loss and neg_brier_score.

        Returns
        -------
        dict of str to dict of str to float
            By task, by metric; NaN for a task without any label.
        """
        view = self._fitted_view()
        if metrics is not None:
            return view._rated(X, y, sample_weight, view._chosen_metrics(metrics))
        chosen = view._chosen_metrics() if view.metrics else {}
        return {
            name: reference.rate_all(answer) | reference.rate(chosen.get(name, ()), answer)
            for name, reference, answer in view._compared(X, y, sample_weight)
        }

    def main_metrics(self) -> dict[str, str]:
        """Return the name of the metric that is the score of each task."""
        return {name: chosen[0].name for name, chosen in self._fitted_view()._chosen_metrics().items()}

    def _chosen_metrics(self, metrics: Mapping[str, Any] | None = None) -> dict[str, Any]:
        every = chosen_metrics(self.metrics, self._model.blueprint.tasks)  # history_ has those of auxiliary tasks
        chosen = {name: every[name] for name in self.tasks_}
        if metrics is None:
            return chosen
        asked = chosen_metrics(metrics, self.tasks_)
        names = {name_of(name, self.tasks_) for name in metrics}
        return {name: asked[name] if name in names else chosen[name] for name in self.tasks_}

    def _rated(
        self,
        X: RowsLike,
        y: TargetsLike,
        sample_weight: WeightsLike,
        metrics: Mapping[str, Any],
        given: TargetsLike = None,
    ) -> dict[str, dict[str, float]]:
        """Compute the chosen metrics of each task; warn once of those that are not defined."""
        rated, undefined = {}, {}
        for name, reference, answer in self._compared(X, y, sample_weight, given):
            rated[name] = reference.rate(metrics[name], answer)
            undefined[name] = reference.undefined(metrics[name])
        warn_of_undefined(undefined)
        return rated

    def _compared(
        self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike, given: TargetsLike = None
    ) -> Iterator[tuple]:
        """Yield the name, the labels and the predictions of each task."""
        if isinstance(y, SparseTargets) and given is None and not self._fitted_view().task_predictors_:
            yield from self._compared_labels(X, y, sample_weight)
            return
        answers, view = self._answers(X, None, given, only_best=True)
        true = view._true_labels(y)
        check_consistent_length(next(iter(answers.values())).predictions, true)
        every = list(view._model.blueprint.tasks)
        weights = check_sample_weight(sample_weight, every, len(true), may_be_zero=True)
        for name, task in view.tasks_.items():
            weight = None if weights is None else weights[name]
            yield name, Reference(name, task, true[name], weight), answers[name]

    def _compared_labels(self, X: RowsLike, y: SparseTargets, sample_weight: WeightsLike) -> Iterator[tuple]:
        """Yield the name, the labels and the predictions of each task, for its labelled rows only."""
        view = self._fitted_view()
        true = view._true_labels(y)
        n_rows = _num_samples(X)
        if n_rows != len(true):
            raise ValueError(f"X has {n_rows} rows, but y has {len(true)}.")
        weights = check_sample_weight(sample_weight, list(view._model.blueprint.tasks), n_rows, may_be_zero=True)
        outputs = view._model.outputs_of_labels(X, true, view)
        for name, task in view.tasks_.items():
            labels, rows = true.labels_of(name)
            weight = None if weights is None else weights[name][rows]
            yield name, Reference(name, task, labels, weight), NetworkAnswer(name, task, outputs[name])

    def _true_labels(self, y: TargetsLike) -> Targets:
        """Read the labels of y, with or without columns of auxiliary tasks, which are not used."""
        every = list(self._model.blueprint.tasks)
        if len(every) > len(self.task_names_) and not self._model.container.names_tasks:
            targets, container = read_targets(y)
            if len(container.names) == len(every):  # matched by position, as in fit
                return targets._named(every)
        return align_targets(y, self.task_names_)[0]

    def mean_score(self, scores: Mapping[str, float], weights: Mapping[str, float] | None = None) -> float:
        """Average scores by task, except NaN, under weights; None uses ``score_weights``."""
        given, name = (self.score_weights, "score_weights") if weights is None else (weights, "weights")
        return weighted_mean(scores, check_weights(given, self.task_names_, name))
