"""What "auto" stands for."""

import pytest

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.training._auto import schedule_of

from .._helpers import assert_same_model, inputs, net

X = inputs()
MASS = 100 + 20 * X[:, 1]


@pytest.mark.parametrize(
    ("params", "n_rows", "expected"),
    [
        ({}, 99, "cosine"),
        ({}, 100, "constant"),
        ({"early_stopping": False}, 5000, "cosine"),
        ({"early_stopping": True}, 20, "constant"),
        ({"n_members": 2}, 9, "cosine"),
        ({"n_members": 2}, 10, "constant"),
        ({"n_members": 2, "ensemble": "batch"}, 99, "cosine"),
        ({"n_members": 2, "ensemble": "batch"}, 100, "constant"),
        ({"learning_rate_schedule": "one_cycle"}, 5000, "one_cycle"),
    ],
)
def test_the_learning_rate_falls_where_no_early_stopping_ends_the_training(params, n_rows, expected):
    assert schedule_of(MultiTaskNetEstimator(**params), n_rows) == expected


def test_auto_is_the_schedule_that_it_stands_for():
    auto, cosine = (net(learning_rate_schedule=name).fit(X, MASS) for name in ("auto", "cosine"))
    assert_same_model(auto, cosine)


def test_what_goes_on_keeps_its_learning_rate():
    auto, constant = (
        net(learning_rate_schedule=name, optimizer="sgd").partial_fit(X, MASS).partial_fit(X, MASS)
        for name in ("auto", "constant")
    )
    assert_same_model(auto, constant)
    auto, constant = (
        net(learning_rate_schedule="cosine", optimizer="sgd", warm_start=True)
        .fit(X, MASS)
        .set_params(learning_rate_schedule=name)
        .fit(X, MASS)
        for name in ("auto", "constant")
    )
    assert_same_model(auto, constant)
