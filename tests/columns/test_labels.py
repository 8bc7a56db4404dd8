"""The labels of one target, and what is known of the whole column."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy.sparse import csr_matrix

from sklearn_mtl.columns._labels import MOST_CLASSES, Facts, as_target, facts_of, objects_of, read_labels

# -- what holds them


@pytest.mark.parametrize(
    "values",
    [
        [3, 1, 2],
        (3, 1, 2),
        np.array([3, 1, 2]),
        pd.Series([3, 1, 2], index=[9, 8, 7]),
        pd.Series([3, 1, 2], dtype="Int64"),
        pl.Series([3, 1, 2]),
        pa.array([3, 1, 2]),
        torch.tensor([3, 1, 2]),
        np.ma.array([3, 1, 2]),
    ],
    ids=lambda values: type(values).__module__,
)
def test_integers_of_every_library_are_integers(values):
    labels = read_labels(values, "a").values
    assert labels.dtype.kind == "i"
    assert labels.tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([3, None], dtype="Int64"),
        pl.Series([3, None]),
        np.ma.array([3, 1], mask=[False, True]),
    ],
    ids=["pandas", "polars", "masked"],
)
def test_integers_beside_a_missing_label_stay_integers(values):
    first, second = read_labels(values, "a").values
    assert isinstance(first, int)
    assert first == 3
    assert second is None or second is pd.NA


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, "a"], [1, "a"]),  # numpy writes "1"
        ([None, "a"], [None, "a"]),
        ([["a"], ["b"]], [["a"], ["b"]]),  # one list of labels per row
        ([[1], [2, 3]], [[1], [2, 3]]),
    ],
)
def test_labels_of_lists_stay_what_they_are(values, expected):
    labels = read_labels(values, "a").values
    assert labels.shape == (2,)
    assert labels.tolist() == expected


@pytest.mark.parametrize(
    ("values", "ordered"),
    [
        (pd.Categorical(["low", None], categories=["low", "high"], ordered=True), True),
        (pd.Series(["low", None], dtype=pd.CategoricalDtype(["low", "high"])), False),
        (pl.Series(["low", None], dtype=pl.Enum(["low", "high"])), True),
    ],
)
def test_categories_are_those_of_the_dtype(values, ordered):
    labels = read_labels(values, "a")
    assert labels.values.tolist() == ["low", None]
    assert labels.categories == (("low", "high"), ordered)


def test_blocks_are_arrays():
    block = np.eye(3)[:, :2]
    for values in (block, csr_matrix(block), pd.DataFrame(block), pl.DataFrame(block), block.tolist()):
        np.testing.assert_array_equal(read_labels(values, "a").values, block)


@pytest.mark.parametrize(
    ("values", "message"),
    [("text", "task 'a' should be array-like, got 'text'"), (3, "array-like"), (np.array(3), "got a scalar")],
)
def test_what_has_no_rows_is_refused_by_the_name_of_the_task(values, message):
    with pytest.raises(ValueError, match=message):
        read_labels(values, "a")


# -- what is known of a column


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([True, False]), Facts("boolean")),
        (np.array([0, 1, 1]), Facts("integer", True, True, 2)),
        (np.array([0.0, 1.0, np.nan]), Facts("float", True, True, 2, True)),
        (np.array([2.0, 7.0]), Facts("float", False, True, 2)),
        (np.array([2.5, 7.0]), Facts("float")),
        (objects_of([2, None, 7]), Facts("integer", False, True, 2, True)),
        (objects_of([2.0, None, 7]), Facts("float", False, True, 2, True)),
        (objects_of([Decimal(2), 3]), Facts("fraction")),
        (objects_of(["a", None]), Facts("text")),
        (np.array(["a"]), Facts("text")),
        (objects_of([True, None]), Facts("boolean")),
        (objects_of([datetime.date(2020, 1, 1)]), Facts("date")),
        (objects_of([1 + 2j]), Facts("complex")),
        (objects_of([["a"], ["b"]]), Facts("object")),
    ],
)
def test_facts(values, expected):
    assert facts_of(values) == expected


def test_different_whole_numbers_are_counted_no_further_than_it_matters():
    for n_different in (MOST_CLASSES - 1, MOST_CLASSES, MOST_CLASSES + 1, 500):
        values = np.arange(5000) % n_different
        assert facts_of(values).n_different == min(n_different, MOST_CLASSES + 1)


def test_what_comes_late_in_a_long_column_is_seen():
    values = np.zeros(5000)
    assert facts_of(values).is_binary
    values[-1] = 2
    assert facts_of(values) == Facts("float", False, True, 2)
    values[-1] = 0.5
    assert not facts_of(values).is_whole


def test_facts_of_a_column_are_those_of_its_one_axis():
    values = np.array([[0], [3], [3]])
    assert facts_of(values) == facts_of(values[:, 0])


def test_the_order_of_rows_does_not_matter():
    values = objects_of([3, None, 1, 0, 1])
    assert facts_of(values) == facts_of(values[::-1])


# -- what a task gets


def test_rows_that_are_vectors_of_numbers_become_a_block():
    block = as_target(objects_of([np.array([1.0, 2.0]), None, [3.0, 4.0]]))
    np.testing.assert_array_equal(block, [[1, 2], [np.nan, np.nan], [3, 4]])


@pytest.mark.parametrize("rows", [[["a"], ["b", "c"]], [[1.0], [2.0, 3.0]], [{"a"}, {"b"}], ["a", "b"]], ids=str)
def test_other_rows_stay_one_label_each(rows):
    assert as_target(objects_of(rows)).shape == (2,)


def test_one_column_is_one_label_per_row():
    np.testing.assert_array_equal(as_target(np.array([[1], [2]])), [1, 2])
    np.testing.assert_array_equal(as_target(np.eye(2)), np.eye(2))
