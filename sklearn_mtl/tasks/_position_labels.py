"""Missing labels of positions (tokens or pixels)."""

from __future__ import annotations

import numpy as np

from ..columns._missing import is_missing

#: label of a position without a label
MISSING_LABEL = -1
#: customary label of a position without a label, as in the losses of torch
CUSTOMARY_LABEL = -100


def are_labelled(labels: np.ndarray, ignored: tuple[int, ...]) -> np.ndarray:
    """Return which labels are neither missing nor ignored.

    Parameters
    ----------
    labels : ndarray of any shape
    ignored : tuple of int
        Labels that stand for a missing label.

    Returns
    -------
    ndarray of bool of the same shape
    """
    missing = is_missing(labels)
    if labels.dtype.kind in "iuf":
        for value in ignored:
            # a dtype that cannot hold the value is never equal to it
            missing |= labels == value
    elif labels.dtype.kind == "O":
        pairs = zip(labels.flat, missing.flat, strict=True)
        # texts are not compared with numbers
        gone = [is_gone or (type(label) is not str and label in ignored) for label, is_gone in pairs]
        missing = np.array(gone, dtype=bool).reshape(labels.shape)
    return ~missing
