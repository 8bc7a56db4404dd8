"""Arrays out of what holds them, and tables out of rows that are vectors."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from sklearn_mtl.columns._arrays import as_array, is_array_like, rows_of_series, stack_vectors

VECTORS = np.arange(6.0).reshape(3, 2)


def objects(rows):
    array = np.empty(len(rows), dtype=object)
    for number, row in enumerate(rows):
        array[number] = row
    return array


class Image:
    """What knows how to become an array, as images of libraries do."""

    def __array__(self, dtype=None, copy=None):
        return np.eye(2)


@pytest.mark.parametrize(
    "value", [[1], (1,), np.ones(1), torch.ones(1), Image()], ids=lambda value: type(value).__name__
)
def test_what_holds_an_array(value):
    assert is_array_like(value)
    assert as_array(value).ndim >= 1


@pytest.mark.parametrize("value", ["text", 1.0, np.float64(1), None, np.ndarray, {"a": 1}], ids=repr)
def test_what_holds_none(value):
    assert not is_array_like(value)


def test_what_is_masked_is_nan():
    masked = np.ma.array([1, 2, 3], mask=[False, True, False])
    np.testing.assert_array_equal(as_array(masked), [1, np.nan, 3])
    shown = np.ma.array([1, 2, 3])
    assert as_array(shown).dtype == shown.dtype


HOLDERS = {
    "arrays": list,
    "objects": objects,
    "tensors": lambda rows: [torch.tensor(row) for row in rows],
    "a Series": lambda rows: pd.Series(list(rows), index=[7, 8, 9]),
    "a Series of lists": lambda rows: pd.Series([row.tolist() for row in rows]),
    "a frame of one column": lambda rows: pd.DataFrame({"v": list(rows)}),
    "a polars Series": lambda rows: pl.Series(rows.tolist()),
    "a polars frame of one column": lambda rows: pl.DataFrame({"v": rows.tolist()}),
    "a polars array": lambda rows: pl.Series(rows.tolist(), dtype=pl.Array(pl.Float64, 2)),
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_vectors_of_one_length_are_a_table(hold):
    table = stack_vectors(hold(VECTORS))
    assert isinstance(table, np.ndarray)
    np.testing.assert_array_equal(table, VECTORS)


@pytest.mark.parametrize(
    "X",
    [
        VECTORS,
        VECTORS.tolist(),  # scikit-learn's checks know these
        [1.0, 2.0],
        ["a", "b"],
        [],
        pd.DataFrame(VECTORS),
        pd.Series([1.0, 2.0]),
        VECTORS.astype(object),
    ],
    ids=["table", "lists", "numbers", "texts", "nothing", "frame", "series", "table of objects"],
)
def test_what_is_no_column_of_vectors_stays_the_same_object(X):
    assert stack_vectors(X) is X


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([np.ones(2), np.ones(3)], r"row 1 of X is of shape \(3,\), row 0 of shape \(2,\)"),
        ([np.ones(2), None, np.ones(2)], "row 1 of X is None"),
        ([np.ones((2, 2))] * 2, r"row 0 of X is of shape \(2, 2\)"),
    ],
)
def test_vectors_that_make_no_table_are_refused_by_their_row(rows, message):
    with pytest.raises(ValueError, match=message):
        stack_vectors(objects(rows))


def test_rows_of_a_frame_with_more_columns_are_not_taken_apart():
    frame = pd.DataFrame({"v": list(VECTORS), "w": [1, 2, 3]})
    assert rows_of_series(frame) is frame
    assert rows_of_series(pd.Series(["a", "b"], index=[4, 5])) == ["a", "b"]
