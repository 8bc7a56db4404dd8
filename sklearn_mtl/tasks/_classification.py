"""Classification: one of two or more classes for each row."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import torch
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import accuracy_score, f1_score, recall_score
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from torch import Tensor, nn
from torch.nn import functional

from ..columns._columns import read_column
from ..columns._missing import is_missing
from ..nn._adaptive import AdaptiveOutputs, AdaptiveSoftmax, KnownLosses
from ..utils._params import ArrayLike, Interval, StrOptions
from ._adaptive import order_of, refuse_adaptive
from ._base import Encoded, Task, labelled_weight, of_weight, require_dimensions, require_labels, smooth
from ._focal import binary_focal_loss, focal_loss
from ._members import log_mean_of_members, logit_of_mean
from ._own_loss import Loss, apply_loss, check_loss, spread
from ._statistics import LabelStatistics

_METRICS = ("accuracy", "balanced_accuracy", "f1_macro")


class Classification(Task):
    """One of two or more classes for each row, learned with cross-entropy or the focal loss.

    Two classes have a single logit; more classes have one logit each. Labels may be of any type that can be
    sorted. The target may also hold probabilities of the classes, with shape (n_samples, n_classes), for instance
    from weak supervision or distillation. The loss is then the cross-entropy to this distribution, or the mean
    focal loss under it.

    Parameters
    ----------
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss, as in scikit-learn: "balanced" is n_samples / (n_classes * count). With
        probabilities as target, a row has the mean weight of its classes.
    label_smoothing : float in [0, 1), default=0.0
        Share of the target that is spread evenly over all classes [1]_.
    classes : array-like of shape (n_classes,) or None, default=None
        All classes; None takes those that occur. With probabilities as target, the names of its columns
        (None: 0, 1, ...).
    loss : {"cross_entropy", "focal"} or callable, default="cross_entropy"
        "focal" multiplies the cross-entropy by (1 - p) ** gamma, with p the probability of the true class, so that
        many easy rows do not dominate a few hard ones [2]_. A function ``loss(output, target)`` gets tensors and
        returns the loss of each row, (..., n_rows, 1). Outputs are logits: for two classes one of the second
        class, (..., n_rows, 1), with targets 0.0 and 1.0 of the same shape; for more classes one each, (...,
        n_rows, n_classes), with the positions of the classes in ``classes_``, (..., n_rows, 1), as integers.
        If the target holds probabilities, it gets those of the classes that have a logit, as floats.
    gamma : float >= 0, default=2.0
        Exponent of ``loss="focal"``: the larger, the less easy rows count; 0 is the cross-entropy.
    softmax : {"full", "adaptive"}, default="full"
        "adaptive" is for thousands of classes of which few are frequent [3]_. Classes are grouped by frequency: a
        step computes the frequent ones, and groups of rare ones only for the rows that have a label in them, from
        fewer dimensions. ``predict`` computes a group only where it may have the most probable class;
        ``predict_proba`` computes all classes. It takes ``loss="cross_entropy"`` with labels, and one network.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes; with labels as target, in sorted order.

    References
    ----------
    .. [1] Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016.
    .. [2] Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
    .. [3] Grave et al., "Efficient softmax approximation for GPUs", ICML 2017.

    Raises
    ------
    ValueError, TypeError
        In ``fit``, if a function as ``loss`` fails for some rows, or returns another shape, no tensor, or losses
        or gradients that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import Classification
    >>> task = Classification(class_weight="balanced").fit(np.array(["no", "yes", None, "no"], dtype=object))
    >>> task.classes_
    array(['no', 'yes'], dtype=object)
    >>> task.encode(np.array(["yes", None], dtype=object)).weight.tolist()
    [[1.5], [0.0]]
    """

    kind = "classification"
    stackable_params = ("label_smoothing", "gamma")
    metric = "accuracy"

    _parameter_constraints: dict = {
        "class_weight": [Mapping, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "classes": [ArrayLike(), None],
        "loss": [StrOptions({"cross_entropy", "focal"}), callable],
        "gamma": [Interval(Real, 0, None, closed="left")],
        "softmax": [StrOptions({"full", "adaptive"})],
    }

    def __init__(
        self,
        class_weight: Mapping[Any, float] | str | None = None,
        label_smoothing: float = 0.0,
        classes: Any = None,
        loss: str | Loss = "cross_entropy",
        gamma: float = 2.0,
        softmax: str = "full",
    ) -> None:
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.classes = classes
        self.loss = loss
        self.gamma = gamma
        self.softmax = softmax

    @property
    def has_many_classes(self) -> bool:
        return self.softmax == "adaptive"

    @property
    def rates_probabilities(self) -> bool:  # type: ignore[override]
        return not self.has_many_classes

    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> Classification:
        self._validate_params()
        require_dimensions(y, "classification")
        known = classes if classes is not None else self.classes
        self.soft_ = y.ndim == 2
        if self.soft_:
            self._fit_probabilities(y, known)
        else:
            self._fit_labels(y, known, sample_weight, may_lack_labels=classes is not None)
        n_classes = len(self.classes_)
        self.n_outputs_ = 1 if n_classes == 2 else n_classes
        self.n_elements_ = 1
        if self.has_many_classes:
            refuse_adaptive(self)
            self.order_ = order_of(self._label_codes(y), sample_weight, n_classes)
        if callable(self.loss):
            self._check_loss(self.loss, y)
        return self

    def head(self, in_features: int, generator: torch.Generator, grid: tuple[int, int] | None = None) -> nn.Module:
        if self.has_many_classes:
            return AdaptiveSoftmax(in_features, self.order_, generator)
        return super().head(in_features, generator, grid)

    def _check_loss(self, loss: Loss, y: np.ndarray) -> None:
        if self.label_smoothing:
            raise ValueError(
                f"label_smoothing={self.label_smoothing!r} has no effect on loss={loss!r}; leave it at 0, or "
                "smooth the target in the function"
            )
        target, weight = self.encode(y)
        rows = np.flatnonzero(weight[:, 0])
        if not len(rows):  # the first batch of partial_fit may have only classes
            target, rows = self.encode(self.classes_).target, np.arange(len(self.classes_))
        target = target[spread(rows)]
        self.stacks_ = check_loss(loss, self.n_outputs_, 1, target if target.ndim == 2 else target[:, None])

    def _fit_labels(
        self, y: np.ndarray, known: Any, sample_weight: np.ndarray | None, may_lack_labels: bool
    ) -> None:
        labelled = ~is_missing(y)
        if sample_weight is not None:  # a row of weight 0 counts as absent
            labelled &= sample_weight > 0
        if not may_lack_labels:
            require_labels(labelled)
        labels = _plain(y[labelled])
        occurring = _sorted_classes(labels)
        if len(labels) and not _are_two_numbers(occurring):  # the check takes as long as the rest of fit
            check_classification_targets(labels)
        self.classes_ = occurring if known is None else _sorted_classes(_plain(np.asarray(known)))
        codes = self._codes(labels)
        self.class_weight_ = self._weigh_classes(codes, labelled_weight(sample_weight, labelled))

    def _fit_probabilities(self, y: np.ndarray, known: Any) -> None:
        require_labels(~is_missing(y).any(axis=1))
        self.classes_ = np.arange(y.shape[1]) if known is None else np.asarray(known)
        if len(self.classes_) != y.shape[1]:
            raise ValueError(
                f"the target has {y.shape[1]} columns of probabilities, but there are {len(self.classes_)} classes"
            )
        probabilities, labelled = self._probabilities(y)
        self.class_weight_ = self._weigh_classes(probabilities[labelled].argmax(axis=1), None)

    def _weigh_classes(self, codes: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
        if self.class_weight is None:
            return np.ones(len(self.classes_))
        if isinstance(self.class_weight, str):
            if len(codes) == 0:
                return np.ones(len(self.classes_))
            present = np.unique(codes)
            weights = np.ones(len(self.classes_))
            weights[present] = compute_class_weight(
                "balanced", classes=present, y=codes, sample_weight=sample_weight
            )
            return weights
        unknown = [label for label in self.class_weight if label not in self.classes_]
        if unknown:
            raise ValueError(f"class_weight has classes that do not occur: {unknown}")
        weights = np.array([float(self.class_weight.get(label, 1.0)) for label in self.classes_.tolist()])
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise ValueError(f"class_weight={self.class_weight!r} should have finite weights of at least 0")
        return weights

    def with_statistics(self, statistics: LabelStatistics) -> Classification:
        if not isinstance(self.class_weight, str) or not statistics.counts:
            return self
        counts = np.array([statistics.counts.get(label, 0) for label in self.classes_.tolist()])
        present = np.flatnonzero(counts)
        exact = copy.copy(self)
        exact.class_weight_ = self._weigh_classes(present, counts[present].astype(np.float64))
        return exact

    def encode(self, y: np.ndarray) -> Encoded:
        if y.ndim == 2:
            target, labelled = self._probabilities(y)
            weight = target @ self.class_weight_ * labelled
        else:
            target, labelled = self._label_codes(y)
            weight = self.class_weight_[target] * labelled
            if self.soft_:  # labels for a task that was fitted with probabilities
                target = np.eye(len(self.classes_))[target]
        if len(self.classes_) == 2:  # one logit: the probability of the second class
            target = target[:, 1:] if target.ndim == 2 else target[:, None].astype(np.float64)
        return Encoded(target, weight[:, None])

    @property
    def label_width(self) -> int:
        return 0 if self.has_many_classes else len(self.classes_)

    def label_input(self, target: np.ndarray) -> np.ndarray:
        if target.ndim == 1:
            return np.eye(len(self.classes_))[target]
        return np.hstack([1 - target, target]) if target.shape[1] < len(self.classes_) else target

    def _label_codes(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        labelled = ~is_missing(y)
        codes = np.zeros(len(y), dtype=np.int64)
        codes[labelled] = self._codes(_plain(y[labelled]))
        return codes, labelled

    def _codes(self, labels: np.ndarray) -> np.ndarray:
        if len(labels) == 0:
            return np.zeros(0, dtype=np.int64)
        try:
            known = np.isin(labels, self.classes_)
            order = np.argsort(self.classes_)  # the columns of probabilities may have any order
            places = np.searchsorted(self.classes_, labels, sorter=order)
        except TypeError as error:
            raise ValueError(
                f"labels such as {labels[0]!r} have another type than the classes {self.classes_.tolist()}"
            ) from error
        if not known.all():
            raise ValueError(
                f"labels {np.unique(labels[~known]).tolist()} are not among the classes {self.classes_.tolist()}"
            )
        return order[places]

    def _probabilities(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y = np.asarray(y, dtype=np.float64)
        labelled = ~np.isnan(y).any(axis=1)
        given = y[labelled]
        if (
            y.shape[1] != len(self.classes_)
            or (given < 0).any()
            or not np.allclose(given.sum(axis=1), 1, atol=1e-4)
        ):
            raise ValueError(
                f"a 2-D target of a classification should hold probabilities of its {len(self.classes_)} classes: "
                "at least 0, with a sum of 1 in each row"
            )
        return np.where(labelled[:, None], y, 1 / y.shape[1]), labelled

    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        if isinstance(output, AdaptiveOutputs | KnownLosses):
            return output.loss(target)
        if callable(self.loss):
            has_columns = len(self.classes_) == 2 or target.is_floating_point()
            return apply_loss(self.loss, output, target if has_columns else target.unsqueeze(-1), self.stacks_)
        if len(self.classes_) == 2:
            target = smooth(target, self.label_smoothing, 2)
            if self.loss == "focal":
                return binary_focal_loss(output, target, self.gamma)
            return functional.binary_cross_entropy_with_logits(output, target.expand_as(output), reduction="none")
        if self.loss == "focal":
            return self._focal_loss(output, target)
        members, soft = output.shape[:-2], target.is_floating_point()
        target = target.expand(*members, *target.shape[-1 - soft :]).flatten(0, len(members))
        loss = functional.cross_entropy(output.flatten(0, -2), target, reduction="none")
        loss = loss.view(*members, -1, 1)
        if not isinstance(self.label_smoothing, Tensor) and self.label_smoothing == 0:
            return loss
        # the cross-entropy to a mixture of the target and the uniform distribution
        uniform = -functional.log_softmax(output, dim=-1).mean(dim=-1, keepdim=True)
        return (1 - self.label_smoothing) * loss + self.label_smoothing * uniform

    def _focal_loss(self, output: Tensor, target: Tensor) -> Tensor:
        n_classes = len(self.classes_)
        if not target.is_floating_point() and (isinstance(self.label_smoothing, Tensor) or self.label_smoothing):
            target = functional.one_hot(target, n_classes).to(output.dtype)
        if target.is_floating_point():
            target = smooth(target, self.label_smoothing, n_classes)
        return focal_loss(output, target, self.gamma)

    def fusion_key(self) -> Hashable | None:
        if len(self.classes_) != 2 or callable(self.loss):
            return None
        focal = ("focal", self.gamma) if self.loss == "focal" else ()
        return ("binary", self.label_smoothing, *focal)

    def decode(self, output: np.ndarray) -> np.ndarray:
        if self.has_many_classes and output.shape[1] == 2:  # the most probable class, and its log probability
            return self.classes_[output[:, 0].astype(np.intp)]
        codes = (output[:, 0] > 0).astype(np.intp) if len(self.classes_) == 2 else output.argmax(axis=1)
        return self.classes_[codes]

    def average(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Average the probabilities, and return the outputs of the mean."""
        if self.n_outputs_ > 1:
            return log_mean_of_members(log_softmax(outputs, axis=-1), weights)
        return logit_of_mean(outputs, weights)

    def decode_proba(self, output: np.ndarray) -> np.ndarray:
        if self.has_many_classes and output.shape[1] == 2:
            raise TypeError("only the most probable class was computed; predict_proba computes all")
        output = output.astype(np.float64)  # 1 - p would lose digits
        if len(self.classes_) != 2:
            return softmax(output, axis=1)
        return expit(np.stack([-output[:, 0], output[:, 0]], axis=1))

    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Compute the accuracy."""
        true, pred, weight = self._labelled_codes(y_true, y_pred, sample_weight)
        return float(accuracy_score(true, pred, sample_weight=weight)) if len(true) else float("nan")

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        true, pred, weight = self._labelled_codes(y_true, y_pred, sample_weight)
        if len(true) == 0:
            return dict.fromkeys(_METRICS, float("nan"))
        # balanced accuracy; scikit-learn's function warns about predicted classes that are absent from the fold
        settings = {"average": "macro", "sample_weight": weight}
        recall = recall_score(true, pred, labels=np.unique(true), zero_division=np.nan, **settings)
        return {
            "accuracy": float(accuracy_score(true, pred, sample_weight=weight)),
            "balanced_accuracy": float(recall),
            "f1_macro": float(f1_score(true, pred, zero_division=0.0, **settings)),
        }

    @property
    def metric_names(self) -> tuple[str, ...]:
        return _METRICS

    def true_labels(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if y.ndim == 2:
            probabilities, labelled = self._probabilities(y)
            return self.classes_[probabilities.argmax(axis=1)], labelled
        labelled = ~is_missing(y)
        return _plain_where(y, labelled), labelled

    def predicted_labels(self, y_pred: np.ndarray) -> np.ndarray:
        return _plain(y_pred)

    def _labelled_codes(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return labels as integers, and an unknown true label as -1, for the labelled rows."""
        y_true, y_pred, sample_weight = of_weight(y_true, y_pred, sample_weight)
        if y_true.ndim == 2:
            true, labelled = self._probabilities(y_true)
            true = true.argmax(axis=1)[labelled]
        else:
            labelled = ~is_missing(y_true)
            true = class_numbers(_plain(y_true[labelled]), self.classes_)
        pred = class_numbers(_plain(y_pred[labelled]), self.classes_)
        return true, pred, labelled_weight(sample_weight, labelled)


