"""Rows of stacked members: each member sees the rows that it would see alone."""

import numpy as np
import torch
from scipy.sparse import csr_matrix

from sklearn_mtl.data._dataset import BatchIterator, Dataset, DataSplit
from sklearn_mtl.data._stacked_data import StackedBatches, StackedData
from sklearn_mtl.trunks import SparseRows
from sklearn_mtl.utils._random import Streams

CPU = torch.device("cpu")
N = 11


def dataset(seed=0, weights=False):
    generator = torch.Generator().manual_seed(seed)
    inputs = {"numeric": torch.randn(N, 3, generator=generator)}
    weight = torch.rand(N, 1, generator=generator) if weights else None
    return Dataset(inputs, [torch.randn(N, 2, generator=generator)], [weight])


def stacked(splits, seeds, epoch=2, batch_size=4):
    data = StackedData(splits, CPU)
    orders, counts = data.training_orders(range(len(splits)), seeds, epoch)
    return StackedBatches(data, orders, batch_size, 1, counts, [False])


def alone(split, seed, epoch=2, batch_size=4):
    return list(BatchIterator(split.train, batch_size, Streams(seed).generator("shuffle", epoch)))


def assert_members_see_their_rows(splits, seeds):
    batches = list(stacked(splits, seeds))
    for member, (split, seed) in enumerate(zip(splits, seeds, strict=True)):
        for (task, together), single in zip(batches, alone(split, seed), strict=True):
            assert task is None
            at = min(member, len(together.rows) - 1)  # members that agree share one look-up
            torch.testing.assert_close(together.inputs["numeric"][at], single.inputs["numeric"], rtol=0, atol=0)
            torch.testing.assert_close(together.targets[0][at], single.targets[0], rtol=0, atol=0)
            if single.weights[0] is not None:
                torch.testing.assert_close(together.weights[0][at], single.weights[0], rtol=0, atol=0)


def test_members_of_other_seeds_have_other_orders():
    split = DataSplit(dataset(), None)
    assert_members_see_their_rows([split] * 3, [1, 2, 1])


def test_members_that_agree_share_one_look_up():
    split = DataSplit(dataset(), None)
    assert_members_see_their_rows([split] * 3, [4, 4, 4])
    assert len(next(iter(stacked([split] * 3, [4, 4, 4])))[1].rows) == 1


def test_members_of_other_rows_of_one_data_set():
    rows = dataset(weights=True)
    splits = [DataSplit(rows.subset(torch.tensor(kept)), None) for kept in ([0, 3, 4, 7, 9], [1, 2, 5, 8, 10])]
    assert_members_see_their_rows(splits, [0, 0])


def test_rows_of_padding_have_weight_0():
    splits = [DataSplit(dataset(), None), DataSplit(dataset(1).subset(torch.arange(9)), None)]
    *full, (_, last) = stacked(splits, [0, 0])
    assert [batch.weights for _, batch in full] == [[None], [None]]
    assert last.weights[0].squeeze(-1).tolist() == [[1, 1, 1], [1, 0, 0]]
    single = alone(splits[1], 0)[-1]
    torch.testing.assert_close(last.inputs["numeric"][1, :1], single.inputs["numeric"], rtol=0, atol=0)


def test_members_of_other_data_sets():
    assert_members_see_their_rows([DataSplit(dataset(seed), None) for seed in (0, 1)], [3, 3])


def test_weights_of_members_without_any_are_1():
    splits = [DataSplit(dataset(0, weights=True), None), DataSplit(dataset(1), None)]
    (_, batch), *_ = stacked(splits, [0, 0])
    assert (batch.weights[0][1] == 1).all()


def test_sparse_rows_are_gathered_dense():
    matrix = csr_matrix(np.eye(N, 4))
    split = DataSplit(Dataset({"numeric": SparseRows(matrix)}, [torch.zeros(N, 1)], [None]), None)
    (_, batch), *_ = stacked([split, split], [0, 1])
    expected = torch.from_numpy(matrix.toarray())[batch.rows]
    torch.testing.assert_close(batch.inputs["numeric"], expected, rtol=0, atol=0)
