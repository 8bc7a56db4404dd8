"""Overlap of boxes."""

from __future__ import annotations

import numpy as np


def box_iou(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Compute the intersection over union of pairs of boxes.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n, 4)
        Boxes (x0, y0, x1, y1) with x0 <= x1 and y0 <= y1.

    Returns
    -------
    ndarray of shape (n,)
        Between 0 and 1. If neither box has an area, 1 if they are equal and 0 otherwise.

    Examples
    --------
    >>> from sklearn_mtl.metrics import box_iou
    >>> box_iou([[0, 0, 2, 2], [0, 0, 1, 1]], [[1, 0, 3, 2], [2, 2, 3, 3]]).round(3).tolist()
    [0.333, 0.0]
    """
    true, pred = np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    shared = _area(np.maximum(true[:, :2], pred[:, :2]), np.minimum(true[:, 2:], pred[:, 2:]))
    union = _area(true[:, :2], true[:, 2:]) + _area(pred[:, :2], pred[:, 2:]) - shared
    same = (true == pred).all(axis=1).astype(np.float64)
    return np.divide(shared, union, out=same, where=union > 0)


def _area(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.prod(np.maximum(high - low, 0.0), axis=1)
