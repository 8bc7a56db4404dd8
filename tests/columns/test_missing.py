import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from sklearn_mtl.columns._missing import is_missing

MISSING = [None, np.nan, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT")]
PRESENT = ["", "nan", 0, 0.0, False, np.inf, [], [np.nan], (), {"a"}, np.array([np.nan]), 1 + 2j]


def object_array(*values):
    array = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        array[position] = value
    return array


@pytest.mark.parametrize("value", MISSING, ids=repr)
def test_missing_objects(value):
    assert is_missing(object_array("a", value, 1)).tolist() == [False, True, False]


@pytest.mark.parametrize("value", PRESENT, ids=repr)
def test_objects_that_are_there(value):
    assert is_missing(object_array(None, value)).tolist() == [True, False]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_missing_floats(dtype):
    assert is_missing(np.array([0, np.nan, np.inf], dtype=dtype)).tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", ["M8[D]", "m8[s]"])
def test_missing_times(dtype):
    assert is_missing(np.array([1, "NaT"], dtype=dtype)).tolist() == [False, True]


@pytest.mark.parametrize("dtype", ["i8", "u1", "?", "U3", "S3"])
def test_dtypes_that_cannot_be_missing(dtype):
    assert not is_missing(np.zeros(3, dtype=dtype)).any()


@given(arrays(np.float64, array_shapes(min_side=0), elements=st.floats()))
def test_floats_and_the_same_objects_agree(values):
    missing = is_missing(values.astype(object))
    assert missing.dtype == bool
    np.testing.assert_array_equal(missing, np.isnan(values), strict=True)
    np.testing.assert_array_equal(is_missing(values), missing)
