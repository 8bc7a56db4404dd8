"""The seam between labels and tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.special import expit
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from ..nn._layers import Linear


class Encoded(NamedTuple):
    """A target as the network learns it.

    Parameters
    ----------
    target : ndarray of shape (n_samples, ..., n_elements) or (n_samples, ...), or RaggedRows
        Finite everywhere, also where a label is missing. Axes in between are the positions of a row.
    weight : ndarray of shape (n_samples, ..., n_elements), or RaggedRows of values (n_positions, n_elements)
        How much each element counts; 0 where its label is missing.
    """

    target: Any
    weight: Any


class Task(BaseEstimator, ABC):
    """What one target is: the way from labels to tensors and back, its head, loss and score.

    A task is a spec: its constructor stores hyperparameters, ``fit`` learns classes or scale from labels. One
    file that subclasses `Task` adds a task type; pass an instance in ``tasks={"name": MyTask()}``.

    Shapes, for all tasks: B rows of a batch, K outputs of the head, C *elements* of the target, which are what
    can be missing on its own (a column of a regression, a label of a set). Everything may have leading axes
    ``...`` for stacked members.

    Attributes
    ----------
    n_outputs_ : int
        K, the width of the head.
    n_elements_ : int
        C, the number of elements per row.
    """

    #: "classification" or "regression": which of the companions takes this task
    kind: ClassVar[str]
    #: what has a target: "sample", a row; "token", each token of a sequence, or column of an image from left to
    #: right; "pixel", each pixel of an image
    level: ClassVar[str] = "sample"
    #: hyperparameters of the loss that may be tensors (M, 1, 1), one value for each of M members
    stackable_params: ClassVar[tuple[str, ...]] = ()
    #: what the user should hear of the labels that ``fit`` saw
    remarks: tuple[str, ...] = ()

    n_outputs_: int
    n_elements_: int

    # What the package asks a task, derived from kind and level. Nothing else compares these.

    def is_of_kind(self, kind: str | None) -> bool:
        """Return whether an estimator of "classification" or "regression" tasks accepts this one.

        None is an estimator that takes any.
        """
        return kind is None or self.kind == kind

    @property
    def has_probabilities(self) -> bool:
        """Whether labels are classes, so that ``decode_proba`` returns probabilities."""
        return self.kind == "classification"

    @property
    def is_regression(self) -> bool:
        """Whether predictions are numbers, so that those of an ensemble have a standard deviation."""
        return self.kind == "regression"

    @property
    def has_strata(self) -> bool:
        """Whether the target of a row is a class, or one for each element, by which rows can be stratified."""
        return self.has_probabilities and not self.labels_positions

    @property
    def labels_positions(self) -> bool:
        """Whether each position of a row has a target: the head reads vectors of tokens instead of rows."""
        return self.level != "sample"

    @property
    def labels_tokens(self) -> bool:
        """Whether a row has as many targets as tokens, which differ between the rows of sequences."""
        return self.level == "token"

    @property
    def labels_pixels(self) -> bool:
        """Whether each pixel has a target, so that the trunk must have a map of positions."""
        return self.level == "pixel"

    @property
    def position_axes(self) -> int:
        """Axes of positions between the rows and K."""
        return {"sample": 0, "token": 1, "pixel": 2}[self.level]

    @property
    def labelled_unit(self) -> str:
        """Word for what has a target, for messages."""
        return "row" if self.level == "sample" else self.level

    @property
    @abstractmethod
    def metric(self) -> str:
        """Name of the metric that ``score`` computes; a class attribute will do."""

    @abstractmethod
    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> Task:
        """Learn classes, widths or scale from the labels that are there.

        Parameters
        ----------
        y : ndarray of shape (n_samples, ...)
            Labels, some of them missing.
        sample_weight : ndarray of shape (n_samples,) or None, default=None
            Weight of each row.
        classes : ndarray or None, default=None
            All classes, where the caller knows them beforehand (``partial_fit``).

        Raises
        ------
        ValueError
            If the labels are not of this task's kind, or all are missing.
        """

    def with_labels_of(self, y: np.ndarray) -> Task:
        """Return the task for further labels, where training continues; this one is not changed.

        Widths of outputs and what ``encode`` returned must not change.
        """
        return self

    def check_lengths(self, y: np.ndarray, lengths: np.ndarray) -> None:
        """Refuse labels that are not as many as the tokens of their rows; do nothing if a row has one label.

        Parameters
        ----------
        y : ndarray of shape (n_samples, ...)
        lengths : ndarray of int of shape (n_samples,)
            Tokens of each row of X.

        Raises
        ------
        ValueError
            With the number of the first such row.
        """

    @abstractmethod
    def encode(self, y: np.ndarray) -> Encoded:
        """Turn labels into the target that the loss takes, and the weight of each element."""

    def head(self, in_features: int, generator: torch.Generator, grid: tuple[int, int] | None = None) -> nn.Module:
        """Build the module from a representation (..., B, in_features) to outputs (..., B, K).

        For tokens a `Linear` is applied to each; any other module takes those of all rows, (..., B, L,
        in_features), and gives outputs (..., B, positions, K). ``grid`` is height and width of the map whose
        positions the tokens of an image are; None for sequences.
        """
        return Linear(in_features, self.n_outputs_, generator)

    @abstractmethod
    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of each element.

        Parameters
        ----------
        output : Tensor of shape (..., B, positions, K)
            What the head returned; there are no positions between B and K but for tokens and pixels.
        target : Tensor of shape (B, positions, C) or (B, positions)
            What ``encode`` returned, for the rows of the batch.

        Returns
        -------
        Tensor of shape (..., B, positions, C)
        """

    def fusion_key(self) -> Hashable | None:
        """Return equal keys for tasks whose losses may be computed in one call, on concatenated columns.

        None, the default, keeps the task by itself. A key promises that K = C and that every column of the
        loss depends on the same column of output and target only.
        """
        return None

    @abstractmethod
    def decode(self, output: Any) -> np.ndarray:
        """Turn outputs (B, positions, K), for sequences `RaggedRows`, into predictions of the kind of labels."""

    def average(self, outputs: np.ndarray) -> np.ndarray:
        """Merge the outputs (M, B, K) of an ensemble into outputs (B, K)."""
        return outputs.mean(axis=0)

    def decode_proba(self, output: np.ndarray) -> np.ndarray | None:
        """Turn outputs (B, K) into probabilities; None if the task has none."""
        return None

    @abstractmethod
    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Score predictions where a label is there; greater is better, NaN without any label or weight above 0."""

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        """Compute all metrics of the task by name, each greater is better; ``score`` is among them."""
        return {self.metric: self.score(y_true, y_pred, sample_weight)}


def of_weight(
    y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Leave out the rows of weight 0, which are as good as absent."""
    if sample_weight is None or (sample_weight > 0).all():
        return y_true, y_pred, sample_weight
    rows = sample_weight > 0
    return y_true[rows], y_pred[rows], sample_weight[rows]


