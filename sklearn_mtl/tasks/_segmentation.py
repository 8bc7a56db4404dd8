"""Segmentation: a label for each pixel of an image."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ._base import Encoded, of_weight
from ._masks import ignored_of, read_masks
from ._pixels import PixelsHead
from ._position_classification import PositionClassification
from ._position_labels import MISSING_LABEL


class Segmentation(PositionClassification):
    """One of two or more classes for each pixel of an image.

    The target has shape (n_samples, height, width), or is a list or column of masks, with None for an image
    without a label. Pixels of -1, and missing ones, are ignored in losses and scores. Pixels of -100, and of 255
    if there are two or more other labels, are ignored too, with a warning, unless ``classes`` lists them. An image
    without any labelled pixel has no label. Height and width are those of the target in ``fit`` and may differ
    from those of X. The trunk must be for images: the head maps each position of its last map to the pixels that
    the position covers.

    Parameters
    ----------
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss, as in `Classification`.
    label_smoothing : float in [0, 1), default=0.0
        Share of the target that is spread evenly over all classes.
    classes : array-like of shape (n_classes,) or None, default=None
        All classes; None takes those that occur.
    loss : {"cross_entropy", "focal"}, default="cross_entropy"
        As in `Classification`; with "focal", a large background does not dominate small objects.
    gamma : float >= 0, default=2.0
        Exponent of ``loss="focal"``: the larger, the less easy pixels count.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes in sorted order.
    shape_ : (int, int)
        Height and width of the masks.
    ignored_ : tuple of int
        Labels of unlabelled pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import Segmentation
    >>> y = np.array([[[0, 0], [1, 2]], [[-1, 0], [2, 2]]])
    >>> task = Segmentation().fit(y)
    >>> task.classes_.tolist(), task.shape_
    ([0, 1, 2], (2, 2))
    >>> task.encode(y).weight[1, :, :, 0].tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """

    level = "pixel"
    metric = "mean_iou"
    stackable_params = ("label_smoothing", "gamma")

    # default for models of older versions
    ignored_: tuple[int, ...] = (MISSING_LABEL,)

    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> Segmentation:
        self._validate_params()
        masks = read_masks(y)
        self.ignored_ = ignored_of(masks, self.classes if classes is None else classes)
        self.remarks = tuple(
            f"pixels of {value} are treated as unlabelled; list it in Segmentation(classes=...) if it is a class"
            for value in self.ignored_[1:]
        )
        labelled = masks.labelled(self.ignored_)
        self._fit_labels(masks.labels, labelled, _of_pixels(sample_weight, labelled), classes)
        self.shape_ = (int(labelled.shape[1]), int(labelled.shape[2]))
        return self

    def encode(self, y: np.ndarray) -> Encoded:
        masks = read_masks(y, self.shape_)
        shape = masks.labels.shape
        if shape[1:] != self.shape_:
            raise ValueError(f"the target has images of shape {shape[1:]}, fit had {self.shape_}")
        return self._encode_labels(masks.labels, masks.labelled(self.ignored_))

    def head(self, in_features: int, generator: torch.Generator, grid: tuple[int, int] | None = None) -> nn.Module:
        if grid is None:
            raise ValueError("a segmentation requires a trunk for images, with a map of positions")
        return PixelsHead(in_features, self.n_outputs_, self.shape_, grid, generator)

    def decode_proba(self, output: np.ndarray) -> np.ndarray:
        # keep the dtype of the network to save memory: there are many pixels
        return super().decode_proba(output).astype(output.dtype)

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        """Compute the mean IoU of the classes that occur or are predicted, and the accuracy of pixels.

        A true label that ``fit`` did not see is not a class of its own; no prediction of its pixels is right.
        """
        y_true, y_pred, sample_weight = of_weight(y_true, y_pred, sample_weight)
        masks = read_masks(y_true, self.shape_)
        labelled = masks.labelled(self.ignored_)
        if not labelled.any():
            return dict.fromkeys(self.metric_names, float("nan"))
        true, pred = self._codes(masks.labels[labelled]), self._codes(y_pred[labelled])
        n_codes = len(self.classes_) + 1
        counts = np.bincount(
            true * n_codes + pred, weights=_of_pixels(sample_weight, labelled), minlength=n_codes**2
        )
        confusion = counts.reshape(n_codes, n_codes)
        right = np.diag(confusion)[:-1]
        union = (confusion.sum(axis=0) + confusion.sum(axis=1))[:-1] - right
        there = union > 0
        iou = float(np.mean(right[there] / union[there])) if there.any() else 0.0
        return {"mean_iou": iou, "pixel_accuracy": float(right.sum() / confusion.sum())}

    @property
    def metric_names(self) -> tuple[str, ...]:
        return ("mean_iou", "pixel_accuracy")

    def _codes(self, labels: np.ndarray) -> np.ndarray:
        """Replace labels by the numbers of their classes; labels of no class get the last number."""
        codes = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        return np.where(self.classes_[codes] == labels, codes, len(self.classes_))


def _of_pixels(sample_weight: np.ndarray | None, labelled: np.ndarray) -> np.ndarray | None:
    """Return the weight of the row of each labelled pixel."""
    return None if sample_weight is None else np.repeat(sample_weight, labelled.sum(axis=(1, 2)))
