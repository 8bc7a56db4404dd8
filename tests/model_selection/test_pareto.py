import itertools

import numpy as np
import pytest
from pymoo.indicators.hv import HV
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from sklearn_mtl.model_selection import hypervolume, non_dominated

N_FRONTS = 1000


def random_scores(seed):
    """Make candidates of 1 to 5 tasks, some of them equal, on a front or in a cloud."""
    rng = np.random.default_rng(seed)
    n_tasks = int(rng.integers(1, 6))
    scores = rng.normal(size=(int(rng.integers(1, 25 if n_tasks < 5 else 12)), n_tasks))
    if rng.random() < 0.3:  # all on a sphere: a front of many candidates
        scores = np.abs(scores) / np.linalg.norm(scores, axis=1, keepdims=True)
    if rng.random() < 0.3:  # many ties
        scores = scores.round(0 if rng.random() < 0.5 else 1)
    return scores


def test_front_and_volume_are_those_of_pymoo():
    for seed in range(N_FRONTS):
        scores = random_scores(seed)
        # pymoo minimises
        front = NonDominatedSorting().do(-scores, only_non_dominated_front=True)
        assert np.flatnonzero(non_dominated(scores)).tolist() == sorted(front), seed
        reference = np.quantile(scores, 0.2, axis=0)
        expected = HV(ref_point=-reference)(-scores)
        assert hypervolume(scores, reference) == pytest.approx(expected, rel=1e-10, abs=1e-12), seed


def union_of_boxes(gains):
    """Add and subtract the boxes' intersections."""
    total = 0.0
    for size in range(1, len(gains) + 1):
        for chosen in itertools.combinations(gains, size):
            total += (-1) ** (size + 1) * np.prod(np.min(chosen, axis=0))
    return total


@pytest.mark.parametrize("n_tasks", [1, 2, 3, 4, 6])
def test_volume_is_the_union_of_boxes(n_tasks):
    gains = np.random.default_rng(n_tasks).random((8, n_tasks))
    assert hypervolume(gains - 1, np.full(n_tasks, -1.0)) == pytest.approx(union_of_boxes(gains), rel=1e-12)


def test_equal_candidates_are_on_the_front_together():
    assert non_dominated([[1, 0], [1, 0], [0, 0]]).tolist() == [True, True, False]


def test_failed_candidates_are_not_on_the_front():
    scores = [[np.nan, 5.0], [0.0, 0.0], [np.nan, np.nan]]
    assert non_dominated(scores).tolist() == [False, True, False]
    assert hypervolume(scores, [-1, -2]) == 2.0


def test_nothing_better_than_the_reference_has_no_volume():
    assert hypervolume([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]) == 0.0
    assert hypervolume(np.empty((0, 2)), [0.0, 0.0]) == 0.0
    assert non_dominated(np.empty((0, 2))).shape == (0,)


@pytest.mark.parametrize("reference", [[0.0], [0.0, np.nan], 0.0, [0.0, -np.inf]])
def test_reference_needs_a_number_for_each_task(reference):
    with pytest.raises(ValueError, match="one finite number for each of the 2 tasks"):
        hypervolume([[1.0, 1.0]], reference)


@pytest.mark.parametrize("scores", [[1.0, 2.0], [[[1.0]]], np.empty((3, 0))])
def test_scores_need_a_row_for_each_candidate(scores):
    with pytest.raises(ValueError, match="n_candidates, n_tasks"):
        non_dominated(scores)
