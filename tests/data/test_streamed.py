"""Batches of rows that are read in parts."""

from functools import partial

import numpy as np
import pytest
import torch

from sklearn_mtl.data._dataset import BatchIterator, Dataset
from sklearn_mtl.data._streamed import Pool, StreamedBatches
from sklearn_mtl.utils._random import Streams


def rows(first, n_rows, weights=True):
    values = torch.arange(first, first + n_rows, dtype=torch.float32)[:, None]
    return Dataset({"numeric": values}, [values * 2], [values * 3 if weights else None])


def batches(sizes, batch_size, fewest=1, epoch=0, n_rows=None):
    starts = np.cumsum([0, *sizes])
    pools = (rows(int(start), size) for start, size in zip(starts, sizes, strict=False))
    return StreamedBatches(pools, sum(sizes) if n_rows is None else n_rows, batch_size, Streams(0), epoch, fewest)


@pytest.mark.parametrize("sizes", [(20,), (7, 13), (3, 1, 16), (10, 10), (5, 5, 5, 5), (1,) * 20])
@pytest.mark.parametrize("batch_size", [4, 6, 20, 64])
def test_each_row_is_in_one_batch(sizes, batch_size):
    found = batches(sizes, batch_size)
    n_batches, made = len(found), list(found)
    assert len(made) == n_batches
    assert [batch.n_rows for batch in made[:-1]] == [batch_size] * (n_batches - 1)
    numbers = torch.cat([batch.inputs["numeric"] for batch in made])
    assert sorted(numbers[:, 0].tolist()) == list(range(20))
    for factor, parts in ((2, [batch.targets[0] for batch in made]), (3, [batch.weights[0] for batch in made])):
        assert torch.equal(torch.cat(parts), numbers * factor)


def test_one_part_is_batched_as_rows_in_memory():
    plain = BatchIterator(rows(0, 20), 6, Streams(0).generator("shuffle", 3))
    for one, other in zip(batches((20,), 6, epoch=3), plain, strict=True):
        assert torch.equal(one.inputs["numeric"], other.inputs["numeric"])


@pytest.mark.parametrize("sizes", [(21,), (7, 14), (20, 1)])
def test_a_last_row_joins_the_batch_before(sizes):
    found = batches(sizes, 4, fewest=2)
    assert len(found) == 5
    assert [batch.n_rows for batch in found] == [4, 4, 4, 4, 5]


def test_order_depends_on_the_epoch():
    first, second = (
        torch.cat([b.inputs["numeric"] for b in batches((10, 10), 5, epoch=epoch)]) for epoch in (0, 1)
    )
    assert not torch.equal(first, second)


def test_other_rows_than_in_the_first_pass_are_refused():
    with pytest.raises(ValueError, match="had 21 rows to train on in the first pass, and 20 in epoch 1"):
        list(batches((20,), 4, n_rows=21))


def test_pool_joins_blocks_and_leaves_out_rows():
    pool = Pool(rows(0, 1), 8)
    for first, size in ((0, 3), (3, 4)):
        assert pool.has_room(size)
        pool.add(rows(first, size), torch.tensor([0, 2]))
    assert not pool.has_room(2)
    data = pool.rows()
    assert len(data) == 4
    assert data.batch(data.rows).inputs["numeric"][:, 0].tolist() == [0, 2, 3, 5]


def test_pool_completes_weights():
    pool = Pool(rows(0, 1), 4)
    pool.add(rows(0, 2, weights=False), torch.arange(2))
    assert pool.rows().weights[0].tolist() == [[1.0], [1.0]]
    with pytest.raises(ValueError, match="labels are missing that were there"):
        Pool(rows(0, 1, weights=False), 4).add(rows(0, 2), torch.arange(2))


def test_one_pool_is_read_at_a_time():
    alive = []

    def pools():
        for number in range(5):
            alive.append(number)
            yield rows(10 * number, 10)

    found = iter(partial(StreamedBatches, pools(), 50, 5, Streams(0), 0)())
    next(found)
    assert len(alive) == 1
