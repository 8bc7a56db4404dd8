"""Probabilities of classes that agree with frequencies, task by task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import KFold
from sklearn.utils.validation import _num_samples

from ..columns._missing import is_missing
from ..estimator import MultiTaskNetEstimator
from ..estimator._learning import indexed_by_rows
from ..trunks import rows_of
from ..utils._params import ArrayLike, HasMethods, StrOptions
from ..utils._types import RowsLike, TargetsLike
from ..utils._warn import each_once, warn
from ._delegation import CalibratedNetMixin, require_fitted, with_inner
from ._dirichlet import DirichletCalibrated
from ._methods import chosen_tasks, labels_of
from ._said import inner_net, inner_rows


class CalibratedMultiTask(CalibratedNetMixin, BaseEstimator):
    """A fitted network whose probabilities of classes are calibrated by rows that it did not learn.

    Each task of classes is calibrated by scikit-learn's `CalibratedClassifierCV` around its ``task_view``, or by a
    logistic regression of all its classes, and the result takes the place of the task (``with_task``). Tasks of
    numbers, of sets of labels, and of tokens or pixels are predicted as before.

    Parameters
    ----------
    net : MultiTaskNetEstimator, FrozenEstimator or Pipeline
        Fitted, maybe frozen or at the end of a pipeline.
    method : {"temperature", "sigmoid", "isotonic", "dirichlet"}, default="temperature"
        "temperature" divides the logits by one number [1]_, which keeps the predicted classes and needs few rows;
        "sigmoid" fits a logistic curve to each class [2]_, and "isotonic" a step function, which needs some 1000
        rows. "dirichlet" fits softmax(W log p + b) to the probabilities p of all classes [3]_, so that one class
        may be predicted too often at the cost of another one. W is drawn to a multiple of the identity, which is a
        temperature, and b to 0, with the strength of the least log loss in five folds of the rows.
    tasks : sequence of str or None, default=None
        Tasks to calibrate; None is for all with one class for each row.

    Attributes
    ----------
    net_ : object
        The network with calibrated probabilities.
    calibrated_tasks_ : list of str
        The tasks that were calibrated.
    classes_, tasks_, task_names_, n_features_in_, feature_names_in_ : object
        Those of the network.

    See Also
    --------
    ConformalMultiTask : Sets of classes that hold the true one with a probability.
    sklearn_mtl.inspection.ReliabilityDisplay : How far probabilities are from frequencies.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
    .. [2] Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large Margin Classifiers, 1999.
    .. [3] Kull et al., "Beyond Temperature Scaling: Obtaining Well-Calibrated Multi-Class Probabilities with
       Dirichlet Calibration", NeurIPS 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.uncertainty import CalibratedMultiTask
    >>> X, species = load_iris(return_X_y=True)
    >>> y = Targets(species=species, petal_width=X[:, 3])
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=30, random_state=0).fit(X[::2, :3], y[::2])
    >>> calibrated = CalibratedMultiTask(net).calibrate(X[1::2, :3], y[1::2])
    >>> calibrated.calibrated_tasks_
    ['species']
    >>> calibrated.predict_proba(X[:2, :3])["species"].shape
    (2, 3)
    """

    _how = "call calibrate"
    _parameter_constraints: ClassVar[dict] = {
        "net": [HasMethods("predict")],
        "method": [StrOptions({"temperature", "sigmoid", "isotonic", "dirichlet"})],
        "tasks": [ArrayLike(), None],
    }

    def __init__(self, net: Any, method: str = "temperature", *, tasks: Sequence[str] | None = None) -> None:
        self.net = net
        self.method = method
        self.tasks = tasks

    @each_once()
    def calibrate(self, X: RowsLike, y: TargetsLike) -> CalibratedMultiTask:
        """Calibrate the probabilities by rows that the network did not learn.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets; a missing label is NaN, None or pandas' NA.

        Returns
        -------
        self

        Raises
        ------
        NotFittedError
            If the network is not fitted.
        ValueError, TypeError
            If a parameter is invalid, a task that is named has no single class for each row, or no task has.

        Warns
        -----
        UserWarning
            If the rows lack a class of a task, or hold one that the network does not know: the task is left as it
            is.
        """
        self._validate_params()
        require_fitted(self.net, "calibrate")
        net, rows = inner_net(self.net), indexed_by_rows(inner_rows(self.net, X))
        if not isinstance(net, MultiTaskNetEstimator):
            raise TypeError(f"net={self.net!r} should be a MultiTaskNetEstimator, also frozen or in a pipeline.")
        chosen = self._chosen(net)
        truth = labels_of(y, chosen, net.task_names_)
        if len(truth) != _num_samples(rows):
            raise ValueError(f"X has {_num_samples(rows)} rows, and y has {len(truth)}.")
        calibrated = []
        for name in chosen:
            predictor = _calibrated(net, name, rows, truth[name], self.method)
            if predictor is not None:
                net = net.with_task(name, predictor)
                calibrated.append(name)
        self._net = with_inner(self.net, net)
        self.calibrated_tasks_ = calibrated
        return self

    def _chosen(self, net: Any) -> list[str]:
        names = chosen_tasks(net.task_names_, self.tasks)
        suited = [name for name in names if net.tasks_[name].has_probabilities and net.tasks_[name].has_one_label]
        if not suited or (self.tasks is not None and len(suited) < len(names)):
            raise ValueError(
                f"The tasks {[name for name in names if name not in suited]} do not have one class for each row, "
                "so their probabilities cannot be calibrated."
            )
        return suited

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "calibrated_tasks_")


def _calibrated(net: Any, name: str, X: Any, labels: np.ndarray, method: str) -> Any:
    """Return a calibrated predictor of a task; None, with a warning, if the rows do not suffice."""
    task, view = net.tasks_[name], net.task_view(name)
    true, labelled = task.true_labels(labels)
    labelled = labelled & ~is_missing(true)
    own = task.predicted_labels(true[labelled])
    found, known = set(own.tolist()), set(view.classes_.tolist())
    if found != known or labelled.sum() < 2:
        lacking = ", ".join(str(label) for label in sorted(known ^ found, key=str)[:5])
        warn(
            f"The task {name!r} is not calibrated: the rows lack the classes, or have classes that the net does "
            f"not know: {lacking}. Pass rows of all classes of the net."
        )
        return None
    own_rows = rows_of(X, np.flatnonzero(labelled))
    if method == "dirichlet":
        return DirichletCalibrated(view).fit(own_rows, own)
    # a frozen view is not fitted by folds, so that any two show all rows to the calibrator
    calibrator = CalibratedClassifierCV(FrozenEstimator(view), method=method, cv=KFold(2), ensemble=False)
    return calibrator.fit(own_rows, own)
