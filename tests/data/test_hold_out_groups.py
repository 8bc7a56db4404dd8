"""Groups that are held out: whole ones, with the shares of tasks and classes, and none that alone has a class."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_mtl.data._dataset import Dataset
from sklearn_mtl.data._encode_labels import encode_targets
from sklearn_mtl.data._hold_out_groups import check_groups, hold_out_groups, number_groups
from sklearn_mtl.tasks import Classification, Regression, group_tasks


def draw(y, groups, n_valid, seed=0, n_folds=1):
    tasks = {name: (Regression() if v.dtype == float else Classification()).fit(v) for name, v in y.items()}
    task_groups = group_tasks(tasks)
    data = Dataset({"rows": None}, *encode_targets(task_groups, tasks, y, None, torch.float64))
    generator = torch.Generator().manual_seed(seed)
    return hold_out_groups(data, task_groups, tasks, np.asarray(groups), n_valid, generator, n_folds)


@settings(deadline=None)
@given(st.integers(0, 100), st.integers(2, 40), st.integers(1, 6))
def test_both_sides_have_whole_groups_and_draws_none_in_common(seed, n_groups, n_folds):
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, 160 - n_groups)])
    y = {"a": rng.normal(size=160), "b": rng.integers(0, 2, 160)}
    held = draw(y, groups, 20, seed, n_folds)
    assert 1 <= len(held) <= n_folds
    for one in held:
        train, valid = one.train.numpy(), one.valid.numpy()
        assert len(train)
        assert len(valid)
        assert np.array_equal(np.sort(np.concatenate([train, valid])), np.arange(160))
        assert not set(groups[train]) & set(groups[valid])
    together = np.concatenate([one.valid.numpy() for one in held])
    assert len(np.unique(together)) == len(together)


def test_a_number_has_its_share_of_high_and_low_groups():
    """Groups differ in their level only; random draws of five of them would differ by more."""
    groups = np.repeat(np.arange(50), 6)
    level = np.random.default_rng(0).permutation(50).astype(float)
    for seed in range(5):
        (one,) = draw({"a": level[groups] + 0.5}, groups, 60, seed)
        fifths = np.floor(level[groups][one.valid.numpy()] / 10)
        assert np.bincount(fifths.astype(int), minlength=5).tolist() == [12] * 5


def test_what_only_one_group_has_is_trained():
    groups = np.repeat(np.arange(6), 5)
    y = {"rare": np.where(groups == 4, "x", "y"), "few": np.where(groups == 2, 1.5 + np.arange(30), np.nan)}
    for seed in range(10):
        (one,) = draw(y, groups, 10, seed)
        assert not set(groups[one.valid.numpy()]) & {2, 4}
        assert one.not_validated == ["few"]
        assert not one.not_trained


def test_two_groups_with_a_class_each_are_told():
    (one,) = draw({"a": np.array(["u"] * 5 + ["v"] * 5)}, [0] * 5 + [1] * 5, 1)
    assert one.not_trained == ["a"]


def test_groups_are_numbered_by_their_values():
    mixed = np.array(["b", 2, "b", 1.0, 1], dtype=object)
    assert number_groups(mixed).tolist() == [0, 1, 0, 2, 2]


def test_groups_are_checked():
    assert check_groups([3, 3, 5], 3).tolist() == [3, 3, 5]
    with pytest.raises(ValueError, match="first for row 1"):
        check_groups(["a", None, "b"], 3)
