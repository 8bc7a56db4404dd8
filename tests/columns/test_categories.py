"""The categories of a column and their codes."""

import datetime
from decimal import Decimal

import numpy as np
import pytest

from sklearn_mtl.columns._categories import UNSEEN, Categories, levels_of
from sklearn_mtl.columns._columns import read_column


def levels(values):
    return levels_of(read_column(values), "c")


def codes(seen, later):
    return Categories.fit(levels(seen), "c").encode(levels(later), "c").tolist()


@pytest.mark.parametrize(
    "values", [["b", None, "a", "b"], [2.5, None, -1, 2.5], [True, None, False, True], [b"b", None, b"a", b"b"]]
)
def test_levels_give_the_values_back(values):
    found = levels(values)
    assert [None if position < 0 else found.values[position] for position in found.of_rows] == values
    assert len(found.values) == 2


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (["b", "a", "c", "a"], [2, 1, 3, 1]),
        ([10, 9, 10], [2, 1, 2]),
        (["b", None, "a"], [2, 3, 1]),
        ([datetime.date(2021, 1, 1), datetime.date(2020, 1, 1)], [2, 1]),
    ],
)
def test_codes_count_from_one_in_the_order_of_the_values_and_missing_is_the_last(seen, expected):
    assert codes(seen, seen) == expected


def test_what_fit_did_not_see_has_one_code():
    assert codes(["a", "b"], ["z", "b", "y", None]) == [UNSEEN, 2, UNSEEN, UNSEEN]
    assert codes(["a", None], ["z", None]) == [UNSEEN, 2]


def test_equal_values_of_other_types_are_one_category():
    assert codes([1, 2], [2.0, Decimal(1), True, np.int8(2)]) == [2, 1, 1, 2]


def test_the_order_of_rows_in_fit_does_not_matter():
    values = ["d", "a", None, "c"]
    assert codes(values, values) == codes(values[::-1], values)


@pytest.mark.parametrize("seen", [["b", "a"], ["b", None], [1.5, 2.5, None]])
def test_they_are_made_again_from_what_is_saved(seen):
    fitted = Categories.fit(levels(seen), "c")
    again = Categories.from_array(fitted.to_array())
    assert len(again) == len(fitted) == len(set(seen)) + 1
    assert again.encode(levels(seen), "c").tolist() == fitted.encode(levels(seen), "c").tolist()


def test_values_of_another_kind_are_refused_by_the_name_of_the_column():
    with pytest.raises(ValueError, match="column 'c' of X has text, but had numbers in fit, such as 1"):
        codes([1, 2], ["1", "2"])
    assert codes([1, 2], [None, None]) == [UNSEEN, UNSEEN]  # no value is of no kind


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", 1], "mixes text, numbers or other types"),
        ([[1], [2]], "list objects, which cannot be categories"),
        ([1 + 2j, 2 + 1j], "must have one sortable type"),
        ([1.0, np.inf], "infinity, which cannot be a category"),
    ],
)
def test_what_is_no_category_is_refused_by_the_name_of_the_column(values, message):
    with pytest.raises(ValueError, match=message) as caught:
        Categories.fit(levels(values), "c")
    assert "column 'c'" in str(caught.value)
