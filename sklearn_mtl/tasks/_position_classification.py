"""Base class of tasks with a class for each token or pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from ..utils._params import StrOptions
from ._base import Encoded, Task, require_labels
from ._classification import Classification


class PositionClassification(Task):
    """One class for each position of a row, learned as `Classification` does for rows.

    A subclass reads the labels of the rows, sets ``level``, and converts predictions to the form of the labels.

    Parameters
    ----------
    class_weight, label_smoothing, classes, loss, gamma : object
        As for `Classification`.

    Attributes
    ----------
    label_ : Classification
        Fitted on the labels of all positions of all rows.
    classes_ : ndarray of shape (n_classes,)
        The classes in sorted order.
    """

    kind = "classification"

    _parameter_constraints: dict = {
        **Classification._parameter_constraints,
        "loss": [StrOptions({"cross_entropy", "focal"})],
    }

    label_: Classification
    classes_: np.ndarray

    def __init__(
        self,
        class_weight: Mapping[Any, float] | str | None = None,
        label_smoothing: float = 0.0,
        classes: Any = None,
        loss: str = "cross_entropy",
        gamma: float = 2.0,
    ) -> None:
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.classes = classes
        self.loss = loss
        self.gamma = gamma

    def _label_task(self) -> Classification:
        return Classification(self.class_weight, self.label_smoothing, self.classes, self.loss, self.gamma)

    def _fit_labels(
        self, labels: np.ndarray, labelled: np.ndarray, weight: np.ndarray | None, classes: np.ndarray | None
    ) -> None:
        """Learn the classes.

        Parameters
        ----------
        labels : ndarray of any shape
        labelled : ndarray of bool of the same shape
            Which labels are not missing.
        weight : ndarray of shape (n_labelled,) or None
            Weights of the labels that are not missing.
        classes : ndarray or None
            All classes, if known beforehand.
        """
        require_labels(labelled)
        self.label_ = self._label_task().fit(labels[labelled], weight, classes)
        self.classes_ = self.label_.classes_
        self.n_outputs_, self.n_elements_ = self.label_.n_outputs_, 1

    def _encode_labels(self, labels: np.ndarray, labelled: np.ndarray) -> Encoded:
        """Encode labels of any shape, some of them missing, as a target of this shape."""
        known = self.label_.encode(labels[labelled])
        target = np.zeros(labels.shape, dtype=known.target.dtype)
        target[labelled] = known.target.reshape(len(known.target))
        weight = np.zeros((*labels.shape, 1))
        weight[labelled] = known.weight
        return Encoded(target, weight)

    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        label = self._label_task()  # with the hyperparameters of stacked members
        label.classes_ = self.classes_
        first = -2 - self.position_axes
        flat = target.flatten(first + 1, -1)
        if target.is_floating_point():  # two classes have one logit
            flat = flat.unsqueeze(-1)
        return label.elementwise_loss(output.flatten(first, -2), flat).unflatten(-2, output.shape[first:-1])

    def average(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the outputs of the mean of the members' probabilities."""
        return self.label_.average(outputs, weights)

    def decode(self, output: np.ndarray) -> np.ndarray:
        return self.label_.decode(output.reshape(-1, output.shape[-1])).reshape(output.shape[:-1])

    def decode_proba(self, output: np.ndarray) -> np.ndarray:
        proba = self.label_.decode_proba(output.reshape(-1, output.shape[-1]))
        return proba.reshape(*output.shape[:-1], len(self.classes_))

    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Compute the metric that `metric` names, see `metrics`."""
        return self.metrics(y_true, y_pred, sample_weight)[self.metric]
