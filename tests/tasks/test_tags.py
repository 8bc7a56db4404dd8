import numpy as np
import pandas as pd
import pytest

from sklearn_mtl.tasks._tags import read_tags


def column(*rows):
    objects = np.empty(len(rows), dtype=object)
    objects[:] = rows
    return objects


def test_lists_of_different_lengths():
    tags = read_tags(column(["O", "B-x"], None, ("O",), np.array(["I-x", "O"])))
    assert tags.labels.tolist() == ["O", "B-x", "O", "I-x", "O"]
    assert tags.lengths.tolist() == [2, 0, 1, 2]
    assert tags.given.tolist() == [True, False, True, True]
    assert tags.labelled.all()
    assert tags.n_columns is None


@pytest.mark.parametrize(
    ("row", "labelled"),
    [
        (["O", None, "B-x"], [True, False, True]),
        (["O", float("nan"), pd.NA], [True, False, False]),
        ([3, -1, 0], [True, False, True]),
        (np.array([3, -1]), [True, False]),
        (np.array([3.0, np.nan]), [True, False]),
    ],
    ids=str,
)
def test_labels_that_are_missing(row, labelled):
    assert read_tags(column(row, ["O"] if isinstance(row[0], str) else [1])).labelled.tolist() == [*labelled, True]


def test_padded_arrays():
    tags = read_tags(np.array([[3, 1, -1], [-1, -1, -1], [-1, 2, 0]]))
    assert tags.labelled.tolist() == [True, True, False, False, False, False, False, True, True]
    assert tags.given.tolist() == [True, False, True]
    assert tags.needed.tolist() == [2, 0, 3]
    assert tags.n_columns == 3


def test_whole_numbers_that_an_array_with_nan_holds_as_floats():
    tags = read_tags(np.array([[3.0, np.nan], [1.0, 2.0]]))
    assert tags.labels[tags.labelled].dtype.kind == "i"


def test_tags_are_as_many_as_tokens():
    tags = read_tags(column(["O", "O"], None, ["O"]))
    tags.check_lengths(np.array([2, 7, 1]))
    with pytest.raises(ValueError, match="row 2 has 1 tags for 3 tokens"):
        tags.check_lengths(np.array([2, 7, 3]))


def test_a_padded_array_may_be_longer_than_its_rows_but_not_its_labels():
    tags = read_tags(np.array([[3, 1, -1], [2, 0, 5]]))
    tags.check_lengths(np.array([2, 3]))
    tags.check_lengths(np.array([9, 9]))
    with pytest.raises(ValueError, match="row 1 has 3 tags for 2 tokens"):
        tags.check_lengths(np.array([2, 2]))


@pytest.mark.parametrize("row", [3, {"O"}], ids=repr)
def test_a_row_that_is_no_list_is_named(row):
    with pytest.raises(ValueError, match="row 1 should be a list of labels"):
        read_tags(column(["O"], row))


def test_more_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"got shape \(2, 2, 2\)"):
        read_tags(np.zeros((2, 2, 2), dtype=int))


def test_a_text_is_the_labels_between_its_blanks():
    tags = read_tags(np.array(["O B-x", "", None, " I-x "], dtype=object))
    assert tags.labels.tolist() == ["O", "B-x", "I-x"]
    assert tags.lengths.tolist() == [2, 0, 0, 1]
    assert tags.given.tolist() == [True, True, False, True]
