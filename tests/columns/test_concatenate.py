"""Inputs of several sets of rows, below each other."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse

from sklearn_mtl.columns._concatenate import below_each_other

ONE, OTHER = np.arange(6.0).reshape(3, 2), -np.arange(4.0).reshape(2, 2)


@pytest.mark.parametrize(
    "make",
    [np.asarray, np.ndarray.tolist, torch.tensor, sparse.csr_matrix, sparse.coo_array],
    ids=lambda f: f.__name__,
)
def test_tables_are_below_each_other(make):
    below = below_each_other([make(ONE), make(OTHER)])
    np.testing.assert_array_equal(below.toarray() if sparse.issparse(below) else below, np.vstack([ONE, OTHER]))


@pytest.mark.parametrize("library", [pd, pl])
def test_columns_of_frames_are_found_by_name(library):
    one = library.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    other = library.DataFrame({"b": ["z"], "a": [3.5]})
    below = below_each_other([one, other])
    assert list(below.columns) == ["a", "b"]
    assert below["a"].to_list() == [1.0, 2.0, 3.5]
    assert below["b"].to_list() == ["x", "y", "z"]


def test_an_index_of_pandas_is_counted_anew():
    frames = [pd.DataFrame({"a": [1, 2]}, index=[5, 6]), pd.DataFrame({"a": [3]}, index=[5])]
    assert below_each_other(frames).index.tolist() == [0, 1, 2]


def test_categories_are_those_of_all_frames_in_the_order_of_the_first():
    one = pd.DataFrame({"c": pd.Categorical(["b", "a"], categories=["b", "a"])})
    other = pd.DataFrame({"c": pd.Categorical(["c", "a"], categories=["c", "a"])})
    below = below_each_other([one, other])["c"]
    assert below.cat.categories.tolist() == ["b", "a", "c"]
    assert below.tolist() == ["b", "a", "c", "a"]


@pytest.mark.parametrize(
    "sets",
    [
        [[["a", "b"], ["c"]], [["d"]]],
        [["a b", "c"], ["d e"]],
        [[np.ones((2, 3)), np.ones((1, 3))], [np.zeros((4, 3))]],
    ],
    ids=["tokens", "sentences", "steps"],
)
def test_rows_of_different_lengths_stay_rows(sets):
    below = below_each_other(sets)
    expected = [row for one in sets for row in one]
    assert below.shape == (len(expected),)
    for row, other in zip(below, expected, strict=True):
        np.testing.assert_array_equal(row, other)


def test_one_set_is_itself():
    np.testing.assert_array_equal(below_each_other([ONE]), ONE)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ([ONE, OTHER[:, :1]], r"the same columns; got the shapes \[\(3, 2\), \(2, 1\)\]"),
        ([sparse.csr_matrix(ONE), sparse.csr_matrix(OTHER[:, :1])], "the same columns"),
        ([ONE, ["a b"]], "must have one kind"),
        ([ONE, pd.DataFrame(OTHER)], "must have one kind"),
        ([pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})], "must have one kind"),
        ([pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})], r"the first has \['a'\]"),
        ([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": ["x"]})], "column 'a' of the frames"),
    ],
)
def test_what_cannot_be_below_each_other_is_refused(sets, message):
    with pytest.raises(ValueError, match=message):
        below_each_other(sets)
