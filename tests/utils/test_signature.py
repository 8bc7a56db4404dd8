"""Parameters of functions, with and without a signature."""

import pytest

from sklearn_mtl.utils._signature import parameters_of


def scale(x, factor=2.0):
    return factor * x


class Scale:
    def __init__(self, factor, offset=0.0):
        self.factor, self.offset = factor, offset


@pytest.mark.parametrize(("function", "names"), [(scale, ["x", "factor"]), (Scale, ["factor", "offset"])])
def test_parameters_are_those_of_the_signature(function, names):
    assert list(parameters_of(function)) == names


@pytest.mark.parametrize("function", [None, 3, dict])
def test_without_a_signature_there_are_none(function):
    assert parameters_of(function) == {}
