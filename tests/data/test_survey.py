"""The first pass over a stream: which rows are kept, and what is known exactly."""

import numpy as np
import polars as pl
import pytest

from sklearn_mtl.data._survey import survey
from sklearn_mtl.streaming import Stream
from tests.streaming._data import TASKS, table

FRAME = table(3000)


def surveyed(frame=FRAME, share=0.0, y=TASKS, **options):
    return survey(Stream(frame.lazy(), block_rows=100, **options).open(y), y, share)


def test_sample_is_random_and_has_a_row_of_each_value():
    found = surveyed(sample_rows=200)
    assert found.sample.drawn.sum() == 200
    assert len(found.sample) < 400
    kept = found.sample.X.with_columns(found.sample.y)
    for column in ("c", "cls"):
        assert set(kept[column]) == set(FRAME[column])
    assert kept["a"].null_count() == 1
    drawn = kept.filter(found.sample.drawn)
    assert abs(drawn["b"].mean() - FRAME["b"].mean()) < 4 * FRAME["b"].std() / np.sqrt(200)
    assert {kept["num"].min(), kept["num"].max()} >= {FRAME["num"].min(), FRAME["num"].max()}


def test_weights_stand_for_all_rows():
    found = surveyed(sample_rows=200)
    assert found.sample_weight[found.sample.drawn].sum() == pytest.approx(3000)
    assert (found.sample_weight[~found.sample.drawn] == 1).all()


def test_sample_of_all_rows_is_exact_and_in_order():
    found = surveyed()
    assert found.is_exact
    assert found.sample_weight is None
    assert found.sample.X.with_columns(found.sample.y).equals(FRAME)


def test_sample_does_not_depend_on_blocks():
    one, other = (
        survey(Stream(FRAME.lazy(), sample_rows=50, block_rows=size).open(TASKS), TASKS, 0.0) for size in (70, 999)
    )
    drawn = [each.sample.X.filter(each.sample.drawn) for each in (one, other)]
    assert drawn[0].equals(drawn[1])


def test_held_out_rows_are_a_share():
    found = surveyed(share=0.2)
    assert abs(len(found.held_out) - 600) < 4 * np.sqrt(600 * 0.8)
    assert found.threshold == 0.2
    assert found.training_rows.sum() == 3000 - len(found.held_out)


def test_held_out_rows_fit_into_a_quarter_of_the_memory():
    found = surveyed(share=0.5, memory=80_000)
    reader = Stream(FRAME.lazy(), memory=80_000, block_rows=100).open(TASKS)
    assert len(found.held_out) == reader.rows_in_memory < 1000
    fewer = found.held_out.X["b"].to_list()
    assert set(fewer) <= set(surveyed(share=0.5).held_out.X["b"].to_list())


def test_rare_labels_are_all_kept():
    few = FRAME.with_columns(num=pl.when(pl.int_range(pl.len()) % 900 == 7).then("a").otherwise(None))
    assert surveyed(few, sample_rows=20).sample.y["num"].is_not_null().sum() == 4


def test_types_are_those_of_all_labels():
    part = FRAME.with_columns(num=pl.when(pl.int_range(pl.len()) == 2999).then(0.5).otherwise(1.0))
    assert 0.5 in surveyed(part, sample_rows=20).sample.y["num"].to_list()


def test_counts_of_classes():
    counts = surveyed().labels["cls"].counts
    assert counts == {k: v for k, v in FRAME["cls"].value_counts().iter_rows() if k is not None}
    assert surveyed().labels["num"].counts is None


def test_fingerprint_is_that_of_the_rows():
    assert surveyed().fingerprint == surveyed().fingerprint
    others = [FRAME.with_columns(num=pl.col("num") + 1), FRAME.reverse(), FRAME[:-1]]
    assert len({surveyed(frame).fingerprint for frame in (FRAME, *others)}) == 4
