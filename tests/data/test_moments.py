"""Means and deviations of blocks are those of all rows."""

import numpy as np
import pytest

from sklearn_mtl.data._moments import Moments


def blocks_of(X, sizes):
    return np.split(X, np.cumsum(sizes))


@pytest.mark.parametrize("offset", [0.0, 1e9, -3e12])
def test_equal_those_of_numpy_whatever_the_blocks(offset):
    rng = np.random.default_rng(0)
    X = offset + rng.normal(size=(500, 3)) * [1.0, 1e-3 * max(1.0, abs(offset) * 1e-9), 50.0]
    X[1:][rng.random((499, 3)) < 0.1] = np.nan
    moments = Moments(4)
    for block in blocks_of(X, [1, 30, 200, 7]):
        moments.add([0, 2, 3], block)
    np.testing.assert_allclose(moments.mean[[0, 2, 3]], np.nanmean(X, axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.deviation[[0, 2, 3]], np.nanstd(X - X[0], axis=0), rtol=1e-9)
    assert np.isnan(moments.deviation[1])


def test_return_which_numbers_are_missing():
    moments = Moments(2)
    assert moments.add([0, 1], np.ones((3, 2))) is None
    assert moments.add([0], np.array([[np.nan], [1.0]])).tolist() == [[True], [False]]
    assert moments.count.tolist() == [4, 3]


def test_sums_that_overflow_are_no_infinite_numbers():
    assert Moments(1).add([0], np.full((3, 1), 1e308)) is None


def test_refuse_infinity_by_name():
    with pytest.raises(ValueError, match="column 'b' of X contains infinity"):
        Moments(2).add([0, 1], np.array([[1.0, -np.inf]]), ["a", "b"].__getitem__)
