"""The columns of a frame: which are numbers, which are categories, and what they hold."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_mtl.columns._frame import as_frame

COLUMNS = {"x": [1.5, 2.5, None], "c": ["u", "v", "u"], "n": [1, 2, 3], "b": [True, False, True]}
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
frames = pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)


@frames
def test_every_library_tells_the_same(make):
    frame = as_frame(make(COLUMNS))
    assert frame.names == list(COLUMNS)
    assert tuple(frame.shape) == (3, 4)
    assert frame.categorical() == [1]
    np.testing.assert_array_equal(frame.numbers([0, 2, 3]), [[1.5, 1, 1], [2.5, 2, 0], [np.nan, 3, 1]])
    found = frame.levels(1)
    assert [found.values[position] for position in found.of_rows] == COLUMNS["c"]


@frames
def test_numbers_come_in_the_order_that_is_asked_for(make):
    frame = as_frame(make(COLUMNS))
    np.testing.assert_array_equal(frame.numbers([3, 0])[:2], [[1, 1.5], [0, 2.5]])
    assert frame.numbers([]).shape == (3, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", [pd, pl])
def test_floats_keep_their_precision(library, dtype):
    frame = library.DataFrame({name: np.arange(3, dtype=dtype) for name in "ab"})
    assert as_frame(frame).numbers([0, 1]).dtype == dtype


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1.0, np.nan, 3.0], dtype=object),
        pd.Series([Decimal(1), None, Decimal(3)]),
        pd.Series([True, None, 3], dtype=object),
        pd.Series([1.0, None, 3.0], dtype="float64[pyarrow]"),
        pd.Series(pd.arrays.SparseArray([1.0, np.nan, 3.0])),
        pl.Series([1, None, 3]),
        pl.Series([Decimal(1), None, Decimal(3)]),
    ],
    ids=["nullable", "objects", "decimals", "mixed", "arrow", "sparse", "polars", "polars decimals"],
)
def test_numbers_of_every_dtype_are_numbers_and_missing_ones_nan(values):
    frame = as_frame((pd if isinstance(values, pd.Series) else pl).DataFrame({"a": values}))
    assert frame.categorical() == []
    np.testing.assert_array_equal(frame.numbers([0]), [[1.0], [np.nan], [3.0]])


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["u", None], dtype=object),
        pd.Series(["u", None], dtype="string"),
        pd.Categorical([3, None], categories=[5, 3]),
        pd.Series([None, None], dtype=object),
    ],
    ids=["objects", "strings", "categories of numbers", "nothing"],
)
def test_texts_categories_and_columns_of_nothing_are_categories(values):
    frame = as_frame(pd.DataFrame({"a": values}))
    assert frame.categorical() == [0]
    assert frame.levels(0).of_rows[1] == -1


def test_a_column_is_read_by_its_place_where_names_are_no_texts():
    frame = as_frame(pd.DataFrame({0: ["u", "v"], ("a", 1): [1.0, 2.0]}))
    assert frame.names == [0, ("a", 1)]
    assert frame.categorical() == [0]
    assert frame.numbers([1]).ravel().tolist() == [1, 2]


@pytest.mark.parametrize("X", [np.eye(2), [[1, 2]], "text", None, {"a": [1]}])
def test_what_is_no_frame_is_none(X):
    assert as_frame(X) is None


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pl.LazyFrame({"a": [1]}), r"pass X\.collect\(\)"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "names a column more than once"),
    ],
)
def test_what_cannot_be_read_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        as_frame(X)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.Series([datetime.date(2020, 1, 1)]), "column 'a' of X is date objects"),
        (pd.Series([["u"], ["v"]]), "column 'a' of X is list objects"),
        (pd.Series(["u", 1], dtype=object), r"column 'a' of X mixes text and numbers.*\['int', 'str'\]"),
        (pd.Series([1 + 2j], dtype=object), "Complex data not supported: column 'a'"),
    ],
)
def test_objects_that_are_neither_are_refused_by_the_name_of_the_column(values, message):
    with pytest.raises(ValueError, match=message):
        as_frame(pd.DataFrame({"a": values})).categorical()


@pytest.mark.parametrize("values", [pl.Series([datetime.date(2020, 1, 1)]), pl.Series([[1], [2]])], ids=str)
def test_dates_and_lists_are_refused_by_their_dtype(values):
    with pytest.raises(ValueError, match=r"column 'a' of X is .*; encode it"):
        as_frame(pl.DataFrame({"a": values})).refuse_dates_and_lists()


def test_text_among_the_numbers_is_refused_by_the_name_of_the_column():
    with pytest.raises(ValueError, match="column 'c' of X should be numeric"):
        as_frame(pd.DataFrame(COLUMNS)).numbers([0, 1])
