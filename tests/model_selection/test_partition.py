"""Groups of tasks: the exact search equals the best of all partitions."""

from itertools import combinations

import numpy as np
import pytest

from sklearn_mtl.model_selection._partition import _greedy, best_groups, value_of


def partitions(tasks):
    if not tasks:
        yield []
        return
    first, rest = tasks[0], tasks[1:]
    for size in range(len(tasks)):
        for others in combinations(rest, size):
            left = [task for task in rest if task not in others]
            yield from ([[first, *others], *more] for more in partitions(left))


@pytest.mark.parametrize("n_groups", [1, 2, 3, 6])
@pytest.mark.parametrize("seed", range(3))
def test_exact_groups_are_the_best_of_all_partitions(seed, n_groups):
    affinity = np.random.RandomState(seed).randn(6, 6)
    gains = affinity - np.diag(np.diag(affinity))
    best = max(
        sum(value_of(gains, block) for block in p) for p in partitions(list(range(6))) if len(p) <= n_groups
    )
    found = best_groups(affinity, n_groups)
    assert sum(value_of(gains, block) for block, _ in found) == pytest.approx(best)
    assert sorted(task for block, _ in found for task in block) == list(range(6))
    assert len(found) <= n_groups


def families(n_families, size):
    family = np.repeat(np.arange(n_families), size)
    return np.where(family[:, None] == family, 1.0, -1.0), family


@pytest.mark.parametrize(("n_families", "size"), [(3, 3), (5, 4)])
def test_families_are_found_exactly_and_greedily(n_families, size):
    affinity, family = families(n_families, size)
    found = best_groups(affinity, n_families * size)
    assert [block for block, _ in found] == [np.flatnonzero(family == f).tolist() for f in range(n_families)]
    assert all(not auxiliary for _, auxiliary in found)


def test_greedy_groups_keep_the_limit():
    affinity, _ = families(5, 4)
    assert len(_greedy(affinity, 2)) == 2


def test_a_task_that_helps_and_is_harmed_becomes_auxiliary():
    # task 1 helps task 0, which harms it; task 2 is indifferent
    affinity = np.array([[0.0, 3.0, 0.05], [-4.0, 0.0, -0.1], [-0.1, -0.1, 0.0]])
    assert best_groups(affinity, 3) == [([0], [1]), ([1], []), ([2], [])]


def test_without_gains_all_tasks_stay_together():
    assert best_groups(np.zeros((4, 4)), 4) == [([0, 1, 2, 3], [])]


def test_the_diagonal_is_ignored():
    affinity, _ = families(2, 2)
    np.testing.assert_equal(best_groups(affinity + 100 * np.eye(4), 4), best_groups(affinity, 4))
