"""Folds of whole groups, stratified by all tasks."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, cross_validate

from sklearn_mtl import Targets
from sklearn_mtl.model_selection import MultiTaskStratifiedGroupKFold, TaskWeightSearchCV

from .._helpers import inputs, net


def patients(n_rows=600, n_groups=40, seed=0):
    """Targets of rows in groups of different sizes and levels, with missing labels."""
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n_rows - n_groups)])
    level = rng.normal(size=n_groups)[groups]
    number = level + 0.3 * rng.normal(size=n_rows)
    number[rng.random(n_groups)[groups] < 0.3] = np.nan
    kind = np.array(["a", "b", "c"], dtype=object)[np.digitize(level + rng.normal(size=n_rows), [0, 1.5])]
    kind[rng.random(n_rows) < 0.2] = None
    return Targets(number=number, kind=kind, tags=(rng.random((n_rows, 2)) < [0.5, 0.1]).astype(int)), groups


def folds_of(y, groups, n_splits=4, **params):
    splits = list(MultiTaskStratifiedGroupKFold(n_splits, **params).split(y=y, groups=groups))
    for train, test in splits:
        assert not np.intersect1d(train, test).size
        assert len(train) + len(test) == len(groups)
    return [test for _, test in splits]


def imbalance(indicator, folds):
    """Largest difference from the mean count of a fold, over that mean."""
    counts = np.array([indicator[test].sum() for test in folds])
    return abs(counts - counts.mean()).max() / counts.mean()


@given(st.integers(0, 200), st.integers(2, 6), st.booleans())
def test_folds_are_a_partition_and_no_group_is_in_two(seed, n_splits, shuffle):
    y, groups = patients(150, 12, seed)
    y = Targets(number=y["number"], tags=y["tags"])
    folds = folds_of(y, groups, n_splits, shuffle=shuffle, random_state=seed if shuffle else None)
    assert np.array_equal(np.sort(np.concatenate(folds)), np.arange(150))
    assert sum(len(np.unique(groups[test])) for test in folds) == 12


@pytest.mark.parametrize("shuffle", [False, True])
def test_classes_numbers_and_missing_labels_have_their_shares(shuffle):
    y, groups = patients()
    folds = folds_of(y, groups, shuffle=shuffle, random_state=0 if shuffle else None)
    worst_by_groups_alone = max(
        imbalance(y["kind"] == label, [test for _, test in GroupKFold(4).split(groups, groups=groups)])
        for label in "abc"
    )
    for label in "abc":
        assert imbalance(y["kind"] == label, folds) < min(0.15, worst_by_groups_alone)
    assert imbalance(np.ones(600), folds) < 0.05
    assert imbalance(np.isnan(y["number"]), folds) < 0.2
    assert imbalance(y["number"] > np.nanquantile(y["number"], 0.8), folds) < 0.2


@pytest.mark.parametrize("seed", range(5))
def test_one_task_is_balanced_at_least_as_by_scikit_learn(seed):
    y, groups = patients(300, 15, seed)
    labels = np.where(y["kind"] == "a", "x", "y")
    ours = folds_of(labels, groups)
    theirs = [test for _, test in StratifiedGroupKFold(4).split(groups, labels, groups)]

    def chi_square(folds):
        counts = [[(labels[test] == label).sum() for test in folds] for label in "xy"]
        return sum(((np.array(row) - np.mean(row)) ** 2 / np.mean(row)).sum() for row in counts)

    assert chi_square(ours) <= chi_square(theirs) + 1


def test_shuffling_follows_its_seed():
    y, groups = patients()
    first, again, other = (folds_of(y, groups, shuffle=True, random_state=seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("of", [list, pd.Series, pl.Series, lambda g: pd.Categorical(g), lambda g: g[:, None]])
def test_groups_of_any_container_and_type(of):
    y, groups = patients()
    named = np.array([f"patient {group}" for group in groups])
    for test, expected in zip(folds_of(y, of(named)), folds_of(y, groups), strict=True):
        assert np.array_equal(test, expected)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (None, "requires groups"),
        (np.arange(599), "groups has 599 entries for 600 rows"),
        ([*range(599), None], "groups is missing for some rows, first for row 599"),
        (np.zeros(600), "n_splits=4 requires as many groups, but there are 1"),
        ("a", "should be the group of each row"),
        (np.zeros((600, 2)), "should be the group of each row"),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        folds_of(patients()[0], groups)


def test_a_class_in_too_few_groups_is_told():
    groups = np.repeat(np.arange(10), 5)
    with pytest.warns(UserWarning, match="rarest class of task 'y' has 2 groups, fewer than n_splits=4"):
        folds_of(np.where(groups < 2, "rare", "often"), groups)


def test_y_is_needed_and_rows_must_match():
    with pytest.raises(ValueError, match="requires y"):
        next(MultiTaskStratifiedGroupKFold().split(np.zeros((9, 1)), groups=np.arange(9)))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(MultiTaskStratifiedGroupKFold().split(np.zeros((9, 1)), np.arange(8) % 2, np.arange(8)))


def test_groups_are_routed_without_being_asked_for():
    y, groups = patients(200, 10)
    X = inputs(200)
    splitter = MultiTaskStratifiedGroupKFold(3, shuffle=True, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        with pytest.raises(UnsetMetadataPassedError, match="groups"):  # whether the net is to stop on groups too
            cross_validate(net(), X, y, cv=splitter, params={"groups": groups})
        estimator = net().set_fit_request(groups=False)
        by_routing = cross_validate(estimator, X, y, cv=splitter, params={"groups": groups})["test_score"]
        search = TaskWeightSearchCV(estimator, {"learning_rate": [0.01, 0.1]}, cv=splitter).fit(
            X, y, groups=groups
        )
    assert np.isfinite(by_routing).all()
    assert search.n_splits_ == 3
    plain = cross_validate(net(), X, y, cv=list(splitter.split(X, y, groups)))["test_score"]
    np.testing.assert_array_equal(by_routing, plain)
