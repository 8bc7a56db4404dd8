"""Folds of rows with real labels, and the comparison of losses."""

import numpy as np
import pytest

from sklearn_mtl import Targets
from sklearn_mtl.semi_supervised._folds import compare, deal_folds
from sklearn_mtl.semi_supervised._rows import FitRows, PseudoLabels, fitted
from sklearn_mtl.tasks import Classification, Regression

from .._helpers import assert_same_model, net
from ._data import clusters, without

N_FOLDS = 3


def folds_of(y, groups=None, taught=("kind",), weights=None):
    tasks = {"kind": Classification().fit(y["kind"]), "mass": Regression().fit(y["mass"])}
    return deal_folds(FitRows(None, y, weights, groups), tasks, taught, N_FOLDS, seed=0)


def rows_of_labels(n_rows=90):
    rng = np.random.default_rng(0)
    return Targets(kind=without(rng.integers(0, 3, size=n_rows).astype(float), 2), mass=rng.normal(size=n_rows))


def test_only_labelled_rows_are_held_out():
    y = rows_of_labels()
    held = folds_of(y) >= 0
    np.testing.assert_array_equal(held, ~np.isnan(y["kind"]))


def test_folds_have_their_share_of_each_class():
    y = rows_of_labels()
    folds = folds_of(y)
    for label in range(3):
        counts = np.bincount(folds[y["kind"] == label], minlength=N_FOLDS)
        assert np.ptp(counts) <= 1


def test_a_group_is_in_one_fold():
    y = rows_of_labels()
    groups = np.arange(90) // 5
    folds = folds_of(y, groups)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in np.unique(groups))
    assert set(folds) == set(range(N_FOLDS))


def test_rows_of_weight_zero_are_not_held_out():
    y = rows_of_labels()
    weights = {"kind": (np.arange(90) >= 30).astype(float), "mass": np.ones(90)}
    assert (folds_of(y, weights=weights)[:30] == -1).all()


def test_rows_of_a_scarce_task_stay_in_training():
    y = rows_of_labels()
    mass = np.full(90, np.nan)
    mass[:2] = 1.0, 2.0
    assert (folds_of(Targets(kind=y["kind"], mass=mass))[:2] == -1).all()


def test_no_fold_holds_out_all_labels_of_a_task():
    y = rows_of_labels()
    groups = np.where(np.isnan(y["kind"]), 0, 1 + np.arange(90) // 30)
    kind = np.where(groups == 1, y["kind"], np.nan)
    weights = {"kind": np.ones(90), "mass": np.ones(90)}
    for few in (Targets(kind=kind, mass=y["mass"]), y):
        folds = folds_of(few, groups, weights=weights, taught=("mass",))
        labelled = ~np.isnan(few["kind"])
        assert all((labelled & (folds != fold)).any() for fold in range(N_FOLDS))


def test_the_standard_error_is_that_of_paired_differences():
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(2, 20))
    compared = compare(before, after, np.ones(20), None)
    assert compared.standard_error == pytest.approx((after - before).std(ddof=1) / np.sqrt(20))
    assert compared.before == pytest.approx(before.mean())


def test_a_weight_in_whole_groups_is_a_repetition():
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=(2, 12))
    weights, groups = rng.integers(1, 4, size=12), np.arange(12)
    times = np.repeat(np.arange(12), weights)
    weighted = compare(before, after, weights.astype(float), groups)
    repeated = compare(before[times], after[times], np.ones(len(times)), groups[times])
    np.testing.assert_allclose(weighted, repeated)


def test_one_row_proves_nothing():
    compared = compare(np.array([1.0]), np.array([0.0]), np.ones(1), None)
    assert not compared.is_gain(0.5)
    assert not compared.is_harm(0.5)


def test_pseudo_labels_never_replace_real_ones():
    X, y, _ = clusters()
    labelled = np.array([label is not None for label in y["kind"]])
    unlabelled = np.flatnonzero(~labelled)
    pseudo = PseudoLabels(unlabelled, np.full(len(unlabelled), "bee", dtype=object), np.full(len(unlabelled), 0.3))
    kind = np.where(labelled, y["kind"], "bee")
    weight = Targets(kind=np.where(labelled, 1.0, 0.3), mass=np.ones(len(X)))
    taught = fitted(net(), FitRows(X, y), {"kind": pseudo})
    assert_same_model(taught, net().fit(X, Targets(kind=kind, mass=y["mass"]), sample_weight=weight))
