"""Predictions of a stream are those of its rows in memory, in a Parquet file."""

import errno
import os

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LinearRegression

from sklearn_mtl.streaming import Stream, predict_to_parquet
from tests._helpers import net
from tests.streaming._data import COLUMNS, TASKS, table, write

FRAME = table(200)
FITTED = net().fit(FRAME[COLUMNS], FRAME[TASKS])


def test_equals_predictions_in_memory(tmp_path):
    source = Stream(write(tmp_path, FRAME), block_rows=17)
    path = tmp_path / "predicted.pq"
    assert predict_to_parquet(FITTED, source, path, keep=["a"], proba=True) == 200
    found, expected = pl.read_parquet(path), FITTED.predict_all(FRAME[COLUMNS])
    assert found.columns == ["a", "num", "cls", "cls__down", "cls__seldom", "cls__up"]
    np.testing.assert_allclose(found["cls__up"], expected.probabilities["cls"][:, 2])
    assert found["cls"].to_list() == expected.labels["cls"].to_list()


def test_numbers_are_equal_to_the_bit(tmp_path):
    predict_to_parquet(FITTED, FRAME.lazy(), tmp_path / "predicted.pq")
    found = pl.read_parquet(tmp_path / "predicted.pq")
    assert found["num"].to_list() == FITTED.predict(FRAME[COLUMNS])["num"].to_list()


def test_kept_columns_are_those_of_x(tmp_path):
    predict_to_parquet(FITTED, FRAME.with_row_index("id").lazy(), tmp_path / "predicted.pq", keep=["id", "a"])
    found = pl.read_parquet(tmp_path / "predicted.pq")
    assert found["id"].to_list() == list(range(200))
    assert found["a"].equals(FRAME["a"])


def test_arrays_and_other_estimators(tmp_path):
    X = np.random.default_rng(0).normal(size=(90, 3))
    linear = LinearRegression().fit(X, X @ [[1.0, 2.0], [0.0, 1.0], [3.0, 3.0]])
    predict_to_parquet(linear, Stream(X, block_rows=40), tmp_path / "predicted.pq")
    np.testing.assert_allclose(pl.read_parquet(tmp_path / "predicted.pq").to_numpy(), linear.predict(X))
    with pytest.raises(ValueError, match=r"keep=\['a'\] names columns"):
        predict_to_parquet(linear, Stream(X), tmp_path / "predicted.pq", keep=["a"])


def test_a_failure_keeps_the_old_file(tmp_path):
    path = tmp_path / "predicted.pq"
    predict_to_parquet(FITTED, FRAME.lazy(), path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"names the columns \['a'\]"):
        predict_to_parquet(FITTED, FRAME.drop("a").lazy(), path)
    bad = FRAME.with_columns(a=pl.when(pl.int_range(pl.len()) == 150).then(np.inf).otherwise("a"))
    with pytest.raises(ValueError, match="infinity"):
        predict_to_parquet(FITTED, Stream(bad.lazy(), block_rows=50), path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["predicted.pq"]


def test_full_disk(tmp_path, monkeypatch):
    path = tmp_path / "predicted.pq"
    path.write_bytes(b"old")

    def write_table(writer, table):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pq.ParquetWriter, "write_table", write_table)
    with pytest.raises(OSError, match=r"No space left on device: predicted\.pq could not be written; the old"):
        predict_to_parquet(FITTED, FRAME.lazy(), path)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["predicted.pq"]
