"""Read labels of pixels from an array, or from a column of masks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..columns._columns import plain
from ..columns._missing import is_missing
from ._position_labels import CUSTOMARY_LABEL, MISSING_LABEL, are_labelled

#: customary labels of unlabelled pixels: in the losses of torch, and in masks of bytes
CUSTOMARY = (CUSTOMARY_LABEL, 255)


class Masks(NamedTuple):
    """Labels of the pixels of all images.

    Parameters
    ----------
    labels : ndarray of shape (n_samples, height, width)
    given : ndarray of bool of shape (n_samples,)
        Which images have a mask; the labels of the others are arbitrary.
    """

    labels: np.ndarray
    given: np.ndarray

    def labelled(self, ignored: tuple[int, ...]) -> np.ndarray:
        """Return which pixels have a label, (n_samples, height, width): not missing and not ignored."""
        there: np.ndarray = are_labelled(self.labels, ignored) & self.given[:, None, None]
        return there


def are_masks(y: np.ndarray) -> bool:
    """Return whether a target has an integer or bool for each pixel; some may be missing."""
    if y.ndim == 3:
        return y.dtype.kind in "iub" or (y.dtype.kind == "f" and bool((np.isnan(y) | (y == np.rint(y))).all()))
    if y.ndim != 1 or y.dtype.kind != "O":
        return False
    known = [_as_mask(label) for label in y[~is_missing(y)]]
    return bool(known) and all(mask is not None and mask.ndim == 2 and mask.dtype.kind in "iub" for mask in known)


def read_masks(y: np.ndarray, shape: tuple[int, int] | None = None) -> Masks:
    """Read labels of pixels.

    Parameters
    ----------
    y : ndarray of shape (n_samples, height, width), or (n_samples,) of masks, with None for a missing mask
    shape : (int, int) or None, default=None
        Height and width, used if all masks are missing.

    Raises
    ------
    ValueError
        If a row is not a mask, or its shape differs from that of the first one; the message names the row.
    """
    if y.ndim == 3:
        return Masks(y, np.ones(len(y), dtype=bool))
    if y.ndim != 1 or y.dtype.kind != "O":
        raise ValueError(
            f"the target of a segmentation should have shape (n_samples, height, width), got {y.shape}"
        )
    given = ~is_missing(y)
    masks = {row: _as_mask(y[row]) for row in np.flatnonzero(given).tolist()}
    first = next((mask for mask in masks.values() if mask is not None), None)
    expected = shape if first is None or first.ndim != 2 else first.shape
    for row, mask in masks.items():
        if mask is None or mask.ndim != 2 or mask.shape != expected:
            got = type(y[row]).__name__ if mask is None else f"of shape {mask.shape}"
            raise ValueError(
                "the target of a segmentation should have a mask (height, width) of one shape, or None, in each "
                f"row; row {row} is {got}, others have shape {expected}"
            )
    if expected is None:
        return Masks(np.empty((len(y), 0, 0)), given)
    known = list(masks.values())
    labels = np.zeros((len(y), *expected), dtype=np.result_type(*known) if known else np.int64)
    for row, mask in masks.items():
        labels[row] = mask
    return Masks(labels, given)


def _as_mask(label: Any) -> np.ndarray | None:
    try:
        return np.asarray(plain(label))
    except ValueError:
        return None


def ignored_of(masks: Masks, classes: Any) -> tuple[int, ...]:
    """Return the labels of unlabelled pixels: -1, and those of `CUSTOMARY` that occur and are not classes.

    255 with only one other label is a class: the mask is black and white.
    """
    if masks.labels.dtype.kind not in "iu":
        return (MISSING_LABEL,)
    stated = [] if classes is None else np.asarray(classes).tolist()
    occurring = np.unique(masks.labels[masks.given]).tolist()
    custom = [value for value in CUSTOMARY if value in occurring and value not in stated]
    if 255 in custom and len(set(occurring) - {255, CUSTOMARY_LABEL, MISSING_LABEL}) < 2:
        custom.remove(255)
    return (MISSING_LABEL, *custom)
