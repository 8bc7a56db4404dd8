"""One column, read by its values."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from sklearn_mtl.columns._columns import plain, read_column

NUMBERS = [1.5, 2.0, 4.0]
FORMS_OF_NUMBERS = {
    "list": NUMBERS,
    "array": np.array(NUMBERS),
    "objects": np.array(NUMBERS, dtype=object),
    "float32": np.array(NUMBERS, dtype=np.float32),
    "decimals": [Decimal("1.5"), Decimal(2), Decimal(4)],
    "fractions": [Fraction(3, 2), 2, 4.0],
    "pandas": pd.Series(NUMBERS),
    "pandas, objects": pd.Series(NUMBERS, dtype=object),
    "pandas, nullable": pd.Series(NUMBERS, dtype="Float64"),
    "pandas, sparse": pd.Series(pd.arrays.SparseArray(NUMBERS)),
    "pandas, array": pd.array(NUMBERS),
    "pandas, index": pd.Index(NUMBERS),
    "pandas, arrow": pd.Series(NUMBERS, dtype="float64[pyarrow]"),
    "pandas, arrow decimals": pd.Series(
        [Decimal("1.5"), Decimal(2), Decimal(4)], dtype=pd.ArrowDtype(pa.decimal128(5, 2))
    ),
    "polars": pl.Series(NUMBERS),
    "polars, decimals": pl.Series([Decimal("1.5"), Decimal(2), Decimal(4)]),
    "arrow": pa.array(NUMBERS),
    "arrow, chunked": pa.chunked_array([NUMBERS]),
    "tensor": torch.tensor(NUMBERS, requires_grad=True),
    "bfloat16": torch.tensor(NUMBERS, dtype=torch.bfloat16),
    "masked, nothing hidden": np.ma.array(NUMBERS),
}


@pytest.mark.parametrize("values", FORMS_OF_NUMBERS.values(), ids=FORMS_OF_NUMBERS)
def test_numbers_are_numbers_in_every_form(values):
    column = read_column(values)
    assert column.kind == "number"
    np.testing.assert_array_equal(column.values.astype(float), NUMBERS)
    assert not column.missing.any()


@pytest.mark.parametrize(
    "values",
    [
        [1, None, 3],
        [1.0, float("nan"), 3.0],
        [Decimal(1), Decimal("NaN"), 3],
        np.ma.array([1, 2, 3], mask=[0, 1, 0]),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1, None, 3], dtype="int64[pyarrow]"),
        pd.Series([1, pd.NA, 3], dtype=object),
        pl.Series([1, None, 3]),
        pa.array([1, None, 3]),
    ],
)
def test_missing_numbers_are_nan_in_every_form(values):
    column = read_column(values)
    assert column.kind == "number"
    np.testing.assert_array_equal(column.values, [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(column.missing, [False, True, False])


def test_an_integer_that_a_float_would_round_stays_exact_beside_a_missing_one():
    assert read_column([2**60 + 1, None]).values.tolist() == [2**60 + 1, None]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], "boolean"),
        (pd.Series([True, None], dtype="boolean"), "boolean"),
        ([True, 2.5], "number"),
        ([None, None], "number"),
        ([], "number"),
        (["a", None], "text"),
        (pl.Series(["a", "b"]), "text"),
        ([b"a"], "bytes"),
        (["a", 1], "object"),
        ([[1, 2], [3]], "object"),
        (np.array([1 + 2j]), "object"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "date"),
        ([datetime.timedelta(1)], "date"),
        (pd.Series([pd.NaT, pd.NaT]), "date"),
        (pd.Series(pd.period_range("2020", periods=2, freq="Y")), "date"),
        (pd.Series([datetime.date(2020, 1, 1)]), "date"),
        (pl.Series([datetime.datetime(2020, 1, 1)]), "date"),
        (pa.array([datetime.date(2020, 1, 1)]), "date"),
    ],
)
def test_the_kind_is_that_of_the_values(values, kind):
    assert read_column(values).kind == kind


@pytest.mark.parametrize(
    ("values", "ordered"),
    [
        (pd.Categorical(["low", None], categories=["low", "high"], ordered=True), True),
        (pd.Series(["low", None], dtype=pd.CategoricalDtype(["low", "high"])), False),
        (pl.Series(["low", None], dtype=pl.Enum(["low", "high"])), True),
    ],
)
def test_categories_keep_their_order(values, ordered):
    column = read_column(values)
    assert (column.kind, column.categories, column.ordered) == ("category", ["low", "high"], ordered)
    assert column.values.tolist() == ["low", None]


def test_what_numpy_reads_already_stays_the_same_object():
    array = np.arange(3)
    assert plain(array) is array
