"""Whether two values of a parameter mean the same."""

import copy
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.trunks import MLP
from sklearn_mtl.utils._same import same


def function(x):
    return x


DIFFERENT = {
    "none": None,
    "text": "a",
    "number": 2,
    "other number": 2.5,
    "nan": float("nan"),
    "list": [1, 2],
    "longer list": [1, 2, 3],
    "nested list": [[1], [2]],
    "mapping": {"a": 1},
    "other keys": {"b": 1},
    "other values": {"a": 2},
    "array": np.arange(3),
    "other array": np.arange(4),
    "tensor": torch.ones(2),
    "frame": pd.DataFrame({"a": [1]}),
    "spec": MLP((8,)),
    "other parameters": MLP((9,)),
    "spec of specs": MultiTaskNetEstimator({"a": Regression()}),
    "other spec within": MultiTaskNetEstimator({"a": Classification()}),
    "class": MLP,
    "function": function,
    "other function": partial,
    "partial": partial(function, 1),
    "other arguments": partial(function, 2),
    "module": nn.Linear(2, 3),
    "other structure": nn.Linear(3, 2),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_only_a_copy_is_the_same(name):
    value = DIFFERENT[name]
    assert same(value, value)
    for other, one in DIFFERENT.items():
        assert same(value, one) == same(one, value) == (other == name)


@pytest.mark.parametrize("name", [name for name in DIFFERENT if name != "frame"])
def test_a_copy_is_the_same(name):
    assert same(copy.deepcopy(DIFFERENT[name]), DIFFERENT[name])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((8, 9), [8, 9]),
        (1, 1.0),
        (np.float32(0.5), 0.5),
        (np.array([1.0, 2.0]), [1, 2]),
        (torch.tensor([1.0]), np.array([1.0])),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (Targets(a=[1, 2]), Targets(a=[1, 2])),
    ],
    ids=str,
)
def test_equal_values_in_other_containers_are_the_same(one, other):
    assert same(one, other)
    assert same(other, one)


def test_whether_specs_are_fitted_does_not_matter():
    X = np.arange(12.0).reshape(6, 2) / 7
    estimator = MultiTaskNetEstimator(trunk=MLP((4,)), max_epochs=1, random_state=0)
    assert same(copy.deepcopy(estimator).fit(X, X[:, 0]), estimator)


def test_weights_of_modules_do_not_matter():
    assert same(nn.Linear(2, 3), nn.Linear(2, 3))
