"""Groups of columns that are correlated."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import issparse
from scipy.spatial.distance import squareform

from ..columns._columns import plain
from ..columns._frame import as_frame
from ..utils._optional import import_optional
from ..utils._types import RowsLike

_NAME = "correlated_groups"


def correlated_groups(X: RowsLike, threshold: float = 0.7) -> dict[str, list[Any]]:
    """Find groups of correlated columns, for ``groups`` of `task_importances`.

    Columns are joined by hierarchical clustering with complete linkage, so that any two columns of a group have a
    rank correlation (Spearman's) of at least the threshold, in absolute value.

    Parameters
    ----------
    X : frame, or array-like of shape (n_samples, n_features)
        A column of text or categories is in no group. Missing numbers are left out of the correlations of their
        column.
    threshold : float in (0, 1], default=0.7
        Minimum absolute correlation of two columns of a group.

    Returns
    -------
    dict of str to list
        The columns of each group of two or more, by name or position, under their joined names.

    Raises
    ------
    ValueError
        If the threshold is not between 0 and 1, or X has dates.
    TypeError
        If X is a sparse matrix or has no columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.inspection import correlated_groups
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> X[:, 3] = -2 * X[:, 1]
    >>> correlated_groups(X)
    {'x1 + x3': [1, 3]}
    """
    pandas = import_optional("pandas", "frames", _NAME)
    if isinstance(threshold, bool) or not isinstance(threshold, Real) or not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold!r} should be a number above 0 and at most 1.")
    numbers, known = _numbers_of(X)
    if len(known) < 2:
        return {}
    correlation = np.abs(pandas.DataFrame(numbers).corr(method="spearman").to_numpy())
    # a constant column, or two that are never known together, have none
    distance = np.clip(1 - np.nan_to_num(correlation), 0, 1)
    np.fill_diagonal(distance, 0.0)
    # correlations are rounded in the last digits
    tree = linkage(squareform(distance, checks=False), "complete")
    labels = fcluster(tree, 1 - threshold + 1e-9, "distance")
    groups = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
    found = [[known[position] for position in group] for group in groups if len(group) > 1]
    return {" + ".join(f"x{n}" if isinstance(n, int) else n for n in group): group for group in found}


def _numbers_of(X: RowsLike) -> tuple[np.ndarray, list[Any]]:
    """Return the columns of numbers, (n_rows, n_columns), and their names or positions."""
    if issparse(X):
        raise TypeError(f"{_NAME} does not take a sparse matrix; pass X.toarray() of some rows.")
    X = plain(X)
    frame = as_frame(X)
    if frame is None:
        array = np.ma.filled(X, np.nan) if isinstance(X, np.ma.MaskedArray) else np.asarray(X)
        if array.ndim != 2:
            raise TypeError(f"{_NAME} takes a frame or a 2-D array, got an array of shape {array.shape}.")
        if array.dtype.kind in "biuf":
            return array.astype(np.float64), list(range(array.shape[1]))
        known = list(range(array.shape[1]))
        frame = as_frame(import_optional("pandas", "frames", _NAME).DataFrame(array).infer_objects())
    else:
        known = frame.names
    assert frame is not None
    frame.refuse_dates_and_lists()
    others = set(frame.categorical())
    chosen = [position for position in range(frame.shape[1]) if position not in others]
    return frame.numbers(chosen), [known[position] for position in chosen]
