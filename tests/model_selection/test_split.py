import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

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
    assert max(map(len, tests)) - min(map(len, tests)) <= 1
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
    net = MultiTaskNetEstimator(max_epochs=1, random_state=0, n_members=1)
    scores = cross_val_score(net, X, y, cv=MultiTaskStratifiedKFold(3))
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("n_splits", [1, 301])
def test_a_number_of_folds_that_cannot_be_is_refused(n_splits):
    with pytest.raises(ValueError, match=f"n_splits={n_splits}"):
        next(MultiTaskStratifiedKFold(n_splits).split(np.zeros((300, 1)), skewed_targets()))


def test_y_is_needed():
    with pytest.raises(ValueError, match="requires y"):
        next(MultiTaskStratifiedKFold(3).split(np.zeros((30, 1))))


def test_a_task_without_any_label_does_not_matter():
    y = skewed_targets()
    X = np.zeros((300, 1))
    more = Targets({**y, "nothing": np.full(300, np.nan)})
    for (_, test), (_, same) in zip(
        MultiTaskStratifiedKFold(3).split(X, y), MultiTaskStratifiedKFold(3).split(X, more), strict=True
    ):
        assert abs(len(test) - len(same)) <= 2


# -- as scikit-learn's


def folds_of(y, **params):
    return [test for _, test in MultiTaskStratifiedKFold(**{"n_splits": 3, **params}).split(y=y)]


def test_one_classification_is_split_as_by_scikit_learn_but_for_a_row():
    y = np.random.default_rng(0).choice(list("abc"), size=200, p=[0.6, 0.3, 0.1])
    for ours, (_, theirs) in zip(folds_of(y), StratifiedKFold(3).split(y, y), strict=True):
        for label in "abc":
            assert abs((y[ours] == label).sum() - (y[theirs] == label).sum()) <= 1
        assert np.isin(ours, theirs).mean() > 0.95


@pytest.mark.parametrize("labels", ["classes", "sorted", "numbers"])
def test_neighbours_stay_together(labels):
    n_rows = 300
    y = {
        "classes": np.repeat(np.random.default_rng(0).integers(0, 2, size=60), 5),
        "sorted": np.arange(n_rows) // 100,
        "numbers": np.repeat(np.random.default_rng(0).normal(size=60), 5),
    }[labels]
    fold_of = np.empty(n_rows, dtype=int)
    for fold, test in enumerate(folds_of(y)):
        fold_of[test] = fold
    torn = (np.ptp(fold_of.reshape(60, 5), axis=1) > 0).mean()
    assert torn <= 0.2


def test_a_seed_without_shuffling_is_refused():
    with pytest.raises(ValueError, match="random_state has no effect"):
        MultiTaskStratifiedKFold(3, random_state=0)


def test_groups_are_said_to_be_ignored():
    with pytest.warns(UserWarning, match="groups parameter is ignored by MultiTaskStratifiedKFold"):
        list(MultiTaskStratifiedKFold(3).split(np.zeros((30, 1)), np.arange(30) % 2, np.arange(30)))


def test_a_class_of_too_few_rows_is_told():
    with pytest.warns(UserWarning, match="rarest class of task 'y' has 2 rows, fewer than n_splits=3"):
        folds_of(np.array(["a"] * 20 + ["b"] * 2))


@pytest.mark.parametrize("values", [[None, 0, 1], [None, True, False], [None, "a", "b"]], ids=str)
@pytest.mark.parametrize("library", ["numpy", "pandas", "nullable", "polars", "masked"])
def test_missing_labels_of_every_library(values, library):
    if library == "masked":
        known = np.array([values[1] if v is None else v for v in values] * 10)
        column = np.ma.array(known, mask=[v is None for v in values] * 10)
    elif library == "numpy":
        column = np.array(values * 10, dtype=object)
    elif library == "polars":
        column = pl.Series(values * 10)
    else:
        nullable = {int: "Int64", bool: "boolean", str: "string"}[type(values[1])]
        column = pd.Series(values * 10, dtype=nullable if library == "nullable" else object)
    for test in folds_of(Targets(t=column)):
        assert [sum((i % 3) == place for i in test) for place in range(3)] == [4, 3, 3] or len(test) == 10


def test_floats_with_missing_labels_are_classes_as_in_a_fit():
    grade = np.random.default_rng(0).choice(3, size=1000, p=[0.5, 0.48, 0.02]).astype(float)
    grade[::10] = np.nan
    folds = folds_of(Targets(grade=grade), n_splits=5, shuffle=True, random_state=0)
    for label in (0, 1, 2):
        assert spread_over_folds(grade == label, folds) <= 1
    assert spread_over_folds(np.isnan(grade), folds) == 0


def test_folds_of_a_part_read_labels_as_those_of_the_whole():
    y = Targets(number=np.arange(300) % 40)
    assert len(folds_of(y[y["number"] < 10])) == 3


@pytest.mark.parametrize("missing", [False, True])
def test_labels_of_pixels_are_stratified_by_rows_that_have_any(missing):
    masks = list(np.random.default_rng(0).integers(0, 3, size=(30, 4, 4)))
    y = Targets(mask=pd.Series([None if i % 3 == 0 else m for i, m in enumerate(masks)]) if missing else masks)
    for test in folds_of(y):
        assert len(test) == 10
        assert not missing or 3 <= (test % 3 == 0).sum() <= 4


def test_tags_of_tokens_are_spread():
    tags = [["O", "B-x"] if i % 10 == 0 else ["O"] for i in range(60)]
    folds = folds_of(Targets(tags=pd.Series(tags)))
    assert spread_over_folds(np.arange(60) % 10 == 0, folds) == 0


def test_mappings_frames_and_arrays_are_split_alike():
    columns = {"a": np.arange(60) % 4, "b": np.sin(np.arange(60.0))}
    expected = folds_of(Targets(columns))
    for y in (columns, pd.DataFrame(columns), pl.DataFrame(columns)):
        for ours, theirs in zip(folds_of(y), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_dates_are_refused_by_name():
    with pytest.raises(ValueError, match="task 'day': the labels are dates"):
        folds_of(Targets(day=np.arange("2020-01-01", "2020-01-31", dtype="datetime64[D]")))


def test_rows_of_X_and_y_must_match():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(MultiTaskStratifiedKFold(3).split(np.zeros((29, 1)), np.arange(30) % 2))


def test_a_search_takes_it_and_shows_it():
    splitter = MultiTaskStratifiedKFold(3, shuffle=True, random_state=0)
    assert "n_bins=5" in repr(splitter)
    X, y = np.random.default_rng(0).standard_normal((60, 4)), np.arange(60) % 2
    net = MultiTaskNetEstimator(max_epochs=1, random_state=0, n_members=1)
    search = GridSearchCV(net, {"learning_rate": [0.1, 0.01]}, cv=splitter).fit(X, y)
    assert search.n_splits_ == 3