def labelled_weight(sample_weight: np.ndarray | None, labelled: Any) -> np.ndarray | None:
    """Select the weights of the labelled rows."""
    return None if sample_weight is None else sample_weight[labelled]


def require_dimensions(y: np.ndarray, kind: str) -> None:
    """Refuse a target of more than two dimensions."""
    if y.ndim > 2:
        raise ValueError(f"the target of a {kind} is 1-D or 2-D, got shape {y.shape}")


def require_labels(labelled: Any) -> None:
    """Refuse a target without any label."""
    if not labelled.any():
        raise ValueError("all labels are missing; at least one is needed")


def smooth(target: Tensor, smoothing: float | Tensor, n_classes: int) -> Tensor:
    """Spread a share of target probabilities evenly over the classes; the share may differ by member."""
    if not isinstance(smoothing, Tensor) and smoothing == 0:
        return target
    return target * (1 - smoothing) + smoothing / n_classes


def logit_of_mean(outputs: np.ndarray) -> np.ndarray:
    """Return the logit of the mean, over the first axis, of the probabilities of logits.

    Each step keeps the order, so that rounding lifts no mean above that of logits which are nowhere smaller.
    """
    logits = np.clip(outputs.astype(np.float64), -700, 700)  # beyond these a probability is 0 or 1
    positive, negative = expit(logits).mean(axis=0), expit(-logits).mean(axis=0)
    return (np.log(positive) - np.log(negative)).astype(outputs.dtype)
