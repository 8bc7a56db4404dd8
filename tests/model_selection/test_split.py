import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.model_selection import MultiTaskStratifiedKFold


def skewed_targets(n_rows=300):
    rng = np.random.default_rng(0)
    return Targets(
        rare=np.where(rng.random(n_rows) < 0.05, "yes", "no"),
        number=np.where(rng.random(n_rows) < 0.1, np.nan, rng.lognormal(size=n_rows)),
        tags=(rng.random((n_rows, 3)) < [0.5, 0.1, 0.03]).astype(int),
    )


def spread_over_folds(indicator, folds):
    """Largest difference between folds in how often something occurs."""
    counts = [int(indicator[test].sum()) for test in folds]
    return max(counts) - min(counts)


@pytest.mark.parametrize("shuffle", [False, True])
def test_folds_are_a_partition_of_about_equal_size(shuffle):
    y = skewed_targets()
    splitter = MultiTaskStratifiedKFold(4, shuffle=shuffle, random_state=0 if shuffle else None)
    tests = [test for _, test in splitter.split(np.zeros((300, 1)), y)]
    assert np.array_equal(np.sort(np.concatenate(tests)), np.arange(300))
    assert max(map(len, tests)) - min(map(len, tests)) <= 6
    assert splitter.get_n_splits() == len(tests) == 4


def test_rare_classes_labels_and_missing_labels_are_spread_evenly():
    y = skewed_targets()
    folds = [test for _, test in MultiTaskStratifiedKFold(5).split(np.zeros((300, 1)), y)]
    assert spread_over_folds(y["rare"] == "yes", folds) <= 1
    assert spread_over_folds(np.isnan(y["number"]), folds) <= 2
    assert spread_over_folds(y["tags"][:, 2] == 1, folds) <= 1
    top_fifth = y["number"] > np.nanquantile(y["number"], 0.8)
    assert spread_over_folds(top_fifth, folds) <= 2


def test_shuffling_follows_its_seed():
    X, y = np.zeros((300, 1)), skewed_targets()
    first, again, other = (
        next(MultiTaskStratifiedKFold(3, shuffle=True, random_state=seed).split(X, y))[1] for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_column_of_sets_and_a_row_without_any_label():
    y = pd.DataFrame({"tags": [{"a"}, {"a", "b"}, None, {"b"}] * 5, "number": [1.5, None, None, 2.5] * 5})
    folds = [test for _, test in MultiTaskStratifiedKFold(5).split(np.zeros((20, 1)), y)]
    assert [len(test) for test in folds] == [4] * 5
    assert spread_over_folds(y["tags"].isna().to_numpy(), folds) == 0


def test_it_is_a_cv_of_scikit_learn():
    y = skewed_targets()
    X = np.random.default_rng(0).standard_normal((300, 4))
    net = MultiTaskNetEstimator(max_epochs=1, random_state=0)
    scores = cross_val_score(net, X, y, cv=MultiTaskStratifiedKFold(3))
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("n_splits", [1, 301])
def test_a_number_of_folds_that_cannot_be_is_refused(n_splits):
    with pytest.raises(ValueError, match=f"n_splits={n_splits} should be from 2"):
        next(MultiTaskStratifiedKFold(n_splits).split(np.zeros((300, 1)), skewed_targets()))


def test_y_is_needed():
    with pytest.raises(ValueError, match="needs y"):
        next(MultiTaskStratifiedKFold(3).split(np.zeros((30, 1))))


def test_a_task_without_any_label_does_not_matter():
    y = skewed_targets()
    X = np.zeros((300, 1))
    more = Targets({**y, "nothing": np.full(300, np.nan)})
    for (_, test), (_, same) in zip(
        MultiTaskStratifiedKFold(3).split(X, y), MultiTaskStratifiedKFold(3).split(X, more), strict=True
    ):
        assert abs(len(test) - len(same)) <= 2
