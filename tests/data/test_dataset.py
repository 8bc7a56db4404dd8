import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from sklearn_mtl.columns._ragged import RaggedRows
from sklearn_mtl.data._dataset import BatchIterator, Dataset, moved, take
from sklearn_mtl.trunks import SparseRows
from sklearn_mtl.utils._random import Streams

ROWS = 10
NUMBERS = torch.arange(2.0 * ROWS).reshape(ROWS, 2)
SPARSE = csr_matrix(NUMBERS.numpy() * (NUMBERS.numpy() > 7))


def dataset(rows=None, n_rows=ROWS):
    """Make a data set in which every tensor contains its row number."""
    number = torch.arange(n_rows)
    inputs = {"numeric": number[:, None].float(), "categorical": number[:, None]}
    return Dataset(inputs, [number[:, None].double(), number], [number[:, None].double(), None], rows)


def shuffled(data, batch_size, seed=0):
    return list(BatchIterator(data, batch_size, Streams(seed).generator("shuffle")))


def rows_of(batches):
    return torch.cat([batch.targets[1] for batch in batches]).tolist()


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 100))
def test_every_row_is_in_one_batch(n_rows, batch_size, seed):
    data = dataset(n_rows=n_rows)
    batches = shuffled(data, batch_size, seed)
    sizes = [len(batch.targets[0]) for batch in batches]
    assert sorted(rows_of(batches)) == list(range(n_rows))
    assert len(batches) == len(BatchIterator(data, batch_size, torch.Generator()))
    assert all(size == batch_size for size in sizes[:-1])
    assert 0 < sizes[-1] <= batch_size


@given(st.sets(st.integers(0, ROWS - 1), min_size=1), st.integers(1, 12))
def test_a_subset_gives_its_rows_only(rows, batch_size):
    part = dataset().subset(torch.tensor(sorted(rows)))
    assert len(part) == len(rows)
    assert sorted(rows_of(shuffled(part, batch_size))) == sorted(rows)


def test_rows_of_inputs_targets_and_weights_belong_together():
    for batch in shuffled(dataset(), 3):
        rows = batch.targets[1].tolist()
        for tensor in (*batch.inputs.values(), batch.targets[0], batch.weights[0]):
            assert tensor[:, 0].tolist() == rows
        assert batch.weights[1] is None


def test_order_comes_from_the_generator():
    before = torch.get_rng_state()
    assert rows_of(shuffled(dataset(), 3)) == rows_of(shuffled(dataset(), 3))
    assert rows_of(shuffled(dataset(), 3)) != rows_of(shuffled(dataset(), 3, seed=1))
    assert rows_of(shuffled(dataset(), 3)) != list(range(ROWS))
    assert torch.equal(torch.get_rng_state(), before)


def test_batch_size_does_not_change_the_order():
    assert rows_of(shuffled(dataset(), 3)) == rows_of(shuffled(dataset(), ROWS))


def test_a_subset_shares_the_data():
    data = dataset()
    part = data.subset(torch.tensor([1, 2]))
    assert part.targets[0] is data.targets[0]
    assert part.inputs is data.inputs


@pytest.mark.parametrize("rows", [None, torch.tensor([7, 2])])
def test_everything_is_the_targets_of_the_set_in_order(rows):
    batch = dataset(rows).everything()
    expected = list(range(ROWS)) if rows is None else rows.tolist()
    assert batch.inputs == {}
    assert batch.targets[1].tolist() == batch.weights[0][:, 0].tolist() == expected


def test_moving_to_the_processor_copies_nothing():
    data = dataset()
    assert data.to(torch.device("cpu")).targets[0] is data.targets[0]


@pytest.mark.parametrize("rows", [slice(2, 5), torch.tensor([4, 0, 4]), torch.tensor([], dtype=torch.int64)])
@pytest.mark.parametrize("values", [NUMBERS, SparseRows(SPARSE)], ids=["dense", "sparse"])
def test_rows_are_taken_alike_from_dense_and_sparse(values, rows):
    dense = NUMBERS.numpy() if values is NUMBERS else SPARSE.toarray()
    expected = dense[rows if isinstance(rows, slice) else rows.numpy()]
    np.testing.assert_array_equal(take(values, rows, torch.device("cpu")), expected)


def test_ragged_rows_count_when_data_is_moved_to_a_gpu(monkeypatch):
    rows = RaggedRows.of([np.zeros((100, 1), dtype=np.float32)] * 10)
    data = Dataset({"token": rows}, [torch.zeros(10)], [None])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4000, 8000))
    moved = data.to(torch.device("cuda"))
    assert moved.device.type == "cuda"
    assert moved.inputs["token"].values.device.type == "cpu"


class Gathered:
    """Stands in for a tensor of the CPU, and notes what is done with it."""

    device = torch.device("cpu")

    def __init__(self):
        self.done = []

    def pin_memory(self):
        self.done.append("pinned")
        return self

    def to(self, device, non_blocking=False):
        self.done.append((device.type, non_blocking))
        return self


@pytest.mark.parametrize(
    ("device", "done"),
    [("cuda", ["pinned", ("cuda", True)]), ("cpu", [("cpu", False)]), ("mps", [("mps", False)])],
)
def test_rows_are_pinned_only_for_a_gpu_that_copies_them_meanwhile(device, done):
    gathered = Gathered()
    moved(gathered, torch.device(device))
    assert gathered.done == done
