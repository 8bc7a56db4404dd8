"""The methods of a fitted estimator: predictions, representations and scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ..architectures import resolve_architecture
from ..data import check_sample_weight, check_weights
from ..metrics import weighted_mean
from ..targets import Targets, align_targets, name_of
from ..tasks import Task
from ..tasks._answers import Answer, NetworkAnswer
from ..tasks._rating import Reference, chosen_metrics, warn_of_undefined
from ..training import Model, MultiTaskNet
from ..utils._optional import import_optional
from ..utils._params import ArrayLike
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ._one_task import OneTaskMixin
from ._task_predictors import PredictorAnswer


def _has_probabilities(estimator: FittedMixin) -> bool:
    tasks = getattr(estimator, "tasks_", None)
    if tasks is None:
        return estimator._may_have_probabilities
    return any(task.has_probabilities for task in tasks.values())


def _has_gates(estimator: FittedMixin) -> bool:
    return resolve_architecture(estimator.architecture).has_gates


def _has_spread(estimator: FittedMixin) -> bool:
    model = getattr(estimator, "_model", None)
    several = estimator.n_members != 1 if model is None else model.n_members > 1
    return several and estimator._may_have_regressions


class AllPredictions(NamedTuple):
    """What `predict_all <sklearn_mtl.MultiTaskNetEstimator.predict_all>` returns.

    Parameters
    ----------
    labels : array, frame, structured array or Targets
        What ``predict`` returns: the classes, sets of labels and numbers of the tasks.
    probabilities : ndarray, list of ndarray, Targets or None
        What ``predict_proba`` returns; None if none of the tasks has probabilities.
    """

    labels: Any
    probabilities: Any


class FittedMixin(OneTaskMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """The methods of a fitted estimator.

    Each reads one twin of it, so another thread may fit the estimator again at the same time.
    """

    score_weights: Mapping[str, float] | None
    metrics: Mapping[str, Any] | None
    architecture: Any
    n_members: int | str
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
        answers, view = self._answers(X, tasks)
        return view._model.container.wrap({name: a.predictions for name, a in answers.items()}, X)

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
            `MultiTaskNetClassifier` returns an array for a frame or 2-D array of one column too.
        """
        answers, view = self._answers(X, tasks)
        known = view._probabilities(answers)
        if known is None:
            raise ValueError(f"tasks={tasks!r}: none of these tasks has probabilities.")
        return known

    def predict_all(self, X: RowsLike, tasks: Sequence[str] | None = None) -> AllPredictions:
        """Predict targets and probabilities with one pass through the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; only what they need is run. None predicts all.

        Returns
        -------
        AllPredictions
            A named tuple: ``labels`` equals what ``predict`` returns, to the bit, and ``probabilities`` what
            ``predict_proba`` returns, or None if none of the tasks has probabilities.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_mtl import MultiTaskNetEstimator
        >>> X, species = load_iris(return_X_y=True)
        >>> y = {"species": species, "petal_width": X[:, 3]}
        >>> net = MultiTaskNetEstimator(max_epochs=30, random_state=0).fit(X[:, :3], y)
        >>> labels, probabilities = net.predict_all(X[:2, :3])
        >>> labels["species"].tolist(), labels["petal_width"].shape, probabilities["species"].shape
        ([0, 0], (2,), (2, 3))
        """
        answers, view = self._answers(X, tasks)
        labels = view._model.container.wrap({name: a.predictions for name, a in answers.items()}, X)
        return AllPredictions(labels, view._probabilities(answers))

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
            Standard deviation over the networks, weighted as in ``predict``, in the units of the target; the kind
            of y in ``fit``. Tasks other than regressions are left out.
        """
        view = self._fitted_view()
        model = view._model
        own = [name for name in view._chosen(tasks) if name not in view.task_predictors_]
        numbers = [name for name in own if view.tasks_[name].is_regression]
        if not numbers:
            raise ValueError(f"tasks={tasks!r}: none of these tasks is a regression of the network.")
        return model.container.wrap(view._spread(X, numbers), X)

    def _spread(self, X: RowsLike, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the standard deviation of some regressions over the networks, by task."""
        outputs = self._model.member_outputs(X, names, self)
        spread = {}
        for name, members in outputs.items():
            decoded = np.stack([self.tasks_[name].decode(output) for output in members])
            weights = self._model.member_weights(name)
            mean = np.average(decoded, axis=0, weights=weights)
            spread[name] = np.sqrt(np.average((decoded - mean) ** 2, axis=0, weights=weights))
        return spread

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

        Returns
        -------
        dict of str to float
            NaN for a task without any label of a weight above 0.
        """
        view = self._fitted_view()
        metrics = {name: chosen[:1] for name, chosen in view._chosen_metrics().items()}
        rated = view._rated(X, y, sample_weight, metrics)
        return {name: next(iter(values.values())) for name, values in rated.items()}

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
        chosen = chosen_metrics(self.metrics, self.tasks_)
        if metrics is None:
            return chosen
        asked = chosen_metrics(metrics, self.tasks_)
        names = {name_of(name, self.tasks_) for name in metrics}
        return {name: asked[name] if name in names else chosen[name] for name in self.tasks_}

    def _rated(
        self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike, metrics: Mapping[str, Any]
    ) -> dict[str, dict[str, float]]:
        """Compute the chosen metrics of each task; warn once of those that are not defined."""
        rated, undefined = {}, {}
        for name, reference, answer in self._compared(X, y, sample_weight):
            rated[name] = reference.rate(metrics[name], answer)
            undefined[name] = reference.undefined(metrics[name])
        warn_of_undefined(undefined)
        return rated

    def _compared(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike) -> Iterator[tuple]:
        """Yield the name, the labels and the predictions of each task."""
        answers, view = self._answers(X, None)
        tasks = view._model.blueprint.tasks
        true, _ = align_targets(y, list(tasks))
        check_consistent_length(next(iter(answers.values())).predictions, true)
        weights = check_sample_weight(sample_weight, list(tasks), len(true), may_be_zero=True)
        for name, task in tasks.items():
            weight = None if weights is None else weights[name]
            yield name, Reference(name, task, true[name], weight), answers[name]

    def mean_score(self, scores: Mapping[str, float], weights: Mapping[str, float] | None = None) -> float:
        """Average scores by task, except NaN, under weights; None uses ``score_weights``."""
        given, name = (self.score_weights, "score_weights") if weights is None else (weights, "weights")
        return weighted_mean(scores, check_weights(given, self.task_names_, name))

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

    def _answers(self, X: RowsLike, tasks: Sequence[str] | None) -> tuple[dict[str, Answer], Any]:
        """Return the predictions of some tasks, and the twin that computed them."""
        view = self._fitted_view()
        names, predictors = view._chosen(tasks), view.task_predictors_
        own = [name for name in names if name not in predictors] if predictors else names
        outputs = view._model.outputs(X, own, view) if own else {}
        answers: dict[str, Answer] = {
            name: NetworkAnswer(name, view.tasks_[name], outputs[name])
            if name in outputs
            else PredictorAnswer(predictors[name], X, view.tasks_[name])
            for name in names
        }
        return answers, view

    def _probabilities(self, answers: Mapping[str, Answer]) -> Any:
        """Return the probabilities of the tasks that have them; None if no task has."""
        known = {name: a.probabilities for name, a in answers.items() if a.probabilities is not None}
        if not known:
            return None
        return self._model.container.arrange(known, Targets, one_column_is_plain=self._one_column_is_plain)

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
            check_is_fitted(self)  # raises; called only here, because it takes longer than predicting a row
        return self._twin()
