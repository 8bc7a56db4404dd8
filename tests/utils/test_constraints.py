"""What parameters may be."""

from collections import OrderedDict
from numbers import Integral, Real

import numpy as np
import pandas as pd
import pytest
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from sklearn_mtl.trunks import MLP, Trunk
from sklearn_mtl.utils._constraints import ArrayLike, Interval, SubclassOf


@pytest.mark.parametrize("value", [1, 5, np.int64(3), 2**62])
def test_integers_of_an_interval(value):
    assert Interval(Integral, 1, None, closed="left").is_satisfied_by(value)


@pytest.mark.parametrize("value", [0, -1, True, False, 1.0, "1", None, 2**63, 10**30, np.bool_(True)])
def test_bools_and_integers_that_torch_cannot_hold_are_none(value):
    assert not Interval(Integral, 1, None, closed="left").is_satisfied_by(value)


def test_real_numbers_of_an_interval():
    shares = Interval(Real, 0, 1, closed="both")
    assert [shares.is_satisfied_by(value) for value in (0, 0.5, 1, 1.5, True, np.nan)] == [True] * 3 + [False] * 3


@pytest.mark.parametrize("value", [[], [1], (1,), np.ones(2), pd.Series([1]), {1, 2}], ids=repr)
def test_array_likes(value):
    assert ArrayLike().is_satisfied_by(value)


@pytest.mark.parametrize("value", ["ab", b"ab", {"a": 1}, OrderedDict(), 1, None, np.array(1), list], ids=repr)
def test_what_is_no_array_like(value):
    assert not ArrayLike().is_satisfied_by(value)


def test_subclasses():
    assert SubclassOf(Trunk).is_satisfied_by(MLP)
    assert SubclassOf(Trunk).is_satisfied_by(Trunk)
    assert not SubclassOf(Trunk).is_satisfied_by(MLP())
    assert not SubclassOf(Trunk).is_satisfied_by(dict)


@pytest.mark.parametrize(
    ("constraint", "value", "said"),
    [
        (Interval(Integral, 1, None, closed="left"), True, r"an int in the range \[1, inf\)"),
        (ArrayLike(), "ab", "an array-like"),
        (SubclassOf(Trunk), 3, r"a subclass of sklearn_mtl\.trunks\._base\.Trunk"),
    ],
    ids=["interval", "array-like", "subclass"],
)
def test_scikit_learn_says_what_was_expected(constraint, value, said):
    with pytest.raises(InvalidParameterError, match=f"The 'p' parameter of f must be {said}"):
        validate_parameter_constraints({"p": [constraint]}, {"p": value}, caller_name="f")
