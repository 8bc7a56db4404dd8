"""Whole groups in folds: as balanced as the best of all ways, where all can be tried."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_mtl.utils._deal_groups import deal_groups


def statistic(codes, groups, sizes, fold_of):
    """Compute chi-square of the counts of all classes, and of rows."""
    share, total = np.asarray(sizes) / np.sum(sizes), 0.0
    for column in (np.zeros(len(codes), int), *codes.T):
        for code in np.unique(column):
            here = column == code
            counts = np.bincount(fold_of[groups[here]], minlength=len(sizes))
            weight = codes.shape[1] if here.all() else 1
            total += weight * ((counts - share * here.sum()) ** 2 / (share * here.sum())).sum()
    return total


def grouped(seed, n_groups=8, n_rows=100):
    """Labels that differ between groups, of groups of different sizes."""
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n_rows - n_groups)])
    shares = rng.dirichlet(np.ones(3), n_groups)
    return np.column_stack([[rng.choice(3, p=shares[g]) for g in groups], rng.integers(0, 2, n_rows)]), groups


@pytest.mark.parametrize("sizes", [(50, 50), (10, 90)])
@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_best_of_all_distributions(seed, sizes):
    codes, groups = grouped(seed)
    ways = [np.array(way) for way in itertools.product((0, 1), repeat=8) if 0 < sum(way) < 8]
    best = min(statistic(codes, groups, sizes, way) for way in ways)
    assert statistic(codes, groups, sizes, deal_groups(codes, groups, sizes)) <= 1.001 * best


@given(st.integers(0, 1000), st.integers(2, 6), st.booleans())
def test_no_fold_is_empty_and_the_order_decides(seed, n_folds, ordered):
    codes, groups = grouped(seed)
    order = np.random.default_rng(seed).permutation(8) if ordered else None
    fold_of = deal_groups(codes, groups, [100 / n_folds] * n_folds, order)
    assert set(fold_of) == set(range(n_folds))
    assert np.array_equal(fold_of, deal_groups(codes, groups, [100 / n_folds] * n_folds, order))


def test_groups_go_only_where_they_may():
    codes, groups = grouped(0)
    allowed = np.ones((8, 2), dtype=bool)
    allowed[[1, 4], 0] = False
    assert (deal_groups(codes, groups, [30, 70], allowed=allowed)[[1, 4]] == 1).all()
