import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from sklearn_mtl.utils._stratify import deal, quantile_bins


@st.composite
def dealings(draw):
    n_rows, n_columns = draw(st.integers(1, 40)), draw(st.integers(1, 4))
    codes = np.array(draw(st.lists(st.integers(0, 3), min_size=n_rows * n_columns, max_size=n_rows * n_columns)))
    cuts = sorted(draw(st.lists(st.integers(0, n_rows), max_size=4)))
    return codes.reshape(n_rows, n_columns), np.diff([0, *cuts, n_rows])


@given(dealings())
def test_folds_have_the_sizes_that_were_asked_for(dealing):
    codes, sizes = dealing
    folds = deal(codes, sizes)
    np.testing.assert_array_equal(np.bincount(folds, minlength=len(sizes)), sizes)


@given(dealings())
def test_each_class_of_one_column_has_its_share_but_for_a_row(dealing):
    codes, sizes = dealing[0][:, :1], dealing[1]
    folds = deal(codes, sizes)
    for fold, size in enumerate(sizes):
        shares = np.bincount(codes[:, 0]) * size / len(codes)
        assert (abs(np.bincount(codes[folds == fold, 0], minlength=len(shares)) - shares) < 2).all()


@pytest.mark.parametrize("n_splits", [2, 3, 7])
def test_classes_are_dealt_out_as_by_scikit_learn(n_splits):
    y = np.random.default_rng(0).choice(5, size=420, p=[0.5, 0.3, 0.1, 0.07, 0.03])
    folds = deal(y[:, None], [420 // n_splits] * n_splits)
    for fold, (_, test) in enumerate(StratifiedKFold(n_splits).split(y, y)):
        counts, expected = (np.bincount(y[rows], minlength=5) for rows in (folds == fold, test))
        assert abs(counts - expected).max() <= 1


def test_rows_that_are_alike_stay_in_their_order():
    codes = np.random.default_rng(0).integers(0, 2, size=(60, 2))
    folds = deal(codes, [20, 20, 20])
    for group in ([0, 0], [0, 1], [1, 0], [1, 1]):
        dealt = folds[(codes == group).all(axis=1)]
        assert (np.diff(dealt) >= 0).all()


def test_rare_classes_of_all_columns_are_shared():
    rng = np.random.default_rng(0)
    codes = (rng.random((1000, 6)) < 0.02).astype(int)
    folds = deal(codes, [200] * 5)
    counts = np.array([codes[folds == fold].sum(axis=0) for fold in range(5)])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()


def test_classes_that_are_all_rare_are_not_held_out_whole():
    codes = np.repeat(np.arange(100), 3)[:, None]
    held = deal(codes, [30, 270]) == 0
    assert np.bincount(codes[held, 0]).max() == 1


def test_more_columns_than_one_number_holds():
    codes = np.random.default_rng(0).integers(0, 2, size=(50, 200))
    codes[25:] = codes[:25]
    folds = deal(codes, [25, 25])
    np.testing.assert_array_equal(folds, np.repeat([0, 1], 25))


def test_bins_of_numbers_are_of_equal_size_from_1_and_0_is_missing():
    values = np.array([np.nan, *np.arange(20.0)])
    bins = quantile_bins(values, 4)
    assert bins[0] == 0
    assert np.bincount(bins).tolist() == [1, 5, 5, 5, 5]
    assert (np.diff(bins[1:]) >= 0).all()


def test_equal_numbers_are_in_one_bin():
    assert len(set(quantile_bins(np.full(9, 2.5), 5).tolist())) == 1


def test_a_class_has_its_share_where_folds_differ_much_in_size():
    sizes = [3, 3, 19, 1, 3]
    codes = np.repeat([0, 1, 2], [17, 6, 6])
    folds = deal(codes[:, None], sizes)
    for fold, size in enumerate(sizes):
        shares = np.bincount(codes) * size / len(codes)
        assert (abs(np.bincount(codes[folds == fold], minlength=3) - shares) < 2).all()
