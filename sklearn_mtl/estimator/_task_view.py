"""Views of one task: a classifier or regressor of scikit-learn that shows one task of a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from ..config import resolve_auxiliary
from ..data import check_sample_weight
from ..targets import Targets, align_targets, name_of, read_targets
from ..tasks import Task, resolve_task
from ..tasks._answers import Answer, NetworkAnswer
from ..tasks._rating import Reference
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ..utils._warn import warn


def _has_logits(view: TaskView) -> bool:
    """Return whether the network has one output per class, or one for two classes."""
    if not hasattr(view, "net_"):
        return True
    return view.task not in view.net_.task_predictors_ and view._task.n_outputs_ in (1, len(view.classes_))


class TaskView(BaseEstimator):
    """Base class of views of one task.

    Parameters
    ----------
    net : MultiTaskNetEstimator
    task : str
    """

    #: the kind of the task
    _kind: str
    net_: Any

    def __init__(self, net: Any, task: str) -> None:
        self.net = net
        self.task = task

    def fit(
        self,
        X: RowsLike,
        y: TargetsLike,
        sample_weight: WeightsLike = None,
        targets: TargetsLike = None,
        *,
        groups: Any = None,
        **fit_params: Any,
    ) -> Any:
        """Fit a copy of the network to all tasks.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like of shape (n_samples,)
            Target of the task of the view; labels may be missing.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.
        targets : frame, mapping, structured array or Targets with n_samples rows, default=None
            Targets of the other tasks, by name. The tools of scikit-learn pass rows of them with
            ``params={"targets": ...}``. A column of the task of the view is replaced by y.
        groups : array-like of shape (n_samples,), default=None
            Group of each row; early stopping then holds out whole groups.
        **fit_params : dict
            Further arguments of the ``fit`` of the network.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            As for ``fit`` of the network; also if the network learns the task as another kind.

        Warns
        -----
        UserWarning
            If there are no targets of other tasks, so that the network learns one task only.
        """
        learner = self._learner()
        all_targets = self._with_targets(self._one_column(y), targets)
        learner.fit(X, all_targets, sample_weight=sample_weight, groups=groups, **fit_params)
        self._show(learner)
        return self

    def predict(self, X: RowsLike) -> np.ndarray:
        """Predict the target of the task; only what it needs is run.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.

        Returns
        -------
        ndarray of shape (n_samples,)
            Classes, or numbers in the units of the target.
        """
        check_is_fitted(self)
        return self._answer(X).predictions

    def _answer(self, X: RowsLike) -> Answer:
        answer: Answer = self.net_._answers(X, [self.task])[0][self.task]
        return answer

    def score(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None) -> float:
        """Compute the score of the task, as ``score_tasks`` of the network does.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like of shape (n_samples,)
            True target; rows without a label are left out.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        float
            The first metric of the task in ``metrics`` of the network, or accuracy or R2, or the score of a task
            of another type; NaN without any label.
        """
        answer = self._answer(X)
        true, _ = align_targets({self.task: y}, [self.task])
        check_consistent_length(answer.predictions, true)
        weight = check_sample_weight(sample_weight, [self.task], len(true), may_be_zero=True)
        of_rows = None if weight is None else weight[self.task]
        first = self.net_._chosen_metrics()[self.task][:1]
        return Reference(self.task, self._task, true[self.task], of_rows).rate(first, answer)[first[0].name]

    @classmethod
    def _of_fitted(cls, net: Any, task: str) -> Any:
        """Return a view of a fitted network, whose tensors it shares."""
        view = cls(clone(net._without_predictors()), task)
        view._show(net._twin())
        return view

    def _learner(self) -> Any:
        """Return the network to fit, which knows the kind of the task."""
        if not hasattr(self.net, "score_tasks"):
            raise TypeError(f"net={self.net!r} should be a MultiTaskNetEstimator; put a pipeline around the view.")
        learner = clone(self.net)
        refuse_auxiliary(learner, self.task)
        declared = kind_before_fit(learner, self.task)
        if declared is None:
            learner.tasks = {**(learner.tasks or {}), self.task: self._kind}
        elif declared != self._kind:
            raise ValueError(
                f"the net learns the task {self.task!r} as a {declared}, but {type(self).__name__} shows a "
                f"{self._kind}; create the view with net.task_view({self.task!r})."
            )
        if learner.warm_start and hasattr(self, "net_"):
            learner._publish(self.net_._model)
        return learner

    def _one_column(self, y: TargetsLike) -> Any:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        shape = getattr(y, "shape", None)
        if shape is not None and len(shape) == 2 and shape[1] == 1:
            return column_or_1d(y, warn=True)
        if shape is not None and len(shape) != 1:
            raise ValueError(
                f"y should be a 1d array, the target of {self.task!r}, got an array of shape {tuple(shape)} "
                "instead; the targets of the other tasks go to the parameter targets."
            )
        return y

    def _with_targets(self, y: Any, targets: TargetsLike) -> Targets:
        """Return the targets of all tasks, with y for the task of the view."""
        own = read_targets({self.task: y})[0]
        if targets is None:
            warn(
                f"{type(self).__name__} got no targets, so the net learns {self.task!r} alone; pass those of the "
                "other tasks, fit(X, y, targets=...), or params={'targets': ...} to a tool of scikit-learn."
            )
            return own
        others, container = read_targets(targets)
        if not container.names_tasks and self.task not in others:
            raise ValueError(
                f"targets should name its tasks, as a frame or a mapping does, to stand beside {self.task!r}; got "
                f"a {type(targets).__name__}."
            )
        check_consistent_length(own, others)
        return others._with(self.task, y)

    def _show(self, net: Any) -> None:
        """Show a fitted network."""
        require_one_label(net.tasks_[self.task], self.task)
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(net, name):
                setattr(self, name, getattr(net, name))
        self.net_ = net

    @property
    def _task(self) -> Task:
        task: Task = self.net_.tasks_[self.task]
        return task

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.net).input_tags
        return tags


class TaskViewClassifier(ClassifierMixin, TaskView):
    """One classification task of a network, as a classifier of scikit-learn.

    Create it with ``net.task_view(task)``. The view of a fitted network is fitted, shares the network's tensors,
    and runs only what the task needs. It does not change when the network is fitted again. Otherwise ``fit`` fits
    a copy of the network to all tasks: y is the target of this task, and ``targets`` has those of the others.

    Parameters
    ----------
    net : MultiTaskNetEstimator
        The network, whose parameters are parameters of the view, ``net__<parameter>``.
    task : str
        The task that is shown.

    Attributes
    ----------
    net_ : MultiTaskNetEstimator
        The fitted network.
    classes_ : ndarray of shape (n_classes,)
        The classes in sorted order, which may differ from that of the network.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the columns of X, if it was a frame with string names.

    See Also
    --------
    TaskViewRegressor : The same for a regression.
    MultiTaskNetEstimator.with_task : Put a calibrated or thresholded view in the place of the task.

    Examples
    --------
    >>> from sklearn.calibration import CalibratedClassifierCV
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> X, species = load_iris(return_X_y=True)
    >>> y = Targets(species=species, petal_width=X[:, 3])
    >>> net = MultiTaskNetEstimator(max_epochs=30, random_state=0).fit(X[::2, :3], y[::2])
    >>> view = net.task_view("species")
    >>> view.predict_proba(X[:2, :3]).shape
    (2, 3)
    >>> calibrated = CalibratedClassifierCV(FrozenEstimator(view)).fit(X[1::2, :3], species[1::2])
    >>> calibrated.score(X[:, :3], species) > 0.9
    True
    """

    _kind = "classification"
    # the accuracy of scikit-learn's mixin does not support missing labels
    score = TaskView.score

    @property
    def classes_(self) -> np.ndarray:
        """The classes, sorted."""
        check_is_fitted(self)
        classes: np.ndarray = self._task.classes_
        return classes[self._order]

    @property
    def _order(self) -> np.ndarray:
        """The positions of the sorted classes among those of the task."""
        return np.argsort(self._task.classes_)

    def predict_proba(self, X: RowsLike) -> np.ndarray:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        proba = self._answer(X).probabilities
        if proba is None:
            raise AttributeError(f"the predictor of {self.task!r} has no probabilities.")
        return proba[:, self._order]

    @available_if(_has_logits)
    def decision_function(self, X: RowsLike) -> np.ndarray:
        """Compute the logits of the classes.

        Not available if the network does not have one output per class, as for an ordinal task of several classes.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            The logit of ``classes_[1]`` for two classes, otherwise one logit for each class.
        """
        check_is_fitted(self)
        answer = self._answer(X)
        assert isinstance(answer, NetworkAnswer)
        logits = answer.output.astype(np.float64)
        if logits.shape[1] > 1:
            return logits[:, self._order]
        return logits[:, 0] if self._order[0] == 0 else -logits[:, 0]


class TaskViewRegressor(RegressorMixin, TaskView):
    """One regression task of a network, as a regressor of scikit-learn.

    Create it with ``net.task_view(task)``. The view of a fitted network is fitted, shares the network's tensors,
    and runs only what the task needs. It does not change when the network is fitted again. Otherwise ``fit`` fits
    a copy of the network to all tasks: y is the target of this task, and ``targets`` has those of the others.

    Parameters
    ----------
    net : MultiTaskNetEstimator
        The network, whose parameters are parameters of the view, ``net__<parameter>``.
    task : str
        The task that is shown.

    Attributes
    ----------
    net_ : MultiTaskNetEstimator
        The fitted network.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the columns of X, if it was a frame with string names.

    See Also
    --------
    TaskViewClassifier : The same for a classification.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import KFold, cross_val_score
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> X, species = load_iris(return_X_y=True)
    >>> net = MultiTaskNetEstimator(tasks={"petal_width": "regression"}, max_epochs=30, random_state=0)
    >>> view = net.task_view("petal_width")
    >>> params = {"targets": {"species": species}}
    >>> view.fit(X[:, :3], X[:, 3], **params).net_.task_names_
    ['species', 'petal_width']
    >>> view.predict(X[:2, :3]).shape
    (2,)
    """

    _kind = "regression"
    # the R2 of scikit-learn's mixin does not support missing labels
    score = TaskView.score


VIEWS: dict[str, type[TaskView]] = {cls._kind: cls for cls in (TaskViewClassifier, TaskViewRegressor)}


def view_of(net: Any, name: Any) -> Any:
    """Build the view of a task of a network, fitted or not; see ``MultiTaskNetEstimator.task_view``."""
    if not hasattr(net, "_model"):
        name = str(name)
        refuse_auxiliary(net, name)
        kind = kind_before_fit(net, name)
        if kind is None:
            raise ValueError(
                f"The kind of the task {name!r} is known only after fit; to view the task before, pass "
                f"tasks={{{name!r}: 'classification'}} or 'regression'."
            )
        return VIEWS[kind](clone(net), name)
    task = require_known(net, name)
    require_one_label(net.tasks_[task], task)
    return VIEWS["classification" if net.tasks_[task].has_probabilities else "regression"]._of_fitted(net, task)


def kind_before_fit(net: Any, name: str) -> str | None:
    """Return the kind of a task of a network that is not fitted; None if only ``fit`` can infer it."""
    declared = {str(key): spec for key, spec in (net.tasks or {}).items()}
    if name not in declared:
        kind: str | None = net._kind
        return kind
    task = resolve_task(declared[name])
    require_one_label(task, name)
    return task.kind


def require_known(net: Any, name: Any) -> str:
    """Return the name of a task that a fitted network answers for; raise ValueError if there is none."""
    known = name_of(name, net._model.blueprint.tasks)
    require_main(net, [known])
    if not isinstance(known, str) or known not in net.tasks_:
        raise ValueError(f"There is no task {name!r}; the tasks are {net.task_names_}.")
    return known


def require_main(net: Any, names: Iterable[Any]) -> None:
    """Raise ValueError if a fitted network has an auxiliary task of one of the names."""
    for name in names:
        if name in net._model.blueprint.auxiliary:
            raise ValueError(f"{_is_auxiliary(name)}. The tasks are {net.task_names_}.")


def refuse_auxiliary(net: Any, name: str) -> None:
    """Raise ValueError if a parameter of a network makes a task auxiliary, which ``fit`` has not read yet."""
    if name in map(str, resolve_auxiliary(net.auxiliary).tasks):
        raise ValueError(f"{_is_auxiliary(name)}. To view it, leave it out of auxiliary.")


def _is_auxiliary(name: Any) -> str:
    return f"The task {name!r} is auxiliary: it is trained to help the others, and not predicted or scored"


def require_one_label(task: Task, name: str) -> None:
    """Raise ValueError if the labels of a task are not a 1-D array."""
    if not task.has_one_label:
        raise ValueError(
            f"{name!r} is a {type(task).__name__} of several labels a row, but a view shows a task with one class "
            f"or number per row; predict(X, tasks=[{name!r}]) predicts it alone."
        )
