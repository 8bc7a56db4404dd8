"""Targets that store labels only: they are a mapping from task to array like any other."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.sparse import bsr_array, coo_array, csr_array, lil_array
from sklearn.model_selection import train_test_split

from sklearn_mtl import Targets
from sklearn_mtl.targets import read_targets

rng = np.random.default_rng(0)
DENSE = np.where(rng.random((30, 4)) < 0.6, np.nan, rng.integers(2, size=(30, 4)).astype(float))
ROWS, TASKS = np.nonzero(~np.isnan(DENSE))


def sparse(dense=DENSE, dtype=float):
    rows, tasks = np.nonzero(~np.isnan(dense))
    return coo_array((dense[rows, tasks].astype(dtype), (rows, tasks)), shape=dense.shape)


def arrays(y):
    return np.column_stack([y[name].astype(float) for name in y])


@pytest.mark.parametrize("form", ["tocsr", "tocsc", "tocoo"])
def test_what_is_stored_is_a_label_zeros_too(form):
    y = Targets.from_sparse(getattr(sparse(), form)())
    assert list(y) == ["0", "1", "2", "3"]
    assert y.shape == (30, 4)
    assert len(y) == 30
    assert y.is_sparse
    np.testing.assert_array_equal(arrays(y), DENSE)
    assert y == Targets({str(task): column for task, column in enumerate(DENSE.T)})


def test_long_labels_in_any_order_equal_a_sparse_matrix():
    order = rng.permutation(len(ROWS))
    y = Targets.from_long(ROWS[order], TASKS[order], DENSE[ROWS, TASKS][order], n_rows=30, names=range(4))
    assert y == Targets.from_sparse(sparse())


def test_long_labels_name_tasks_in_the_order_of_their_first_labels():
    y = Targets.from_long([4, 0, 2], ["b", "a", "b"], ["yes", None, "no"])
    assert list(y) == ["b", "a"]
    assert len(y) == 5
    assert y["b"].tolist() == [None, None, "no", None, "yes"]
    assert y["a"].tolist() == [None] * 5


def test_integers_and_bools_stay_what_they_are():
    y = Targets.from_sparse(sparse(dtype=bool))
    assert {type(label) for label in y["0"]} == {bool, type(None)}
    assert y.facts_of("0").kind == "boolean"


@pytest.mark.parametrize(
    "rows", [[3, 1, 1], slice(4, 9), np.arange(30) % 3 == 0, (np.array([5, 2]), slice(None))], ids=str
)
def test_rows_are_those_of_the_arrays(rows):
    part = Targets.from_sparse(sparse())[rows]
    np.testing.assert_array_equal(arrays(part), DENSE[rows])
    assert part.is_sparse


def test_facts_are_those_of_the_whole_and_of_the_array():
    whole, dense = Targets.from_sparse(sparse()), Targets({str(t): c for t, c in enumerate(DENSE.T)})
    assert dict(whole.facts()) == dict(dense.facts())
    assert dict(whole[[0, 1]].facts()) == dict(dense.facts())


def test_a_row_by_its_number_is_a_dict():
    row = Targets.from_sparse(sparse())[3]
    np.testing.assert_array_equal(list(row.values()), DENSE[3])


def test_tasks_are_selected_and_renamed():
    y = Targets.from_sparse(sparse(), names="abcd")
    np.testing.assert_array_equal(arrays(y._select(["d", "b"])), DENSE[:, [3, 1]])
    np.testing.assert_array_equal(y._named(list("wxyz"))["y"], DENSE[:, 2])


def test_it_survives_pickle_copy_and_scikit_learn():
    y = Targets.from_sparse(sparse())
    assert pickle.loads(pickle.dumps(y)) == y == y.copy()
    train, test = train_test_split(y, random_state=0)
    assert train.is_sparse
    assert len(train) + len(test) == 30
    np.testing.assert_array_equal(np.asarray(y), DENSE)
    assert dict(y).keys() == y.keys()
    assert len(y.to_frame().columns) == 4


def test_a_stored_nan_is_missing():
    y = Targets.from_long([0, 1], ["a", "a"], [np.nan, 1.0])
    assert y.n_labels.tolist() == [1]


def test_a_plain_sparse_y_names_both_ways():
    with pytest.raises(TypeError, match=r"Targets\.from_sparse.*Targets\.from_long"):
        read_targets(csr_array((2, 2)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Targets.from_sparse(np.zeros((2, 2))), TypeError, "takes a sparse matrix"),
        (lambda: Targets.from_sparse(bsr_array(np.ones((2, 2)))), TypeError, "'bsr'.*tocsr"),
        (lambda: Targets.from_sparse(lil_array((2, 2))), TypeError, "'lil'"),
        (lambda: Targets.from_sparse(sparse(), names="ab"), ValueError, "2 entries.*4 columns"),
        (lambda: Targets.from_sparse(sparse(), names="aabb"), ValueError, "more than once"),
        (
            lambda: Targets.from_sparse(coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(2, 2))),
            ValueError,
            "row 0 has more than one label of task '1'",
        ),
        (lambda: Targets.from_long([0], ["a", "b"], [1]), ValueError, "one entry per label"),
        (lambda: Targets.from_long([0.5], ["a"], [1]), TypeError, "integers"),
        (lambda: Targets.from_long([5], ["a"], [1], n_rows=5), ValueError, r"row\[0\]=5 is none of the 5 rows"),
        (lambda: Targets.from_long([-1], ["a"], [1], n_rows=5), ValueError, "0 to 4"),
        (lambda: Targets.from_long([0], ["a"], [1], names=["b"]), ValueError, "task has.*'a'"),
        (lambda: Targets.from_long([], [], []), ValueError, "at least one task and one row"),
    ],
)
def test_bad_labels_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
