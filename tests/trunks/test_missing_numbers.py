import numpy as np
import pytest
from scipy.sparse import csr_matrix

from sklearn_mtl.trunks._missing_numbers import MissingNumbers, filled, learn_by_column, medians

NAN = float("nan")
X = np.array([[0.0, NAN, 5.0, NAN], [2.0, 3.0, 6.0, NAN], [0.0, NAN, 7.0, NAN], [1.0, 9.0, 8.0, NAN]])
CONTAINERS = [np.asarray, csr_matrix]


def dense(values):
    return values.toarray() if hasattr(values, "toarray") else values


@pytest.mark.parametrize("make", CONTAINERS)
def test_columns_are_complete_incomplete_or_empty(make):
    missing = MissingNumbers.of(make(X))
    assert missing.incomplete.tolist() == [False, True, False, True]
    assert missing.empty.tolist() == [False, False, False, True]
    assert missing.told.tolist() == [1]


@pytest.mark.parametrize("make", CONTAINERS)
def test_statistics_are_those_of_the_numbers_that_are_there(make):
    def learn(numbers, weight):
        numbers = dense(numbers)
        return {"mean": np.average(numbers, axis=0, weights=weight), "twice": np.repeat(numbers[:1].T, 2, axis=1)}

    learned = learn_by_column(learn, make(X), np.array([1.0, 1.0, 1.0, 3.0]), MissingNumbers.of(make(X)))
    np.testing.assert_allclose(learned["mean"], [5 / 6, (3 + 27) / 4, 42 / 6, 0])
    assert learned["twice"].shape == (4, 2)


@pytest.mark.parametrize("make", CONTAINERS)
@pytest.mark.parametrize("seed", range(10))
def test_a_weight_counts_as_that_many_rows_in_a_median(make, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-3, 4, size=(rng.integers(1, 12), 5)) * rng.integers(0, 2, size=5)
    weight = rng.integers(1, 4, size=len(numbers))
    repeated = np.repeat(numbers, weight, axis=0).astype(float)
    expected = np.sort(repeated, axis=0)[len(repeated) // 2]
    np.testing.assert_array_equal(medians(make(numbers.astype(float)), weight.astype(float)), expected)
    np.testing.assert_array_equal(medians(make(repeated), None), expected)


@pytest.mark.parametrize("make", CONTAINERS)
def test_missing_numbers_are_replaced_and_so_is_everything_in_empty_columns(make):
    rows = make(np.array([[NAN, 4.0, NAN, 8.0]]))
    numbers, missing = filled(rows, np.array([1.0, 2.0, 3.0, 0.0]), np.array([False, False, False, True]))
    np.testing.assert_array_equal(dense(numbers), [[1.0, 4.0, 3.0, 0.0]])
    np.testing.assert_array_equal(dense(missing), [[True, False, True, False]])
    assert np.isnan(dense(rows)[0, 0])


@pytest.mark.parametrize("make", CONTAINERS)
def test_complete_rows_are_not_copied(make):
    rows = make(np.ones((2, 4)))
    assert filled(rows, np.zeros(4), np.zeros(4, dtype=bool)) == (rows, None)


def test_numbers_whose_sum_overflows_are_complete():
    rows = np.full((2, 1), 3e38, dtype=np.float32)
    assert filled(rows, np.zeros(1), np.zeros(1, dtype=bool))[1] is None
