"""Bounding boxes: the location of one object in each row."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from ..columns._columns import objects_of
from ..columns._missing import is_missing
from ..metrics import box_iou
from ..utils._params import Interval
from ._base import Encoded, Task, labelled_weight, of_weight, require_dimensions, require_labels

# Smallest area of a box, as a share of the range; smaller divisors are replaced by it.
_NO_AREA = 1e-7
# softplus(HALF) is 0.5: outputs of 0 are a box in the middle of the range, half as wide and high
HALF = float(np.log(np.expm1(0.5)))
# Share of the range by which an output of 1 moves the centre. Centres vary by about as much, so that outputs have
# the size of those for standardised targets.
STEP = 0.25
_METRICS = ("mean_iou", "iou_above_half", "neg_mean_absolute_error")


class BoundingBox(Task):
    r"""One box (x0, y0, x1, y1) for each row, for instance around the object of an image.

    The target has shape (n_samples, 4), in pixels or any other unit, with x0 <= x1 and y0 <= y1. A row of NaN has
    no label. The target may also be a column of tuples, with None for missing labels, as in a data frame;
    predictions are then tuples too.

    ``fit`` learns the range of the labelled boxes, from the smallest x0 to the largest x1 and likewise for y.
    Boxes are scaled by this range. The outputs are the centre and, through a softplus, the size, so that
    predicted boxes have x0 <= x1 and y0 <= y1. They may exceed the range. The loss is a weighted mean of
    :math:`1 - \mathrm{GIoU}`, with the generalised intersection over union [1]_, which has a gradient also for
    disjoint boxes, and the sum of the absolute errors of the four sides, as in DETR [2]_.

    Parameters
    ----------
    l1_weight : float >= 0, default=1.0
        Weight of the sum of the absolute errors of the sides, in units of the range; 1 - GIoU has weight 1. The
        loss is divided by the sum of both weights, so that only ``task_weights`` set the weight of the task.

    Attributes
    ----------
    low_, range_ : ndarray of shape (2,)
        Smallest x and y of the labelled boxes, and the sizes of their ranges.

    References
    ----------
    .. [1] Rezatofighi et al., "Generalized Intersection over Union: A Metric and a Loss for Bounding Box
       Regression", CVPR 2019.
    .. [2] Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import BoundingBox
    >>> y = np.array([[0, 10, 4, 20], [np.nan] * 4, [2, 10, 8, 12]])
    >>> task = BoundingBox().fit(y)
    >>> task.encode(y).target[0].tolist()
    [0.0, 0.0, 0.5, 1.0]
    >>> task.decode(np.zeros((1, 4))).round(3).tolist()
    [[2.0, 12.5, 6.0, 17.5]]
    """

    kind = "regression"
    metric = "mean_iou"
    stackable_params = ("l1_weight",)
    has_one_label = False

    _parameter_constraints: dict = {"l1_weight": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, l1_weight: float = 1.0) -> None:
        self.l1_weight = l1_weight

    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> BoundingBox:
        self._validate_params()
        boxes, labelled = read_boxes(y)
        require_labels(labelled)
        self.in_tuples_ = y.ndim == 1
        self.low_ = boxes[labelled, :2].min(axis=0)
        self.range_ = boxes[labelled, 2:].max(axis=0) - self.low_
        self.range_[self.range_ == 0] = 1.0
        self.n_outputs_, self.n_elements_ = 4, 1
        return self

    def encode(self, y: np.ndarray) -> Encoded:
        boxes, labelled = read_boxes(y)
        scaled = (boxes - np.tile(self.low_, 2)) / np.tile(self.range_, 2)
        return Encoded(np.where(labelled[:, None], scaled, 0.0), labelled[:, None].astype(np.float64))

    def elementwise_loss(self, output: Tensor, target: Tensor) -> Tensor:
        centre, half = 0.5 + STEP * output[..., :2], 0.5 * softplus(output[..., 2:] + HALF)
        low, high = centre - half, centre + half
        l1 = (torch.cat([low, high], dim=-1) - target).abs().sum(dim=-1, keepdim=True)
        giou = generalised_iou(low, high, target[..., :2], target[..., 2:])
        return (1 - giou + self.l1_weight * l1) / (1 + self.l1_weight)

    def decode(self, output: np.ndarray) -> np.ndarray:
        output = output.astype(np.float64)
        half = 0.5 * np.logaddexp(output[:, 2:] + HALF, 0)
        centre = 0.5 + STEP * output[:, :2]
        low, high = (self.low_ + self.range_ * corner for corner in (centre - half, centre + half))
        boxes = np.concatenate([low, high], axis=1)
        if not self.in_tuples_:
            return boxes
        return objects_of([tuple(box) for box in boxes.tolist()])

    def score(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Compute the mean intersection over union of true and predicted boxes."""
        return self.metrics(y_true, y_pred, sample_weight)[self.metric]

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        """Compute the mean IoU, the share of boxes with an IoU of at least 0.5, and the negated mean error."""
        y_true, y_pred, sample_weight = of_weight(y_true, y_pred, sample_weight)
        true, labelled = read_boxes(y_true)
        if not labelled.any():
            return dict.fromkeys(_METRICS, float("nan"))
        true, pred = true[labelled], read_boxes(y_pred)[0][labelled]
        iou, error = box_iou(true, pred), np.abs(true - pred).mean(axis=1)
        weight = labelled_weight(sample_weight, labelled)
        means = (float(np.average(values, weights=weight)) for values in (iou, iou >= 0.5, -error))
        return dict(zip(_METRICS, means, strict=True))

    @property
    def metric_names(self) -> tuple[str, ...]:
        return _METRICS

    def true_labels(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return read_boxes(y)

    def predicted_labels(self, y_pred: np.ndarray) -> np.ndarray:
        return read_boxes(y_pred)[0]


def generalised_iou(low: Tensor, high: Tensor, true_low: Tensor, true_high: Tensor) -> Tensor:
    """Compute the generalised intersection over union of boxes with these corners (..., 2), as (..., 1)."""
    shared = _area(torch.maximum(low, true_low), torch.minimum(high, true_high))
    union = _area(low, high) + _area(true_low, true_high) - shared
    hull = _area(torch.minimum(low, true_low), torch.maximum(high, true_high))
    # the smallest divisor is positive, so that the gradient is finite for boxes without an area
    return shared / union.clamp_min(_NO_AREA) - (hull - union) / hull.clamp_min(_NO_AREA)


def _area(low: Tensor, high: Tensor) -> Tensor:
    sides = (high - low).clamp_min(0.0)
    return sides[..., :1] * sides[..., 1:]


def read_boxes(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes as floats (n_samples, 4), and which rows have one.

    Raises
    ------
    ValueError
        If a box is invalid; the message names the row.
    """
    require_dimensions(y, "bounding box")
    if y.ndim == 1:
        y = _stacked(y)
    if y.shape[1] != 4:
        raise ValueError(f"boxes have 4 numbers (x0, y0, x1, y1), got shape {y.shape}")
    missing = is_missing(y)
    labelled: np.ndarray = ~np.all(missing, axis=1)
    boxes, known = np.full(y.shape, np.nan), y[~missing]
    if y.dtype.kind in "cmMSU" or any(isinstance(value, str) for value in known.tolist()):
        raise ValueError(f"boxes must be numbers, got dtype {y.dtype}")
    boxes[~missing] = known.astype(np.float64)
    _refuse_row(boxes, labelled & ~np.isfinite(boxes).all(axis=1), "has 4 finite numbers, or NaN only")
    backwards = labelled & (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    _refuse_row(boxes, backwards, "is (x0, y0, x1, y1) with x0 <= x1 and y0 <= y1")
    return boxes, labelled


def _stacked(y: np.ndarray) -> np.ndarray:
    rows: list[Any] = y.tolist()
    for number, row in enumerate(rows):
        if not is_missing(y[number : number + 1])[0] and (not hasattr(row, "__len__") or len(row) != 4):
            raise ValueError(f"row {number}: a box has 4 numbers (x0, y0, x1, y1), got {row!r}")
    boxes = np.full((len(rows), 4), np.nan, dtype=object)
    for number, row in enumerate(rows):
        if hasattr(row, "__len__"):
            boxes[number] = list(row)
    return boxes


def _refuse_row(boxes: np.ndarray, wrong: np.ndarray, expected: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"row {row}: a box {expected}, got {boxes[row].tolist()}")
