"""Records of scores: how they travel through a search of scikit-learn, and the columns that they make."""

import pickle

import numpy as np
import pytest

from sklearn_mtl.model_selection._record import Record, as_floats, carry, records_of, task_columns

NAN = float("nan")


def record(scores=0.5, **tasks):
    return Record(scores, tasks, 1.0, 2.0)


@pytest.mark.parametrize("scores", [0.5, {"r2": 0.5, "mae": -1.0}], ids=["one", "several"])
def test_scores_are_numbers_that_bring_the_record_along_also_through_a_worker(scores):
    carried = pickle.loads(pickle.dumps(carry(record(scores, a=0.25))))
    assert carried == scores
    assert records_of([{"test_scores": carried}]) == [record(scores, a=0.25)]


def test_failed_fits_have_no_record():
    assert records_of([{"test_scores": carry(record())}, {"test_scores": NAN}]) == [record(), None]


@pytest.mark.parametrize(
    ("scores", "is_complete"),
    [(0.5, True), ({"a": 0.5}, True), ({"a": 0.5, "b": "Traceback"}, False), ("Traceback", False)],
)
def test_a_metric_that_failed_makes_a_record_incomplete(scores, is_complete):
    assert record(scores).is_complete == is_complete


@pytest.mark.parametrize("score", [np.float32(0.5), np.array(0.5), np.float64(0.5), 0.5])
def test_numbers_of_every_library_are_those_of_python(score):
    assert type(as_floats(score)) is float
    assert as_floats({"a": score, "b": "text"}) == {"a": 0.5, "b": "text"}


def test_columns_are_by_candidate_with_means_over_the_folds():
    records = [record(a=0.0, b=1.0), record(a=1.0, b=3.0), record(a=5.0, b=2.0), record(a=7.0, b=2.0)]
    columns = task_columns(records, n_splits=2)
    assert columns["split0_test_tasks_a"].tolist() == [0, 5]
    assert columns["split1_test_tasks_b"].tolist() == [3, 2]
    assert columns["mean_test_tasks_a"].tolist() == [0.5, 6]
    assert columns["std_test_tasks_a"].tolist() == [0.5, 1]
    assert columns["mean_test_tasks_b"].tolist() == [2, 2]


def test_a_fold_without_labels_of_a_task_is_left_out_of_its_mean():
    columns = task_columns([record(a=NAN), record(a=2.0), record(a=NAN), record(a=NAN)], n_splits=2)
    np.testing.assert_array_equal(columns["mean_test_tasks_a"], [2, NAN])
    np.testing.assert_array_equal(columns["std_test_tasks_a"], [0, NAN])


def test_a_candidate_that_failed_in_a_fold_has_no_mean():
    columns = task_columns([None, record(a=2.0), record(a=1.0), record(a=3.0)], n_splits=2)
    np.testing.assert_array_equal(columns["split0_test_tasks_a"], [NAN, 1])
    np.testing.assert_array_equal(columns["mean_test_tasks_a"], [NAN, 2])


def test_without_any_record_there_are_no_columns():
    assert task_columns([None, None], n_splits=2) == {}
