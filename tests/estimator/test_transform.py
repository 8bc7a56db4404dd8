"""The representation that `transform` returns."""

import copy

import numpy as np
import pandas as pd
import polars as pl

from .._helpers import (
    assert_same,
    head_of,
    net,
)
from ._data import MASS, N, X


def test_transform_is_the_last_hidden_layer(mixed):
    hidden = mixed.transform(X)
    assert hidden.shape == (N, 8)
    weight, bias = head_of(mixed, "mass")
    task = mixed.tasks_["mass"]
    by_hand = (hidden @ weight.T + bias)[:, 0] * task.scale_ + task.mean_
    np.testing.assert_allclose(by_hand, mixed.predict(X)["mass"], rtol=1e-4)


def test_names_of_the_representation(mixed):
    expected = [f"multitasknetestimator{column}" for column in range(8)]
    assert mixed.get_feature_names_out().tolist() == expected
    for container, kind in {"pandas": pd.DataFrame, "polars": pl.DataFrame}.items():
        frame = copy.copy(mixed).set_output(transform=container).transform(X)
        assert isinstance(frame, kind)
        assert list(frame.columns) == expected


def test_fit_transform_is_fit_and_transform():
    assert_same(net().fit_transform(X, MASS), net().fit(X, MASS).transform(X))