def _sorted_classes(labels: np.ndarray) -> np.ndarray:
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError("the target contains infinity")
    try:
        return np.unique(labels)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise ValueError(f"labels of one task must have one type, got {kinds}") from error


def _are_two_numbers(classes: np.ndarray) -> bool:
    """Return whether classes are at most two bools or whole numbers, which nothing is wrong with."""
    numbers = classes.dtype.kind in "biu" or (classes.dtype.kind == "f" and bool((classes % 1 == 0).all()))
    return len(classes) <= 2 and numbers


def _plain(labels: np.ndarray) -> np.ndarray:
    """Convert an object array of numbers or bools to the dtype of its values."""
    if labels.dtype.kind != "O" or len(labels) == 0:
        return labels
    column = read_column(labels)
    return column.values if column.kind in ("boolean", "number") else labels


def _plain_where(labels: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Convert known labels as `_plain` does; missing ones become an arbitrary label."""
    known = _plain(labels[labelled])
    if known.dtype == labels.dtype or not len(known):
        return labels
    plain = np.full(len(labels), known[0], dtype=known.dtype)
    plain[labelled] = known
    return plain


def class_numbers(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the positions of labels among the classes; -1 for a label that is no class."""
    position = {label: code for code, label in enumerate(classes.tolist())}
    return np.array([position.get(label, -1) for label in labels.tolist()], dtype=np.int64)
