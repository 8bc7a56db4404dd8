"""Hashes of rows depend on the values only."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_mtl.streaming._hash import hash_rows, shares_of
from sklearn_mtl.streaming._prefetch import prefetched
from tests.streaming._data import COLUMNS, table

FRAME = table(500)[COLUMNS]


def test_equal_in_all_containers_and_blocks():
    expected = hash_rows(FRAME)
    np.testing.assert_array_equal(hash_rows(FRAME.to_arrow()), expected)
    np.testing.assert_array_equal(hash_rows(FRAME.to_pandas()), expected)
    np.testing.assert_array_equal(np.concatenate([hash_rows(FRAME[:99]), hash_rows(FRAME[99:])]), expected)
    coded = FRAME.with_columns(pl.col("c").cast(pl.Categorical))
    np.testing.assert_array_equal(hash_rows(coded), expected)


def test_numbers_of_any_dtype_are_equal():
    whole = np.arange(6).reshape(3, 2)
    hashes = [
        hash_rows(given) for given in (whole, whole.astype(np.float32), pa.table({"a": [0, 2, 4], "b": [1, 3, 5]}))
    ]
    assert len({tuple(each.tolist()) for each in hashes}) == 1
    np.testing.assert_array_equal(hash_rows(np.array([[0.0]])), hash_rows(np.array([[-0.0]])))


def test_different_rows_differ_and_shares_are_uniform():
    grid = np.stack(np.meshgrid(*[np.arange(20.0)] * 3), axis=-1).reshape(-1, 3)
    hashes = hash_rows(grid)
    assert len(np.unique(hashes)) == len(grid)
    counts, _ = np.histogram(shares_of(hashes), bins=20, range=(0, 1))
    assert np.abs(counts - 400).max() < 5 * np.sqrt(400)


def test_columns_are_told_apart():
    assert hash_rows(np.array([[1.0, 2.0]]))[0] != hash_rows(np.array([[2.0, 1.0]]))[0]


def test_lists_and_missing_values():
    frame = pd.DataFrame({"a": [[1, 2], [1, 2], None]})
    one, same, other = hash_rows(frame)
    assert one == same != other


def test_prefetched_raises_where_the_item_would_be():
    def items():
        yield 1
        raise ValueError("broken")

    found = prefetched(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)
