"""Any y is read, and predictions come back as what it was."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from sklearn_mtl import Targets
from sklearn_mtl.targets import align_targets, read_targets

COLUMNS = {"a": np.array([0, 1, 1]), "b": np.array([0.5, 1.5, -2.0])}
RECORDS = np.array(list(zip(*COLUMNS.values(), strict=True)), dtype=[("a", "i8"), ("b", "f8")])

CONTAINERS = {
    "dict": (COLUMNS, ["a", "b"], Targets),
    "Targets": (Targets(COLUMNS), ["a", "b"], Targets),
    "pandas": (pd.DataFrame(COLUMNS), ["a", "b"], pd.DataFrame),
    "polars": (pl.DataFrame(COLUMNS), ["a", "b"], pl.DataFrame),
    "structured": (RECORDS, ["a", "b"], np.ndarray),
    "matrix": (np.column_stack(list(COLUMNS.values())), ["0", "1"], np.ndarray),
    "lists": ([[0, 0.5], [1, 1.5], [1, -2.0]], ["0", "1"], np.ndarray),
    "one column": (np.zeros((3, 1)), ["0"], np.ndarray),
    "array": (COLUMNS["b"], ["y"], np.ndarray),
    "list": ([0, 1, 1], ["y"], np.ndarray),
    "Series": (pd.Series(COLUMNS["a"], name="a"), ["a"], np.ndarray),
    "unnamed Series": (pd.Series(COLUMNS["a"]), ["y"], np.ndarray),
    "polars Series": (pl.Series("a", COLUMNS["a"]), ["a"], np.ndarray),
    "numbered frame": (pd.DataFrame(np.zeros((3, 2))), ["0", "1"], pd.DataFrame),
    "numbered Series": (pd.Series([1, 2, 3], name=7), ["7"], np.ndarray),
}
containers = pytest.mark.parametrize(("y", "names", "kind"), CONTAINERS.values(), ids=CONTAINERS.keys())


@containers
def test_tasks_are_named_by_the_container(y, names, kind):
    read, container = read_targets(y)
    assert list(read) == list(container.names) == names
    assert len(read) == 3


@containers
def test_predictions_come_back_in_the_kind_of_y(y, names, kind):
    read, container = read_targets(y)
    wrapped = container.wrap(read)
    assert type(wrapped) is kind
    again, same = read_targets(wrapped)
    assert again == read or (list(again) == ["y"] and np.array_equal(again["y"], read[names[0]]))
    assert same.kind == container.kind


@pytest.mark.parametrize("y", [CONTAINERS[name][0] for name in ("dict", "pandas", "polars", "structured")])
def test_some_of_the_tasks_come_back_alone(y):
    read, container = read_targets(y)
    assert list(read_targets(container.wrap({"b": read["b"]}))[0]) == ["b"]


def test_a_frame_takes_the_index_of_the_inputs_and_its_own_labels():
    y = pd.DataFrame({1: [1, 2], "b": [3, 4]})
    read, container = read_targets(y)
    X = pd.DataFrame({"x": [0.0, 0.0]}, index=["first", "second"])
    wrapped = container.wrap(read, X)
    assert wrapped.index.tolist() == ["first", "second"]
    assert wrapped.columns.tolist() == [1, "b"]
    assert container.wrap(read, X.to_numpy()).index.tolist() == [0, 1]


def test_a_frame_holds_several_columns_of_a_task_as_lists():
    _, container = read_targets(pd.DataFrame({"a": [1, 2]}))
    wrapped = container.wrap({"a": np.array([[1.0, 2.0], [3.0, 4.0]])})
    assert np.stack(wrapped["a"]).tolist() == [[1, 2], [3, 4]]


def test_a_structured_array_keeps_several_columns_of_a_task():
    y = np.zeros(3, dtype=[("a", "f8", (2,)), ("b", "U3")])
    read, container = read_targets(y)
    assert read["a"].shape == (3, 2)
    assert container.wrap(read).dtype == y.dtype


def test_text_and_numbers_in_a_matrix_stay_what_they_are():
    _, container = read_targets(np.array([["x", 1], ["y", 2]], dtype=object))
    wrapped = container.wrap({"0": np.array(["x", "y"]), "1": np.array([1.5, 2.5])})
    assert wrapped.tolist() == [["x", 1.5], ["y", 2.5]]


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (None, ValueError, "'y'"),
        ("text", ValueError, "'y'"),
        (3.0, ValueError, "'y'"),
        (np.array(3.0), ValueError, "'y'"),
        (np.zeros((2, 2, 2)), ValueError, r"1d or 2d array, got an array of shape \(2, 2, 2\)"),
        (np.zeros((2, 0)), ValueError, "no columns"),
        ({}, ValueError, "no columns"),
        (pd.DataFrame(index=[0, 1]), ValueError, "no columns"),
        ({1: [1], "1": [2]}, ValueError, "more than once"),
        (pd.DataFrame([[1, 2]], columns=["1", 1]), ValueError, "more than once"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "a"),
        (csr_matrix((2, 2)), TypeError, "Sparse y"),
    ],
)
def test_bad_y_is_refused(y, error, message):
    with pytest.raises(error, match=message):
        read_targets(y)


# -- the tasks of a fitted model


def test_columns_without_names_are_taken_in_order():
    aligned, _ = align_targets(np.array([[1, 2], [3, 4], [5, 6]]), ["b", "a"])
    assert aligned == Targets(b=[1, 3, 5], a=[2, 4, 6])


def test_named_columns_are_taken_by_name_and_others_ignored():
    aligned, _ = align_targets({"a": [1], "c": [3], "b": [2]}, ["b", "a"])
    assert list(aligned.items()) == [("b", [2]), ("a", [1])]


@pytest.mark.parametrize("y", [{"a": [1]}, np.zeros((1, 3)), pd.DataFrame({"a": [1], "c": [2]})])
def test_a_task_without_a_column_is_named(y):
    with pytest.raises(ValueError, match=r"y lacks the tasks .*'b'"):
        align_targets(y, ["a", "b"])
