"""Multilabel classification: a set of labels for each row."""

from __future__ import annotations

import copy
from collections.abc import Hashable
from numbers import Real
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ..columns._columns import objects_of
from ..columns._missing import is_missing
from ..utils._params import ArrayLike, Interval
from ._base import Encoded, Task, labelled_weight, of_weight, require_dimensions, require_labels, smooth
from ._members import logit_of_mean


class MultilabelClassification(Task):
    """A set of labels for each row, learned with the binary cross-entropy of each label.

    The target is an indicator matrix of shape (n_samples, n_labels) of 0 and 1, with NaN for missing elements, or
    a column of sets, lists or tuples of labels, with None for missing rows. Predictions have the same form.

    Parameters
    ----------
    threshold : float in (0, 1), default=0.5
        A label is predicted if its probability is above this.
    label_smoothing : float in [0, 1), default=0.0
        Share of each binary target that is spread evenly over 0 and 1.
    classes : array-like of shape (n_labels,) or None, default=None
        Names of the labels. None takes those that occur in sets; for an indicator matrix, 0, 1, ...

    Attributes
    ----------
    classes_ : ndarray of shape (n_labels,)
        The labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import MultilabelClassification
    >>> y = np.array([{"red", "round"}, {"red"}, None], dtype=object)
    >>> task = MultilabelClassification().fit(y)
    >>> task.classes_
    array(['red', 'round'], dtype=object)
    >>> task.encode(y).target.tolist()
    [[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    """

    kind = "classification"
    stackable_params = ("label_smoothing",)
    metric = "f1_samples"
    rates_probabilities = True
    has_one_label = False

    _parameter_constraints: dict = {
        "threshold": [Interval(Real, 0, 1, closed="neither")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "classes": [ArrayLike(), None],
    }

    def __init__(self, threshold: float = 0.5, label_smoothing: float = 0.0, classes: Any = None) -> None:
        self.threshold = threshold
        self.label_smoothing = label_smoothing
        self.classes = classes

    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> MultilabelClassification:
        self._validate_params()
        require_dimensions(y, "multilabel classification")
        known = classes if classes is not None else self.classes
        if classes is None:
            require_labels(~is_missing(y))
        self.set_type_: type | None = None
        y = _indicator(y)
        if y.ndim == 1:
            rows = y[~is_missing(y)]
            self.set_type_ = _set_type(rows[0]) if len(rows) else list
            self.classes_ = _classes_of_sets([_labels_of(row) for row in rows], known)
        else:
            self.classes_ = np.arange(y.shape[1]) if known is None else np.asarray(known)
            self.dtype_ = y.dtype if y.dtype.kind in "biu" else np.dtype(np.int64)
        self.n_outputs_ = self.n_elements_ = len(self.classes_)
        self.encode(y)
        return self

    def encode(self, y: np.ndarray) -> Encoded:
        y = _indicator(y)
        if y.ndim == 2 and self.set_type_ is not None:  # lists of numbers that all have the same length
            y = objects_of(y.tolist())
        if y.ndim == 1:
            return self._encode_sets(y)
        if y.shape[1] != self.n_outputs_:
            raise ValueError(f"the target has {y.shape[1]} columns, but there are {self.n_outputs_} labels")
        labelled = ~is_missing(y)
        try:
            target = np.where(labelled, y, 0).astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"an indicator matrix of labels holds 0 and 1, got dtype {y.dtype}") from error
        if not np.isin(target, (0, 1)).all():
            raise ValueError(
                "an indicator matrix of labels holds 0 and 1 only; pass sets of numbers as a column of sets, such "
                "as [{3, 5}, {5}]"
            )
        return Encoded(target, labelled.astype(np.float64))

    def _encode_sets(self, y: np.ndarray) -> Encoded:
        labelled = ~is_missing(y)
        sets = [_labels_of(row) if known else () for row, known in zip(y, labelled, strict=True)]
        unknown = {label for row in sets for label in row} - set(self.classes_.tolist())
        if unknown:
            raise ValueError(
                f"labels {sorted(unknown, key=str)} are not among the classes {self.classes_.tolist()}"
            )
        target = MultiLabelBinarizer(classes=self.classes_).fit(sets).transform(sets).astype(np.float64)
        return Encoded(target, np.repeat(labelled[:, None], self.n_outputs_, axis=1).astype(np.float64))

    @property
    def label_width(self) -> int:
        return self.n_elements_

    def label_input(self, target: np.ndarray) -> np.ndarray:
        return target

    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        target = smooth(target, self.label_smoothing, 2)
        return binary_cross_entropy_with_logits(output, target.expand_as(output), reduction="none")

    def fusion_key(self) -> Hashable:
        return ("binary", self.label_smoothing)

    def decode(self, output: np.ndarray) -> np.ndarray:
        chosen = expit(output) > self.threshold
        if self.set_type_ is None:
            return chosen.astype(self.dtype_)
        return objects_of([self.set_type_(self.classes_[labels].tolist()) for labels in chosen])

    def average(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the outputs of the mean of the members' probabilities."""
        return logit_of_mean(outputs, weights)

    def decode_proba(self, output: np.ndarray) -> np.ndarray:
        return expit(output.astype(np.float64))

    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Compute the F1 score, averaged over rows; an empty set that is predicted correctly counts 1."""
        return self._f1("samples", y_true, y_pred, sample_weight)

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        return {
            name: self._f1(name.removeprefix("f1_"), y_true, y_pred, sample_weight) for name in self.metric_names
        }

    @property
    def metric_names(self) -> tuple[str, ...]:
        return ("f1_samples", "f1_micro", "f1_macro")

    def true_labels(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return indicators; labels that ``fit`` did not see have further columns."""
        target, weight = self._with_labels_of(y).encode(y)
        return target.astype(np.int64), weight > 0

    def predicted_labels(self, y_pred: np.ndarray) -> np.ndarray:
        return self.encode(y_pred).target.astype(np.int64)

    def _f1(self, average: str, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None) -> float:
        y_true, y_pred, sample_weight = of_weight(y_true, y_pred, sample_weight)
        wider = self._with_labels_of(y_true)
        true, weight = wider.encode(y_true)
        pred, _ = wider.encode(y_pred)
        rows = weight.any(axis=1)
        if not rows.any():
            return float("nan")
        return float(
            f1_score(
                _indicators(true[rows]),
                _indicators((pred * weight)[rows]),
                labels=np.flatnonzero(weight.any(axis=0)),
                average=average,
                sample_weight=labelled_weight(sample_weight, rows),
                # an empty set that is predicted correctly counts 1; an absent label counts 0, as in scikit-learn
                zero_division=1.0 if average == "samples" else 0.0,
            )
        )

    def _with_labels_of(self, y: np.ndarray) -> MultilabelClassification:
        """Return a task that also knows the labels of y; labels that fit did not see are never predicted."""
        y = objects_of(y.tolist()) if y.ndim == 2 and self.set_type_ is not None else _indicator(y)
        sets = y[~is_missing(y)] if y.ndim == 1 else []
        new = {label for row in sets for label in _labels_of(row)} - set(self.classes_.tolist())
        if not new:
            return self
        wider = copy.copy(self)
        wider.n_outputs_ = self.n_outputs_ + len(new)
        wider.classes_ = objects_of([*self.classes_.tolist(), *sorted(new, key=str)])
        return wider


def _classes_of_sets(sets: list[Any], known: Any) -> np.ndarray:
    try:
        classes: np.ndarray = MultiLabelBinarizer(classes=known).fit(sets).classes_
    except TypeError as error:
        kinds = sorted({type(label).__name__ for row in sets for label in row})
        raise ValueError(f"labels of one task must have one type, got {kinds}") from error
    if len(classes) == 0:
        raise ValueError("all sets of labels are empty; list the labels in classes")
    return classes


def _indicators(target: np.ndarray) -> np.ndarray:
    # scikit-learn reads one column as a binary target, without an F1 score by rows: add an empty column
    return np.pad(target.astype(int), ((0, 0), (0, 1)))


def _set_type(row: Any) -> type:
    return type(row) if type(row) in (set, frozenset, tuple, list) else list


def _labels_of(row: Any) -> Any:
    if isinstance(row, str) or not hasattr(row, "__iter__"):
        raise ValueError(f"a set of labels should be a set, list or tuple, got {row!r}")
    labels = row.tolist() if isinstance(row, np.ndarray) else row
    if not isinstance(labels, set | frozenset) and len(set(labels)) < len(labels):
        raise ValueError(
            f"a set of labels should have each label once, got {row!r}; pass rows of 0 and 1 as a 2-D array"
        )
    return labels


def _indicator(y: np.ndarray) -> np.ndarray:
    """Reshape a column of numbers to a matrix, the indicator of a single label."""
    return y[:, None] if y.ndim == 1 and y.dtype.kind in "biuf" else y
