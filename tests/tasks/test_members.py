"""Averages over members: equal to those of numpy, and of each row alone."""

import numpy as np
import pytest
from scipy.special import expit, logit, logsumexp

from sklearn_mtl.tasks._members import log_mean_of_members, logit_of_mean, mean_of_members

N_MEMBERS, N_ROWS = 12, 37
WEIGHTS = np.random.RandomState(1).dirichlet(np.ones(N_MEMBERS))


def outputs(dtype="float32"):
    return np.random.RandomState(0).randn(N_MEMBERS, N_ROWS, 3).astype(dtype)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
def test_averages_equal_their_definitions(weights):
    values = outputs("float64")
    np.testing.assert_allclose(mean_of_members(values, weights), np.average(values, axis=0, weights=weights))
    shares = np.full(N_MEMBERS, 1 / N_MEMBERS) if weights is None else weights
    np.testing.assert_allclose(
        log_mean_of_members(values, weights), logsumexp(values, axis=0, b=shares[:, None, None]), atol=1e-12
    )
    expected = logit(np.average(expit(values), axis=0, weights=weights))
    np.testing.assert_allclose(logit_of_mean(values, weights), expected, atol=1e-12)


@pytest.mark.parametrize("average", [mean_of_members, log_mean_of_members, logit_of_mean])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
def test_an_average_does_not_depend_on_the_place_of_its_row_nor_on_other_rows(average, weights):
    values, order = outputs(), np.random.RandomState(2).permutation(N_ROWS)
    whole = average(values, weights)
    np.testing.assert_array_equal(average(values[:, order], weights), whole[order])
    for row in range(N_ROWS):
        np.testing.assert_array_equal(average(values[:, [row]], weights), whole[[row]])


def test_an_average_of_zeros_has_the_logarithm_minus_infinity():
    assert log_mean_of_members(np.full((2, 1), -np.inf), None).tolist() == [-np.inf]
