"""What trunks are made of: means over positions, sparse rows, and what a fit leaves on its estimator."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator

from sklearn_mtl.trunks import SparseRows
from sklearn_mtl.trunks._base import forget_columns, mean_over_positions


@pytest.mark.parametrize("axes", [0, 1, 2])
@pytest.mark.parametrize("members", [(), (2,)], ids=["one", "members"])
def test_mean_over_all_positions(axes, members):
    shape = (*members, 3, *(4, 5)[:axes], 2)
    x = np.random.default_rng(0).normal(size=shape)
    expected = x.reshape(*members, 3, -1, 2).mean(axis=-2)
    np.testing.assert_allclose(mean_over_positions(torch.from_numpy(x), axes, has_mask=False), expected)


def test_mean_over_the_positions_that_are_there():
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(length, 2)) for length in (4, 1, 0)]
    x = np.zeros((3, 4, 3))
    for padded, row in zip(x, rows, strict=True):
        padded[: len(row), :2], padded[: len(row), 2] = row, 1
    means = mean_over_positions(torch.from_numpy(x), 1, has_mask=True)
    np.testing.assert_allclose(means[:2, :2], [row.mean(axis=0) for row in rows[:2]])
    assert means[:, 2].tolist() == [1, 1, 0]
    assert not means[2].any()  # a row of nothing is 0, not NaN


@pytest.mark.parametrize("rows", [slice(1, 3), torch.tensor([2, 0, 2]), slice(None)], ids=str)
def test_sparse_rows_become_dense_batch_by_batch(rows):
    dense = np.array([[0.0, 1, 0], [2, 0, 0], [0, 0, 3]])
    sparse = SparseRows(csr_matrix(dense))
    assert len(sparse) == 3
    np.testing.assert_array_equal(sparse[rows], torch.from_numpy(dense)[rows])
    doubled = SparseRows(csr_matrix(dense), lambda batch: 2 * batch + 1)
    np.testing.assert_array_equal(doubled[rows], 2 * torch.from_numpy(dense)[rows] + 1)


def test_columns_of_an_earlier_fit_are_forgotten():
    owner = BaseEstimator()
    forget_columns(owner)
    owner.n_features_in_, owner.feature_names_in_, owner.kept_ = 3, ["a"], 1
    forget_columns(owner)
    assert vars(owner) == {"kept_": 1}
