"""The methods of a fitted estimator: predictions, representations and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..architectures import resolve_architecture
from ..streaming._stream import refuse_stream
from ..targets import Targets, name_of
from ..tasks import Task
from ..tasks._answers import Answer, NetworkAnswer
from ..training import Model, MultiTaskNet
from ..utils._optional import import_optional
from ..utils._params import ArrayLike
from ..utils._types import RowsLike, TargetsLike
from ._one_task import OneTaskMixin
from ._scores import ScoringMixin
from ._shares import frame_of_shares
from ._survival import SurvivalMixin
from ._task_predictors import PredictorAnswer
from ._task_view import require_main
from ._uncertainty import UncertaintyMixin


def _has_probabilities(estimator: FittedMixin) -> bool:
    tasks = getattr(estimator, "tasks_", None)
    if tasks is None:
        return estimator._may_have_probabilities
    return any(task.has_probabilities for task in tasks.values())


def _has_gates(estimator: FittedMixin) -> bool:
    return resolve_architecture(estimator.architecture).has_gates


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


class FittedMixin(
    ScoringMixin,
    SurvivalMixin,
    UncertaintyMixin,
    OneTaskMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
):
    """The methods of a fitted estimator.

    Each reads one twin of it, so another thread may fit the estimator again at the same time.
    """

    architecture: Any
    tasks_: dict[str, Task]
    task_names_: list[str]
    _may_have_probabilities: ClassVar[bool]
    _one_column_is_plain: ClassVar[bool]
    _model: Model

    def predict(self, X: RowsLike, tasks: Sequence[str] | None = None, *, given: TargetsLike = None) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; only what they need is run. None predicts all.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, missing where they are not; requires ``label_inputs=True``. A task does not read
            its own label. None is as if all were missing.

        Returns
        -------
        array, frame, structured array or Targets
            The kind of y in ``fit``: a frame has X's index.
        """
        answers, view = self._answers(X, tasks, given, only_best=True)
        return view._model.container.wrap({name: a.predictions for name, a in answers.items()}, X)

    @available_if(_has_probabilities)
    def predict_proba(self, X: RowsLike, tasks: Sequence[str] | None = None, *, given: TargetsLike = None) -> Any:
        """Predict the probabilities of classes or labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all that have probabilities.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, missing where they are not; requires ``label_inputs=True``. A task does not read
            its own label. None is as if all were missing.

        Returns
        -------
        ndarray, list of ndarray or Targets
            For each task ``(n_samples, n_classes)``, columns in the order of ``classes_``: an array for 1-D y, a
            list for a 2-D array, otherwise `Targets`. Tasks without probabilities are left out. A
            `MultiTaskNetClassifier` returns an array for a frame or 2-D array of one column too.
        """
        answers, view = self._answers(X, tasks, given)
        known = view._probabilities(answers)
        if known is None:
            raise ValueError(f"tasks={tasks!r}: none of these tasks has probabilities.")
        return known

    def predict_all(
        self, X: RowsLike, tasks: Sequence[str] | None = None, *, given: TargetsLike = None
    ) -> AllPredictions:
        """Predict targets and probabilities with one pass through the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; only what they need is run. None predicts all.
        given : mapping or frame of labels by task with n_samples rows, or None, default=None
            Labels that are known, missing where they are not; requires ``label_inputs=True``. A task does not read
            its own label. None is as if all were missing.

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
        answers, view = self._answers(X, tasks, given)
        labels = view._model.container.wrap({name: a.predictions for name, a in answers.items()}, X)
        return AllPredictions(labels, view._probabilities(answers))

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
        refuse_stream(X, "transform")
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

    @property
    def net_(self) -> MultiTaskNet:
        """The skorch net; ``net_.module_`` is the network."""
        if not hasattr(self, "_model"):
            raise AttributeError(f"{type(self).__name__} has no net_: it is not fitted yet.")
        return self._model.net

    @property
    def task_shares_(self) -> Any:
        """DataFrame with a row for each task: how much of it comes from networks that share layers.

        The columns "shared", "grouped" and "separate" sum to 1. Of a `Portfolio` they are the weights of its
        recipes, which the errors on held-out rows determine; a linear recipe shares no layers. "grouped" are the
        networks with a trunk for some of the tasks, see `Grouped <sklearn_mtl.architectures.Grouped>`.
        """
        check_is_fitted(self)
        return frame_of_shares(self._model.shares)

    @property
    def history_(self) -> Any:
        """DataFrame of one row per epoch: losses and scores of each task, and their means."""
        check_is_fitted(self)
        pandas = import_optional("pandas", "frames", "history_")
        return pandas.DataFrame(self._model.history).set_index("epoch")

    def _answers(
        self, X: RowsLike, tasks: Sequence[str] | None, given: TargetsLike = None, only_best: bool = False
    ) -> tuple[dict[str, Answer], Any]:
        """Return the predictions of some tasks, and the twin that computed them.

        With ``only_best``, tasks of very many classes have no probabilities of the others.
        """
        view = self._fitted_view()
        if not isinstance(X, np.ndarray):  # the check would be noticeable for a single row
            refuse_stream(X, "predict")
        names, predictors = view._chosen(tasks), view.task_predictors_
        own = [name for name in names if name not in predictors] if predictors else names
        compute = view._model.best_outputs if only_best else view._model.outputs
        outputs = compute(X, own, view, given) if own else {}
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
        names = [name_of(name, self._model.blueprint.tasks) for name in given]
        require_main(self, names)
        if not names or not all(isinstance(name, str) and name in self.tasks_ for name in names):
            raise ValueError(f"tasks={tasks!r} should name some of the tasks {self.task_names_}.")
        return [name for name in self.task_names_ if name in names]

    def _fitted_view(self) -> Any:
        if not hasattr(self, "_model"):
            check_is_fitted(self)  # raises; called only here, because it takes longer than predicting a row
        return self._twin()
