"""Ordinal classification: one of several ordered classes for each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.special import log_expit
from sklearn.metrics import cohen_kappa_score, mean_absolute_error
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..columns._missing import is_missing
from ..utils._params import ArrayLike, StrOptions
from ._base import Encoded, Task, labelled_weight, of_weight, require_dimensions
from ._classification import Classification
from ._members import log_mean_of_members, mean_of_members

_METRICS = ("accuracy", "neg_mean_absolute_error", "quadratic_kappa")


class Ordinal(Task):
    r"""One of several ordered classes for each row, such as grades or stages.

    The head has one output for each class but the last: the logit of the probability that the label is above
    class k, given that it is at least k. The loss is the negative log-likelihood, a sum of binary cross-entropies
    over the classes up to the label. This is the conditional network of Shi et al. [1]_, the continuation ratio
    model [2]_ on a deep representation. The probability of being above a class never increases from class to
    class.

    The prediction is the median class: the lowest class that the label exceeds with a probability of at most 0.5.
    It minimises the expected distance in ranks, and need not be the most probable class.

    Parameters
    ----------
    classes : array-like of shape (n_classes,) or None, default=None
        All classes from the lowest to the highest. None sorts the numbers that occur; texts require ``classes``.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss, as in `Classification`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes from the lowest to the highest.

    References
    ----------
    .. [1] Shi, Cao and Raschka, "Deep Neural Networks for Rank-Consistent Ordinal Regression Based on Conditional
       Probabilities", Pattern Analysis and Applications, 2023.
    .. [2] Fienberg, "The Analysis of Cross-Classified Categorical Data", MIT Press, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import Ordinal
    >>> task = Ordinal(classes=["low", "middle", "high"]).fit(np.array(["high", "low", None], dtype=object))
    >>> task.encode(np.array(["low", "high"], dtype=object)).target.tolist()
    [0, 2]
    >>> task.decode_proba(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.25, 0.25]]
    """

    kind = "classification"
    metric = "accuracy"
    rates_probabilities = True

    _parameter_constraints: dict = {
        "classes": [ArrayLike(), None],
        "class_weight": [Mapping, StrOptions({"balanced"}), None],
    }

    def __init__(self, classes: Any = None, class_weight: Mapping[Any, float] | str | None = None) -> None:
        self.classes = classes
        self.class_weight = class_weight

    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> Ordinal:
        self._validate_params()
        _require_one_column(y)
        known = classes if self.classes is None else self.classes
        # labels are read, checked and weighted like those of a classification
        self.labels_ = Classification(self.class_weight, classes=known)
        self.labels_.fit(y, sample_weight, None if classes is None else known)
        self.classes_ = self._in_order(known, y.dtype)
        ranks = {label: rank for rank, label in enumerate(self.classes_.tolist())}
        self.ranks_ = np.array([ranks[label] for label in self.labels_.classes_.tolist()], dtype=np.int64)
        self.n_outputs_ = max(1, len(self.classes_) - 1)
        self.n_elements_ = 1
        return self

    def _in_order(self, known: Any, dtype: np.dtype) -> np.ndarray:
        found = self.labels_.classes_
        if self.classes is None:
            if any(isinstance(label, str) for label in found.tolist()):
                raise ValueError(
                    f"texts have no natural order: list the classes {found.tolist()} "
                    "from the lowest to the highest in the parameter classes"
                )
            return found
        order = np.asarray(known)
        if len(order) != len(found):
            raise ValueError(f"classes={order.tolist()} should have each class once")
        # texts in an object array are predicted as objects
        return order.astype(object if found.dtype.kind == "U" and dtype.kind == "O" else found.dtype)

    def encode(self, y: np.ndarray) -> Encoded:
        _require_one_column(y)
        codes, weight = self.labels_.encode(y)
        return Encoded(self.ranks_[codes.reshape(len(y)).astype(np.int64)], weight)

    @property
    def label_width(self) -> int:
        return len(self.classes_)

    def label_input(self, target: np.ndarray) -> np.ndarray:
        return np.eye(len(self.classes_))[target]

    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        steps = torch.arange(len(self.classes_) - 1, device=output.device)
        on, stop = logsigmoid(output), logsigmoid(-output)
        rank = target.unsqueeze(-1)
        taken = torch.where(steps < rank, on[..., : len(steps)], 0.0)
        last = torch.where(steps == rank, stop[..., : len(steps)], 0.0)
        return -(taken + last).sum(dim=-1, keepdim=True)

    def decode(self, output: np.ndarray) -> np.ndarray:
        above = self._log_above(output)[:, 1:-1]
        return self.classes_[(above > np.log(0.5)).sum(axis=1)]

    def decode_proba(self, output: np.ndarray) -> np.ndarray:
        return np.exp(self._log_proba(output.astype(np.float64)))

    def average(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the outputs of the mean of the members' probabilities of being above each class."""
        if len(self.classes_) == 1:
            return mean_of_members(outputs, weights)
        exact = outputs.astype(np.float64)
        above = log_mean_of_members(self._log_above(exact), weights)
        at = log_mean_of_members(self._log_proba(exact), weights)
        return (above[..., 1:-1] - at[..., :-1]).astype(outputs.dtype)

    def _log_above(self, output: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probabilities (..., n_classes + 1) of class k or above."""
        steps = log_expit(output[..., : len(self.classes_) - 1]).cumsum(axis=-1)
        first = np.zeros((*output.shape[:-1], 1), dtype=output.dtype)
        return np.concatenate([first, steps, np.full_like(first, -np.inf)], axis=-1)

    def _log_proba(self, output: np.ndarray) -> np.ndarray:
        stop = log_expit(-output[..., : len(self.classes_) - 1])
        stop = np.concatenate([stop, np.zeros((*stop.shape[:-1], 1), dtype=stop.dtype)], axis=-1)
        return self._log_above(output)[..., :-1] + stop

    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Compute the accuracy."""
        return self.labels_.score(y_true, y_pred, sample_weight)

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        """Compute the accuracy, the negated mean distance in ranks, and the quadratically weighted kappa.

        A true label that ``fit`` did not see has no rank: no prediction is right, and the other metrics ignore it.
        """
        y_true, y_pred, sample_weight = of_weight(y_true, y_pred, sample_weight)
        scores = {
            "accuracy": self.score(y_true, y_pred, sample_weight),
            "neg_mean_absolute_error": float("nan"),
            "quadratic_kappa": float("nan"),
        }
        true, pred = self._ranks_of(y_true), self._ranks_of(y_pred)
        known = true >= 0
        weight = labelled_weight(sample_weight, known)
        if known.any():
            distance = mean_absolute_error(true[known], pred[known], sample_weight=weight)
            scores["neg_mean_absolute_error"] = -float(distance)
            scores["quadratic_kappa"] = self._kappa(true[known], pred[known], weight)
        return scores

    @property
    def metric_names(self) -> tuple[str, ...]:
        return _METRICS

    def true_labels(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.labels_.true_labels(y)

    def predicted_labels(self, y_pred: np.ndarray) -> np.ndarray:
        return self.labels_.predicted_labels(y_pred)

    def _ranks_of(self, labels: np.ndarray) -> np.ndarray:
        """Return the rank of each label, -1 if it is missing or unknown."""
        ranks = {label: rank for rank, label in enumerate(self.classes_.tolist())}
        given = zip(labels.tolist(), is_missing(labels), strict=True)
        return np.array([-1 if gone else ranks.get(label, -1) for label, gone in given], dtype=np.int64)

    def _kappa(self, true: np.ndarray, pred: np.ndarray, weight: np.ndarray | None) -> float:
        if true.min() == true.max() and (pred == true).all():
            return float("nan")  # kappa is not defined: all agreement is by chance
        ranks = np.arange(len(self.classes_))
        return float(cohen_kappa_score(true, pred, labels=ranks, weights="quadratic", sample_weight=weight))


def _require_one_column(y: np.ndarray) -> None:
    require_dimensions(y, "ordinal classification")
    if y.ndim == 2:
        raise ValueError(f"the target of an ordinal classification should be 1-D, got shape {y.shape}")
