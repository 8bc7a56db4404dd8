"""What trunks are made of: sparse rows, and what a fit leaves on its estimator."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator

from sklearn_mtl.trunks import SparseRows
from sklearn_mtl.trunks._base import forget_columns


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
