"""Task weights at random."""

import numpy as np
import pytest
from sklearn.model_selection import ParameterSampler

from sklearn_mtl.model_selection import (
    task_weight_simplex,
)


def test_simplex_weights_have_mean_one():
    distribution = task_weight_simplex(["a", "b", "c"])
    samples = [distribution.rvs(random_state=seed) for seed in range(200)]
    assert all(list(weights) == ["a", "b", "c"] for weights in samples)
    np.testing.assert_allclose([sum(weights.values()) for weights in samples], 3.0)
    values = np.array([list(weights.values()) for weights in samples])
    assert (values >= 0).all()
    np.testing.assert_allclose(values.mean(axis=0), 1.0, atol=0.15)


def test_concentration_makes_weights_equal():
    equal, extreme = (task_weight_simplex(["a", "b"], alpha=alpha).rvs(random_state=0) for alpha in (1e6, 1e-3))
    assert max(equal.values()) < 1.01
    assert max(extreme.values()) > 1.99


def test_samples_follow_the_seed_of_the_search():
    distribution = {"task_weights": task_weight_simplex(["a", "b"])}
    first, again = (list(ParameterSampler(distribution, 5, random_state=7)) for _ in range(2))
    assert first == again
    assert len({weights["task_weights"]["a"] for weights in first}) == 5


@pytest.mark.parametrize("tasks", [[], ["a", "a"], "a"])
def test_tasks_of_the_simplex_are_different_names(tasks):
    with pytest.raises(ValueError, match="unique names of tasks"):
        task_weight_simplex(tasks)


@pytest.mark.parametrize("alpha", [0, -1.0, np.nan, np.inf])
def test_concentration_is_above_zero(alpha):
    with pytest.raises(ValueError, match="alpha="):
        task_weight_simplex(["a", "b"], alpha=alpha)
