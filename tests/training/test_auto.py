"""Values of "auto"."""

import pytest

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.data._hold_out import LabelCounts
from sklearn_mtl.training._auto import schedule_of, stops_early

from .._helpers import assert_same_model, inputs, net

X = inputs()
MASS = 100 + 20 * X[:, 1]


@pytest.mark.parametrize(
    ("params", "n_labels", "stops"),
    [
        ({}, 99, False),
        ({}, 100, True),
        ({"early_stopping": False}, 5000, False),
        ({"early_stopping": True}, 20, True),
        ({"early_stopping": "per_task"}, 20, True),
        ({"n_members": 2}, 9, False),
        ({"n_members": 2}, 10, True),
        ({"n_members": 2, "ensemble": "batch"}, 99, False),
        ({"n_members": 2, "ensemble": "batch"}, 100, True),
    ],
)
def test_early_stopping_is_automatic_from_a_number_of_labels_on(params, n_labels, stops):
    config = MultiTaskNetEstimator(validation=0.3, **params)._config()
    assert stops_early(config, LabelCounts(n_labels, n_labels)) == stops


@pytest.mark.parametrize(
    ("schedule", "anneals", "expected"),
    [("auto", True, "cosine"), ("auto", False, "constant"), ("one_cycle", False, "one_cycle")],
)
def test_the_learning_rate_falls_where_it_may(schedule, anneals, expected):
    assert schedule_of(net(schedule=schedule)._config(), anneals) == expected


def test_auto_is_the_schedule_that_it_stands_for():
    auto, cosine = (net(schedule=name).fit(X, MASS) for name in ("auto", "cosine"))
    assert_same_model(auto, cosine)


def test_what_goes_on_keeps_its_learning_rate():
    auto, constant = (
        net(schedule=name, optimizer="sgd").partial_fit(X, MASS).partial_fit(X, MASS)
        for name in ("auto", "constant")
    )
    assert_same_model(auto, constant)
    auto, constant = (
        net(schedule="cosine", optimizer="sgd", warm_start=True)
        .fit(X, MASS)
        .set_params(optimizer__schedule=name)
        .fit(X, MASS)
        for name in ("auto", "constant")
    )
    assert_same_model(auto, constant)
