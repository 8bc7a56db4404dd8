"""Which labels of positions, tokens or pixels, are there."""

from __future__ import annotations

import numpy as np

from ..columns._missing import is_missing

#: means that a position has no label
MISSING_LABEL = -1
#: what others write for positions without a label, as losses of torch do
CUSTOMARY_LABEL = -100


def are_labelled(labels: np.ndarray, ignored: tuple[int, ...]) -> np.ndarray:
    """Return which labels are neither missing nor ignored.

    Parameters
    ----------
    labels : ndarray of any shape
    ignored : tuple of int
        Labels that mean that there is none.

    Returns
    -------
    ndarray of bool of the same shape
    """
    missing = is_missing(labels)
    if labels.dtype.kind in "iuf":
        for value in ignored:
            # types that do not hold it have none of it
            missing |= labels == value
    elif labels.dtype.kind == "O":
        pairs = zip(labels.flat, missing.flat, strict=True)
        # a text is not compared with a number
        gone = [is_gone or (type(label) is not str and label in ignored) for label, is_gone in pairs]
        missing = np.array(gone, dtype=bool).reshape(labels.shape)
    return ~missing
