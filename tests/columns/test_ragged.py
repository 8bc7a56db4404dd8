import numpy as np
import pytest
import torch

from sklearn_mtl.columns._ragged import RaggedRows

LISTS = [[1, 2, 3], [], [4], [5, 6], [7, 8, 9, 10]]


@pytest.fixture
def ragged():
    return RaggedRows.of([np.array(row, dtype=np.int64) for row in LISTS])


@pytest.mark.parametrize("rows", [[0], [4, 1], [2, 2, 0], [1], [3, 4, 0, 1, 2]])
def test_rows_are_padded_with_zeros_to_the_longest_of_them(ragged, rows):
    found = ragged[torch.tensor(rows)]
    longest = max(1, *(len(LISTS[row]) for row in rows), 0)
    assert found.tolist() == [LISTS[row] + [0] * (longest - len(LISTS[row])) for row in rows]


def test_slices_and_a_given_length(ragged):
    assert ragged[1:3].tolist() == [[0], [4]]
    assert ragged.padded(torch.tensor([2]), 3).tolist() == [[4, 0, 0]]
    assert ragged[torch.tensor([], dtype=torch.int64)].shape == (0, 0)


def test_rows_one_after_the_other(ragged):
    assert ragged.flat(torch.tensor([3, 1, 0, 3])).tolist() == [5, 6, 1, 2, 3, 5, 6]


def test_positions_may_hold_vectors():
    rows = [np.arange(6.0).reshape(3, 2), np.ones((1, 2))]
    ragged = RaggedRows.of(rows)
    assert len(ragged) == 2
    found = ragged[torch.tensor([1, 0])]
    assert found.shape == (2, 3, 2)
    np.testing.assert_array_equal(found[0], [[1, 1], [0, 0], [0, 0]])
    np.testing.assert_array_equal(found[1], rows[0])


def test_casting_keeps_the_lengths(ragged):
    as_floats = ragged.to(torch.float64)
    assert as_floats.values.dtype == torch.float64
    assert torch.equal(as_floats.lengths, ragged.lengths)
    assert as_floats.nbytes == 80
