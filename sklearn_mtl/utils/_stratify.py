"""Stratified distribution of rows to folds, by all classes of all targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def deal(codes: np.ndarray, sizes: Sequence[int] | np.ndarray) -> np.ndarray:
    """Distribute rows to folds of given sizes, starting with the rarest remaining class.

    Rows with the same codes are distributed as one group, in order: its first rows go to the first fold. This is
    iterative stratification [1]_ with whole numbers of rows. Each fold has a quota of each class, which is the
    number of rows that scikit-learn's `StratifiedKFold` would assign for that column alone. A group is divided in
    proportion to the remaining quotas.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows, n_columns)
        Class of each row in each column, from 0.
    sizes : array-like of int of shape (n_folds,)
        Number of rows of each fold; their sum is ``n_rows``.

    Returns
    -------
    ndarray of int of shape (n_rows,)
        The fold of each row.

    References
    ----------
    .. [1] Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.utils._stratify import deal
    >>> deal(np.array([[0], [0], [1], [0], [1], [0]]), sizes=[3, 3])
    array([0, 0, 0, 1, 1, 1])
    """
    groups = _alike(codes)
    folds = np.empty(len(codes), dtype=np.intp)
    by_group = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    shares = _shares(codes[by_group[np.cumsum(counts) - counts]], counts, np.asarray(sizes))
    folds[by_group] = np.repeat(np.tile(np.arange(len(sizes)), len(counts)), shares.ravel())
    return folds


def quantile_bins(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the quantile bin of each number, from 1, as int of shape (n_rows,); 0 for NaN."""
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, n_bins + 1)[1:-1]))
    return np.where(np.isnan(values), 0, np.digitize(values, edges) + 1)


def _alike(codes: np.ndarray) -> np.ndarray:
    """Return the number of each row among the unique rows of codes, in order of first occurrence."""
    key, n_keys = np.zeros(len(codes), dtype=np.int64), 1
    for column in codes.T:
        width = int(column.max(initial=0)) + 1
        if n_keys * width > 2**62:
            key = np.unique(key, return_inverse=True)[1]
            n_keys = int(key.max(initial=0)) + 1
        key, n_keys = key * width + column, n_keys * width
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.intp)
    place[np.argsort(first)] = np.arange(len(first))
    return place[group]


def _shares(codes: np.ndarray, counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Distribute groups of rows to folds; return the number of rows (n_groups, n_folds) of each group and fold."""
    widths = codes.max(axis=0, initial=0).astype(np.intp) + 1
    first = np.cumsum(widths) - widths  # the classes of all columns are numbered consecutively
    strata, column_of = codes + first, np.repeat(np.arange(len(widths)), widths)
    turns = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes if size])
    in_turn = np.repeat(np.arange(len(sizes)), sizes)[np.argsort(turns, kind="stable")]
    quotas = np.vstack([_quotas(column, counts, in_turn, len(sizes)) for column in codes.T])
    left, free = quotas.sum(axis=1), sizes.copy()
    shares = np.zeros((len(counts), len(sizes)), dtype=np.intp)
    waiting = np.ones(len(counts), dtype=bool)
    while waiting.any():
        rarest = int(np.where(left > 0, left, np.iinfo(left.dtype).max).argmin())
        for group in np.flatnonzero(waiting & (strata[:, column_of[rarest]] == rarest)):
            share = _in_proportion(quotas[rarest], free, counts[group])
            shares[group] = share
            quotas[strata[group]] -= share
            free -= share
            left[strata[group]] -= counts[group]
            waiting[group] = False
    return shares


def _quotas(column: np.ndarray, counts: np.ndarray, in_turn: np.ndarray, n_folds: int) -> np.ndarray:
    """Return the quotas of a column, (n_classes, n_folds).

    They are computed as if the rows were sorted by class and dealt in turn, to larger folds more often. If the
    sizes of folds differ much, a quota may then be off by two rows or more. This is corrected.
    """
    of_class = np.bincount(column, weights=counts).astype(np.intp)
    key = np.repeat(np.arange(len(of_class)), of_class) * n_folds + in_turn
    quotas = np.bincount(key, minlength=len(of_class) * n_folds).reshape(-1, n_folds)
    exact = np.outer(of_class, np.bincount(in_turn, minlength=n_folds)) / max(1, len(in_turn))
    for _ in range(quotas.size):
        off = quotas - exact
        one, fold = np.unravel_index(np.abs(off).argmax(), off.shape)
        if abs(off[one, fold]) < 2:
            break
        _exchange(quotas, off, int(one), int(fold))
    return quotas


def _exchange(quotas: np.ndarray, off: np.ndarray, one: int, fold: int) -> None:
    """Move one row of a class into or out of a fold, in exchange for one of another class; sums stay the same.

    Parameters
    ----------
    quotas : ndarray of int of shape (n_classes, n_folds)
        Changed in place.
    off : ndarray of shape (n_classes, n_folds)
        Quotas minus exact shares.
    one, fold : int
        Class and fold of the quota that is off most.
    """
    sign = 1 if off[one, fold] > 0 else -1
    # change of the squared error by moving the row to another fold, for a row of another class
    change = sign * (off[one] + off[:, fold, None] - off)
    is_possible = (quotas > 0) if sign > 0 else (quotas[one] > 0) & (quotas[:, fold, None] > 0)
    is_possible[one], is_possible[:, fold] = False, False
    if is_possible.any():
        place = int(np.where(is_possible, change, np.inf).argmin())
        other, to = divmod(place, off.shape[1])
        for column, step in ((fold, sign), (to, -sign)):
            quotas[one, column] -= step
            quotas[other, column] += step


def _in_proportion(quotas: np.ndarray, free: np.ndarray, count: int) -> np.ndarray:
    """Divide rows of one class among folds in proportion to their quotas, limited by their free rows."""
    wanted = np.minimum(np.maximum(quotas, 0), free)
    exact = wanted * min(1.0, count / max(1, wanted.sum()))
    share = exact.astype(np.intp)
    for _ in range(count - share.sum()):
        room = share < free
        share[np.lexsort((free - share, quotas - share, exact - share, room))[-1]] += 1
    return share
