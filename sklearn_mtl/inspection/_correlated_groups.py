"""Groups of columns that are correlated."""

from __future__ import annotations

from itertools import combinations
from numbers import Real
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import issparse
from scipy.spatial.distance import squareform
from scipy.stats import rankdata
from sklearn.metrics.cluster import contingency_matrix

from ..columns._columns import plain
from ..columns._frame import as_frame
from ..utils._optional import import_optional
from ..utils._types import RowsLike

_NAME = "correlated_groups"


def correlated_groups(X: RowsLike, threshold: float = 0.7) -> dict[str, list[Any]]:
    """Find groups of correlated columns, for ``groups`` of `task_importances`.

    Columns are joined by hierarchical clustering with complete linkage, so that the association of any two columns
    of a group is at least the threshold. It is between 0 and 1:

    - of two columns of numbers, the absolute rank correlation (Spearman's);
    - of numbers and categories, the root of the share of the variance of the ranks that the categories explain,
      adjusted for the number of categories;
    - of two columns of categories, Cramer's V, adjusted for their numbers [1]_.

    Parameters
    ----------
    X : frame, or array-like of shape (n_samples, n_features)
        Rows in which a number is missing are left out of the associations of its column; a missing category is a
        category of its own.
    threshold : float in (0, 1], default=0.7
        Minimum association of two columns of a group.

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

    References
    ----------
    .. [1] Bergsma, "A Bias-Correction for Cramer's V and Tschuprow's T", Journal of the Korean Statistical
       Society, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.inspection import correlated_groups
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> X[:, 3] = -2 * X[:, 1]
    >>> correlated_groups(X)
    {'x1 + x3': [1, 3]}
    """
    if isinstance(threshold, bool) or not isinstance(threshold, Real) or not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold!r} should be a number above 0 and at most 1.")
    columns, known = _columns_of(X)
    if len(known) < 2:
        return {}
    distance = 1 - _associations(columns)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "complete")
    # associations are rounded in the last digits
    labels = fcluster(tree, 1 - threshold + 1e-9, "distance")
    groups = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
    found = [[known[position] for position in group] for group in groups if len(group) > 1]
    return {" + ".join(f"x{n}" if isinstance(n, int) else n for n in group): group for group in found}


def _columns_of(X: RowsLike) -> tuple[list[np.ndarray], list[Any]]:
    """Return the columns, as floats with NaN or as integer codes of categories, and their names or positions."""
    if issparse(X):
        raise TypeError(f"{_NAME} does not take a sparse matrix; pass X.toarray() of some rows.")
    X = plain(X)
    frame = as_frame(X)
    if frame is None:
        array = np.ma.filled(X, np.nan) if isinstance(X, np.ma.MaskedArray) else np.asarray(X)
        if array.ndim != 2:
            raise TypeError(f"{_NAME} takes a frame or a 2-D array, got an array of shape {array.shape}.")
        known: list[Any] = list(range(array.shape[1]))
        frame = as_frame(import_optional("pandas", "frames", _NAME).DataFrame(array).infer_objects())
    else:
        known = frame.names
    assert frame is not None
    frame.refuse_dates_and_lists()
    categorical = set(frame.categorical())
    return [
        np.unique(frame.read(p).values.astype(str), return_inverse=True)[1]
        if p in categorical
        else frame.numbers([p])[:, 0].astype(np.float64)
        for p in range(frame.shape[1])
    ], known


def _associations(columns: list[np.ndarray]) -> np.ndarray:
    """Return the associations of all columns, each between 0 and 1."""
    pandas = import_optional("pandas", "frames", _NAME)
    found = np.zeros((len(columns), len(columns)))
    numeric = [place for place, column in enumerate(columns) if column.dtype.kind == "f"]
    correlation = pandas.DataFrame({place: columns[place] for place in numeric}).corr(method="spearman").to_numpy()
    # a constant column, or two that are never known together, have no correlation
    found[np.ix_(numeric, numeric)] = np.clip(np.nan_to_num(np.abs(correlation)), 0, 1)
    for one, other in combinations(range(len(columns)), 2):
        if one not in numeric or other not in numeric:
            found[one, other] = found[other, one] = _of_categories(columns[one], columns[other])
    return found


def _of_categories(one: np.ndarray, other: np.ndarray) -> float:
    """Return the association of two columns of which one or both are categories; 0 for a constant one."""
    kept = ~(np.isnan(one) | np.isnan(other))
    one, other = one[kept], other[kept]
    if len(one) < 2 or (one == one[0]).all() or (other == other[0]).all():
        return 0.0
    if one.dtype.kind == other.dtype.kind:
        return _cramer(one, other)
    numbers, codes = (one, other) if one.dtype.kind == "f" else (other, one)
    _, codes = np.unique(codes, return_inverse=True)
    ranks, counts = rankdata(numbers), np.bincount(codes)
    means = np.bincount(codes, ranks) / counts
    n, k = len(ranks), len(counts)
    unexplained = np.square(ranks - means[codes]).sum() / np.square(ranks - ranks.mean()).sum()
    return 0.0 if k >= n else float(np.sqrt(max(0.0, 1 - unexplained * (n - 1) / (n - k))))


def _cramer(one: np.ndarray, other: np.ndarray) -> float:
    """Return Cramer's V of two columns of codes, adjusted for the numbers of codes."""
    counts = contingency_matrix(one, other)
    n = len(one)
    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    squared = (np.square(counts - by_chance) / by_chance).sum() / n
    rows, columns = counts.shape
    adjusted = squared - (rows - 1) * (columns - 1) / (n - 1)
    least = min(size - (size - 1) ** 2 / (n - 1) for size in (rows, columns)) - 1
    return float(np.sqrt(np.clip(adjusted / least, 0, 1))) if least > 0 else 0.0
