"""The spec of auxiliary tasks: names and decay."""

import pytest

from sklearn_mtl import Auxiliary
from sklearn_mtl.config import resolve_auxiliary

NAMES = ["a", "b", "c"]


def test_names_are_in_the_order_of_all_tasks():
    assert Auxiliary(["c", "a"]).names_among(NAMES) == ("a", "c")
    assert Auxiliary().names_among(NAMES) == ()


def test_an_integer_names_a_column_without_a_name():
    assert Auxiliary([1]).names_among(["0", "1"]) == ("1",)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (["d"], r"unknown tasks \['d'\]; the tasks are \['a', 'b', 'c'\]"),
        (["a", "a"], "names a task twice"),
        (NAMES, "names all tasks, .*; at least one must remain"),
    ],
)
def test_wrong_names_are_refused(tasks, message):
    with pytest.raises(ValueError, match=message):
        Auxiliary(tasks).names_among(NAMES)


def test_a_decay_without_tasks_has_no_effect_and_says_so():
    with pytest.warns(UserWarning, match="has no effect"):
        Auxiliary(decay="linear").names_among(NAMES)


def test_a_linear_decay_ends_at_zero_in_the_last_epoch():
    spec = Auxiliary(["a"], decay="linear")
    assert [spec.factor(epoch, 5) for epoch in range(5)] == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert spec.decays


def test_a_constant_decay_is_none():
    spec = Auxiliary(["a"])
    assert [spec.factor(epoch, 3) for epoch in range(3)] == [1.0] * 3
    assert not spec.decays


def test_a_single_epoch_has_the_whole_weight():
    assert Auxiliary(["a"], decay="linear").factor(0, 1) == 1.0


@pytest.mark.parametrize("given", [None, (), ["a"], Auxiliary(["a"], decay="linear")])
def test_names_are_a_shorthand(given):
    spec = resolve_auxiliary(given)
    assert list(spec.tasks) == list(getattr(given, "tasks", given or ()))
