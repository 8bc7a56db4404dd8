"""Base class of tasks, which convert labels to tensors and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from ..columns._missing import is_missing
from ..nn._layers import Linear
from ._distributions import PredictedDistribution
from ._members import mean_of_members
from ._statistics import LabelStatistics


class Encoded(NamedTuple):
    """An encoded target.

    Parameters
    ----------
    target : ndarray of shape (n_samples, ..., n_elements) or (n_samples, ...), or RaggedRows
        Finite everywhere, also where a label is missing. The axes in between are positions.
    weight : ndarray of shape (n_samples, ..., n_elements), or RaggedRows of values (n_positions, n_elements)
        Weight of each element; 0 where its label is missing.
    """

    target: Any
    weight: Any


class Task(BaseEstimator, ABC):
    """Base class of tasks, which define the encoding, head, loss and score of one target.

    A task is a spec: its constructor stores hyperparameters, and ``fit`` learns classes or scales from labels. To
    add a task type, subclass `Task` and pass an instance in ``tasks={"name": MyTask()}``.

    Shapes: a batch has B rows, the head has K outputs, and the target has C *elements*. An element is the smallest
    part that can be missing: a column of a regression, or a label of a set. ``...`` are leading axes of stacked
    members.

    Attributes
    ----------
    n_outputs_ : int
        K, the width of the head.
    n_elements_ : int
        C, the number of elements per row.
    """

    #: "classification" or "regression": which of the companion estimators accepts this task
    kind: ClassVar[str]
    #: what is labelled: "sample", a row; "token", each token of a sequence, or column of an image from left to
    #: right; "pixel", each pixel of an image
    level: ClassVar[str] = "sample"
    #: hyperparameters of the loss that may be tensors (M, 1, 1), with one value for each of M members
    stackable_params: ClassVar[tuple[str, ...]] = ()
    #: whether ``true_labels`` and ``decode_proba`` suit scikit-learn's metrics of probabilities
    rates_probabilities: ClassVar[bool] = False
    #: messages about the labels of ``fit``, issued as warnings
    remarks: tuple[str, ...] = ()

    n_outputs_: int
    n_elements_: int

    # Capabilities, derived from kind and level. No other code compares kinds or levels.

    def is_of_kind(self, kind: str | None) -> bool:
        """Return whether an estimator for one kind of tasks accepts this one; None accepts any kind."""
        return kind is None or self.kind == kind

    @property
    def has_probabilities(self) -> bool:
        """Whether labels are classes; ``decode_proba`` then returns probabilities."""
        return self.kind == "classification"

    @property
    def is_regression(self) -> bool:
        """Whether predictions are numbers; an ensemble then has ``predict_std``."""
        return self.kind == "regression"

    @property
    def has_distribution(self) -> bool:
        """Whether a distribution of the label is learned, as soon as the parameters say so."""
        return False

    @property
    def has_quantiles(self) -> bool:
        """Whether ``quantiles`` are known: those of a distribution, or several that are learned."""
        return self.has_distribution

    @property
    def has_strata(self) -> bool:
        """Whether rows can be stratified by the target: it has one class for each row or element."""
        return self.has_probabilities and not self.labels_positions

    @property
    def has_one_label(self) -> bool:
        """Whether the label of a row is one class or one number, so that a 1-D array holds those of all rows."""
        return not self.labels_positions

    @property
    def labels_positions(self) -> bool:
        """Whether each position of a row has a label; the head then reads positions instead of rows."""
        return self.level != "sample"

    @property
    def compares_rows(self) -> bool:
        """Whether the loss of a row depends on the other rows of the batch, as a partial likelihood does."""
        return False

    @property
    def has_many_classes(self) -> bool:
        """Whether the head computes an `AdaptiveOutputs`, because an output for each class takes too long."""
        return False

    @property
    def learns_after_training(self) -> bool:
        """Whether ``finish`` learns from the outputs for the rows of ``fit``: by default if it is overridden."""
        return type(self).finish is not Task.finish

    @property
    def labels_tokens(self) -> bool:
        """Whether each token has a label; the number of labels may then differ between rows."""
        return self.level == "token"

    @property
    def labels_pixels(self) -> bool:
        """Whether each pixel has a label; the trunk must then return a map of positions."""
        return self.level == "pixel"

    @property
    def position_axes(self) -> int:
        """Number of axes of positions between B and K."""
        return {"sample": 0, "token": 1, "pixel": 2}[self.level]

    @property
    def labelled_unit(self) -> str:
        """Word for what is labelled, for messages."""
        return "row" if self.level == "sample" else self.level

    @property
    @abstractmethod
    def metric(self) -> str:
        """Name of the metric that ``score`` computes; may be a class attribute."""

    @abstractmethod
    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> Task:
        """Learn classes, widths or scales from the labels that are not missing.

        Parameters
        ----------
        y : ndarray of shape (n_samples, ...)
            Labels, some of them missing.
        sample_weight : ndarray of shape (n_samples,) or None, default=None
            Weight of each row.
        classes : ndarray or None, default=None
            All classes, if known beforehand (``partial_fit``).

        Raises
        ------
        ValueError
            If the labels are invalid for this task, or all are missing.
        """

    @property
    def label_width(self) -> int:
        """Number of columns of ``label_input``; 0 if heads of other tasks cannot read the labels."""
        return 0

    def label_input(self, target: np.ndarray) -> np.ndarray:
        """Convert the target from ``encode`` to numbers (n_samples, label_width) that heads of other tasks read.

        Values of missing labels are not used.
        """
        raise TypeError(f"labels of a {type(self).__name__} cannot be inputs of other tasks")

    def with_labels_of(self, y: np.ndarray) -> Task:
        """Return this task, updated for further labels, when training continues; self is not changed.

        Widths of outputs and the results of ``encode`` must not change.
        """
        return self

    def with_statistics(self, statistics: LabelStatistics) -> Task:
        """Return this task, fitted to a sample, with exact statistics of all labels; self is not changed.

        By default nothing is taken over: the sample decides. Widths of outputs must not change.
        """
        return self

    def check_lengths(self, y: np.ndarray, lengths: np.ndarray) -> None:
        """Check that rows have as many labels as tokens; do nothing if a row has one label.

        Parameters
        ----------
        y : ndarray of shape (n_samples, ...)
        lengths : ndarray of int of shape (n_samples,)
            Number of tokens of each row of X.

        Raises
        ------
        ValueError
            If the numbers differ; the message names the first such row.
        """

    @abstractmethod
    def encode(self, y: np.ndarray) -> Encoded:
        """Encode labels as the target of the loss and the weight of each element."""

    def head(self, in_features: int, generator: torch.Generator, grid: tuple[int, int] | None = None) -> nn.Module:
        """Build the module from a representation (..., B, in_features) to outputs (..., B, K).

        If positions are labelled, a `Linear` is applied to each position. Any other module maps the positions of
        all rows, (..., B, L, in_features), to outputs (..., B, positions, K). ``grid`` is the height and width of
        the map of positions of an image; None for sequences.
        """
        return Linear(in_features, self.n_outputs_, generator)

    @abstractmethod
    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of each element.

        Parameters
        ----------
        output : Tensor of shape (..., B, positions, K)
            Outputs of the head; only tasks of tokens and pixels have axes of positions.
        target : Tensor of shape (B, positions, C) or (B, positions)
            Target from ``encode``, for the rows of the batch.

        Returns
        -------
        Tensor of shape (..., B, positions, C)
        """

    def weigh(self, target: Tensor, weight: Tensor) -> Tensor:
        """Return the target with the weights of its elements, for a loss that compares rows; by default unchanged.

        Parameters
        ----------
        target : Tensor of shape (..., B, positions, C) or (..., B, positions)
            Target from ``encode``.
        weight : Tensor of shape (..., B, positions, C)
            Weight of each element; 0 where its label is missing. The loss is multiplied by it in any case.
        """
        return target

    def finish(self, output: Any, target: Any, weight: Any) -> Task:
        """Return this task, with what it learns from the trained network; self is not changed.

        By default it learns nothing. It is called once after training, with the rows of ``fit``.

        Parameters
        ----------
        output : ndarray of shape (n_samples, positions, K), or RaggedRows
            Outputs of the network, or of all networks of an ensemble on average.
        target : ndarray, or RaggedRows
            Target from ``encode``, rounded to the dtype of the network.
        weight : ndarray of shape (n_samples, positions, C), or RaggedRows
            Weight of each element; 0 where its label is missing.
        """
        return self

    def fusion_key(self) -> Hashable | None:
        """Return a key; the losses of tasks with equal keys are computed in one call on concatenated columns.

        None, the default, computes the loss of the task alone. A key requires that each element has equally many
        columns of the output, K / C, and of the target, side by side and as many in all tasks with the key; and
        that each element of the loss depends only on its own columns.
        """
        return None

    @abstractmethod
    def decode(self, output: Any) -> np.ndarray:
        """Convert outputs (B, positions, K), or `RaggedRows`, to predictions in the form of the labels."""

    def rated(self, output: Any) -> np.ndarray:
        """Convert outputs to what ``score`` and ``metrics`` compare with labels.

        By default these are the predictions of ``decode``, which has the same parameter.
        """
        return self.decode(output)

    def average(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Average the outputs (M, B, K) of an ensemble to outputs (B, K).

        Parameters
        ----------
        outputs : ndarray of shape (M, B, positions, K)
        weights : ndarray of shape (M,) or None, default=None
            Weight of each member, of sum 1; None for equal weights.
        """
        return mean_of_members(outputs, weights)

    def distribution(self, outputs: np.ndarray, weights: np.ndarray | None = None) -> PredictedDistribution:
        """Return the predicted distributions of outputs (M, B, K), mixed over the members.

        Parameters
        ----------
        outputs : ndarray of shape (M, B, K)
        weights : ndarray of shape (M,) or None, default=None
            Weight of each member, of sum 1; None for equal weights.

        Raises
        ------
        TypeError
            If the task learns none.
        """
        raise TypeError(f"{self!r} learns no distribution of its labels")

    def quantiles(self, outputs: np.ndarray, q: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Compute quantiles (B, ..., Q) in the units of the label from outputs (M, B, K) of members.

        Parameters
        ----------
        outputs : ndarray of shape (M, B, K)
        q : ndarray of shape (Q,)
            Levels, each above 0 and below 1.
        weights : ndarray of shape (M,) or None, default=None
            Weight of each member, of sum 1; None for equal weights.
        """
        mixture = self.distribution(outputs, weights)
        return np.stack([mixture.ppf(level) for level in q], axis=-1)

    def decode_proba(self, output: np.ndarray) -> np.ndarray | None:
        """Convert outputs (B, K) to probabilities; return None if the task has none."""
        return None

    @abstractmethod
    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Score predictions on labelled elements; greater is better, NaN without a label of positive weight."""

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        """Compute all metrics of the task, including ``score``, by name; greater is better."""
        return {self.metric: self.score(y_true, y_pred, sample_weight)}

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of the metrics that ``metrics`` computes, as far as a user may choose them."""
        return (self.metric,)

    def true_labels(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return labels as scikit-learn's metrics take them, and which are there.

        Parameters
        ----------
        y : ndarray of shape (n_samples, ...)
            Labels, some of them missing.

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_columns)
        labelled : ndarray of bool, of the shape of the labels, or (n_samples,) for all columns of a row
        """
        return y, ~is_missing(y)

    def predicted_labels(self, y_pred: np.ndarray) -> np.ndarray:
        """Convert predictions to the form of ``true_labels``."""
        return y_pred


def of_weight(
    y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Drop the rows of weight 0."""
    if sample_weight is None or (sample_weight > 0).all():
        return y_true, y_pred, sample_weight
    rows = sample_weight > 0
    return y_true[rows], y_pred[rows], sample_weight[rows]


def labelled_weight(sample_weight: np.ndarray | None, labelled: Any) -> np.ndarray | None:
    """Select the weights of the labelled rows."""
    return None if sample_weight is None else sample_weight[labelled]


def require_dimensions(y: np.ndarray, kind: str) -> None:
    """Check that a target has at most two dimensions."""
    if y.ndim > 2:
        raise ValueError(f"the target of a {kind} is 1-D or 2-D, got shape {y.shape}")


def require_labels(labelled: Any) -> None:
    """Check that a target has at least one label."""
    if not labelled.any():
        raise ValueError("all labels are missing; at least one is needed")


def smooth(target: Tensor, smoothing: float | Tensor, n_classes: int) -> Tensor:
    """Smooth target probabilities towards the uniform distribution; the smoothing may differ by member."""
    if not isinstance(smoothing, Tensor) and smoothing == 0:
        return target
    return target * (1 - smoothing) + smoothing / n_classes
