"""The search for groups of tasks, with scores of which the best groups are known."""

import numpy as np
import pytest

from sklearn_mtl.model_selection._group_search import GroupSearch, branches, exceeds

FAMILIES = [(0, 1, 2), (3, 4, 5), (6,)]
FAMILY = {task: family for family in FAMILIES for task in family}


def scorer(noise=0.0, seed=0, n_folds=4):
    """Score a task by the number of its family in its block, less that of strangers."""
    rng = np.random.RandomState(seed)

    def scores(blocks):
        asked.append(len(blocks))
        return {
            block: {
                task: sum(1.0 if other in FAMILY[task] else -1.0 for other in block) + noise * rng.randn(n_folds)
                for task in block
            }
            for block in blocks
        }

    asked = []
    return scores


def affinity(strays=()):
    """Affinities by family; a stray looks like a task of another family."""
    kinds = np.array([0, 0, 0, 1, 1, 1, 2])
    for task, kind in strays:
        kinds[task] = kind
    return (kinds[:, None] == kinds).astype(float)


def test_groups_are_those_of_the_best_scores():
    assert GroupSearch(scorer(), 7).groups(affinity()) == FAMILIES


def test_a_stray_is_moved_to_where_it_scores_best():
    assert GroupSearch(scorer(), 7).groups(affinity(strays=[(2, 1)])) == FAMILIES
    assert GroupSearch(scorer(), 7).groups(affinity(strays=[(6, 0)])) == FAMILIES


def test_a_proposal_replaces_a_poor_tree():
    poor = np.eye(7)[:, ::-1] + np.eye(7)[:, ::-1].T
    assert GroupSearch(scorer(), 7).groups(poor, [FAMILIES]) == FAMILIES


@pytest.mark.parametrize("n_groups", [1, 2, 3])
def test_there_are_at_most_so_many_groups(n_groups):
    found = GroupSearch(scorer(noise=0.5), n_groups).groups(affinity(strays=[(1, 2)]))
    assert len(found) <= n_groups
    assert sorted(task for block in found for task in block) == list(range(7))


def test_groups_of_equal_scores_stay_together():
    search = GroupSearch(lambda blocks: {block: {task: np.ones(3) for task in block} for block in blocks}, 7)
    assert search.groups(affinity()) == [tuple(range(7))]


def test_helpers_are_kept_if_they_help():
    search = GroupSearch(scorer(), 7)
    assert search.helpers((0, 1), [2]) == [2]
    assert search.helpers((0, 1), [3]) == []
    assert search.helpers((0, 1), []) == []


def test_branches_are_merged_by_affinity_and_parts_come_first():
    tree = branches(affinity())
    assert list(tree)[:7] == [(task,) for task in range(7)]
    assert set(FAMILIES) < set(tree)
    assert len(tree) == 13
    for block, parts in tree.items():
        assert parts is None or sorted(parts[0] + parts[1]) == list(block)


def test_better_is_more_than_a_standard_error_over_folds():
    assert exceeds(np.array([1.0, 1.1, 0.9]), np.zeros(3))
    assert not exceeds(np.array([3.0, -2.5, 0.0]), np.zeros(3))
    assert not exceeds(np.array([np.nan]), np.zeros(1))
