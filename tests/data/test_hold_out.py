"""Validation rows of early stopping: the split counts labels, not rows."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.data._dataset import Dataset
from sklearn_mtl.data._encode_labels import encode_targets
from sklearn_mtl.data._hold_out import count_labels, hold_out
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.tasks import Classification, MultilabelClassification, Regression, group_tasks

from .._helpers import assert_same_model, inputs, net

NAN = np.nan


def draw(y, n_valid, seed=0, weight=None, **folds):
    """Hold out rows of labels by task; return masks of the validation rows, and the tasks without validation."""
    tasks = {
        name: (
            MultilabelClassification() if v.ndim == 2 else Regression() if v.dtype == float else Classification()
        )
        for name, v in y.items()
    }
    tasks = {name: task.fit(y[name]) for name, task in tasks.items()}
    groups = group_tasks(tasks)
    data = Dataset({"rows": None}, *encode_targets(groups, tasks, y, weight, torch.float64))
    held = hold_out(data, groups, tasks, n_valid, torch.Generator().manual_seed(seed), **folds)
    assert sorted([*held.train.tolist(), *held.valid.tolist()]) == list(range(len(data)))
    assert len(held.valid) == n_valid
    mask = np.zeros(len(data), dtype=bool)
    mask[held.valid.numpy()] = True
    return mask, held.not_validated


def few(n_rows, n_labels, seed=0):
    """A number that only some rows have."""
    rng = np.random.default_rng(seed)
    y = np.full(n_rows, NAN)
    y[rng.permutation(n_rows)[:n_labels]] = rng.normal(size=n_labels)
    return y


@given(st.integers(0, 50), st.lists(st.integers(2, 60), min_size=1, max_size=4))
def test_every_task_of_two_labels_has_some_on_both_sides(seed, counts):
    y = {str(i): few(100, n, seed + i) for i, n in enumerate(counts)}
    held, without = draw(y, 10, seed)
    assert not without
    for labels in y.values():
        labelled = ~np.isnan(labels)
        assert 1 <= labelled[held].sum() < labelled.sum()


@pytest.mark.parametrize("seed", range(5))
def test_each_class_has_its_share(seed):
    rng = np.random.default_rng(seed)
    y = {"a": rng.choice(list("uvw"), 400, p=[0.8, 0.15, 0.05]), "b": rng.random(400) < 0.1}
    held, _ = draw(y, 80, seed)
    for labels in y.values():
        for label in np.unique(labels):
            here = labels == label
            assert abs(here[held].sum() - here.sum() / 5) <= 1


def test_each_label_of_a_set_has_its_share():
    y = {"tags": (np.random.default_rng(0).random((300, 4)) < [0.5, 0.2, 0.1, 0.04]).astype(int)}
    held, _ = draw(y, 60)
    assert (abs(y["tags"][held].sum(axis=0) - y["tags"].sum(axis=0) / 5) <= 1).all()


def test_every_class_is_trained():
    y = {"rare": np.array(["a"] * 97 + ["b", "c", "c"])}
    for seed in range(20):
        held, _ = draw(y, 40, seed)
        assert set(y["rare"][~held]) == {"a", "b", "c"}


def test_classes_of_few_rows_are_validated_together():
    y = {"many": np.repeat(np.arange(30).astype(str), 4)}
    held, without = draw(y, 12)
    assert not without
    assert np.unique(y["many"][held]).size == 12


def test_labels_of_weight_0_are_none():
    y = {"a": np.random.default_rng(0).normal(size=100)}
    weight = {"a": np.where(np.arange(100) < 10, 1.0, 0.0)}
    for seed in range(10):
        held, _ = draw(y, 10, seed, weight)
        assert 1 <= held[:10].sum() <= 3


def test_a_single_label_is_trained_and_named():
    y = {"a": few(100, 100), "one": few(100, 1)}
    for seed in range(10):
        held, without = draw(y, 30, seed)
        assert without == ["one"]
        assert np.isnan(y["one"][held]).all()


def test_complete_numbers_are_drawn_at_random_from_the_seed():
    y = {"a": few(50, 50), "b": few(50, 50)}
    expected = torch.randperm(50, generator=torch.Generator().manual_seed(3))[:10].tolist()
    held, _ = draw(y, 10, 3)
    assert np.flatnonzero(held).tolist() == sorted(expected)
    assert (draw(y, 10, 3)[0] == held).all()
    assert (draw(y, 10, 4)[0] != held).any()


@pytest.mark.parametrize(("n_folds", "n_rows"), [(3, 50), (8, 15), (12, 15)])
@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_folds_have_no_row_in_common_as_far_as_there_are(n_folds, n_rows, kind):
    y = {"a": few(n_rows, n_rows) if kind == "numbers" else np.arange(n_rows) % 2 > 0}
    n_valid = max(1, n_rows // 10)
    folds = [draw(y, n_valid, 0, fold=fold, n_folds=n_folds)[0] for fold in range(n_folds)]
    assert np.any(folds, axis=0).sum() == n_valid * min(n_folds, n_rows // n_valid)


def test_folds_share_few_labels():
    y = {"a": few(200, 200), "b": few(200, 8)}
    folds = [draw(y, 20, 0, fold=fold, n_folds=10)[0] for fold in range(10)]
    labelled = ~np.isnan(y["b"])
    assert all(1 <= labelled[held].sum() <= 3 for held in folds)
    assert labelled[np.any(folds, axis=0)].sum() == 8


def test_many_tasks_of_rows_of_their_own():
    own = np.arange(600) // 6
    y = {str(t): np.where(own == t, 1.5, NAN) for t in range(100)}
    held, without = draw(y, 120)
    assert not without
    assert (np.bincount(own[held]) == 1).sum() + (np.bincount(own[held]) == 2).sum() == 100


def test_labels_are_counted_by_row():
    y = Targets(a=[1.5, NAN, NAN, 2.5], b=["u", None, "v", "u"])
    assert count_labels(y, None, ["a", "b"]) == (3, 3)
    assert count_labels(y, None, ["a"]) == (2, 2)
    weight = {"a": np.ones(4), "b": np.array([0.0, 1, 1, 1])}
    assert count_labels(y, weight, ["a", "b"]) == (3, 2)


# -- in a fit

X = inputs(300)
EASY = X[:, 0] + X[:, 1]


def quiet_fit(estimator, y, **kwargs):
    """Fit; return the estimator and its warnings about validation."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        estimator.fit(X[: len(y)], y, **kwargs)
    return estimator, [str(w.message) for w in seen if "early" in str(w.message)]


@pytest.mark.parametrize("params", [{}, {"n_members": 3}, {"n_members": 3, "ensemble": "batch"}], ids=str)
@pytest.mark.parametrize("monitor", ["loss", "score"])
def test_few_labels_are_learned(params, monitor):
    y = np.where(np.arange(300) % 20 == 0, EASY, NAN)
    stopping = EarlyStopping(monitor=monitor)
    scores = [
        MultiTaskNetRegressor(random_state=seed, early_stopping=stopping, **params).fit(X, y).score(X, EASY)
        for seed in range(2)
    ]
    assert min(scores) > 0.6


def test_auto_counts_labels_and_their_weights():
    missing = np.where(np.arange(300) < 99, EASY, NAN)
    assert "valid_loss" not in net(early_stopping="auto", max_epochs=1).fit(X, missing).history_
    missing[99] = 0.3
    assert "valid_loss" in net(early_stopping="auto", max_epochs=1).fit(X, missing).history_
    weight = np.where(np.arange(300) < 99, 1.0, 0.0)
    auto = net(early_stopping="auto", max_epochs=1)
    assert "valid_loss" not in auto.fit(X, EASY, sample_weight=weight).history_


def test_the_learning_rate_falls_where_labels_are_too_few_to_stop():
    missing = np.where(np.arange(300) < 50, EASY, NAN)
    auto = net(early_stopping="auto", schedule="auto").fit(X, missing)
    off = net(early_stopping=False, schedule="cosine").fit(X, missing)
    assert_same_model(auto, off)


@pytest.mark.parametrize("how", [True, "auto", "per_task"])
def test_what_is_not_validated_is_trained_and_said_once(how):
    one = np.where(np.arange(300) == 7, 3.5, NAN)
    estimator, said = quiet_fit(net(early_stopping=how, max_epochs=3), Targets(a=EASY, one=one))
    (message,) = said
    assert message.startswith("early stopping does not watch 'one': too few labels")
    assert estimator.history_["valid_loss__one"].isna().all()
    np.testing.assert_allclose(estimator.history_["valid_loss"], estimator.history_["valid_loss__a"])
    assert estimator.history_["train_loss__one"].notna().all()


def test_an_ensemble_says_it_once():
    one = np.where(np.arange(300) == 7, 3.5, NAN)
    _, said = quiet_fit(net(early_stopping=True, max_epochs=2, n_members=4), Targets(a=EASY, one=one))
    assert len(said) == 1


def test_without_a_task_to_watch_all_epochs_are_trained_and_said():
    y = np.where(np.arange(300) == 7, 3.5, NAN)
    estimator, said = quiet_fit(net(early_stopping=True, max_epochs=4), y)
    assert said == [
        "early_stopping=True needs labels to validate on, but no task has more than one label (of a weight above "
        "0); all max_epochs are trained on all rows."
    ]
    assert estimator.n_iter_ == 4
    assert "valid_loss" not in estimator.history_


@pytest.mark.parametrize("labels", ["float", "Int64", "text", "sets"])
def test_labels_of_every_kind_are_found(labels):
    known = np.arange(300) % 60 == 0
    y = {
        "float": np.where(known, EASY, NAN),
        "Int64": pd.array(
            [i % 2 if k else None for i, k in zip(np.arange(300) // 60, known, strict=True)], "Int64"
        ),
        "text": [str(i // 60 % 2) if k else None for i, k in enumerate(known)],
        "sets": [{"u", "v"} if k and i % 120 else {"v"} if k else None for i, k in enumerate(known)],
    }[labels]
    y = Targets(rare=y, a=EASY)
    for seed in range(5):
        estimator, said = quiet_fit(net(early_stopping=True, max_epochs=1, random_state=seed), y)
        assert not said
        assert estimator.history_["valid_loss__rare"].notna().all()
        assert estimator.history_["train_loss__rare"].notna().all()


def test_tags_are_counted_by_sentence():
    sentences = [["a", "b"][: 1 + i % 2] for i in range(120)]
    tags = [["X", "Y"][: 1 + i % 2] if i % 29 == 0 else None for i in range(120)]
    y = Targets(tags=pd.Series(tags), a=np.random.default_rng(0).normal(size=120))
    for seed in range(4):
        model = MultiTaskNetEstimator(
            tasks={"tags": "tagging"},
            early_stopping=True,
            max_epochs=1,
            random_state=seed,
            n_members=1,
        ).fit(sentences, y)
        assert model.history_["valid_loss__tags"].notna().all()


def test_stacked_members_hold_out_what_a_fit_does():
    y = Targets(label=EASY > 1, few=np.where(np.arange(300) % 9 == 0, EASY, NAN))
    common = {"cv": KFold(2), "refit": False}
    estimator = net(early_stopping=True, max_epochs=5, dtype="float64")
    one, other = (
        TaskWeightSearchCV(estimator, {"task_weights__few": [0.5, 2.0]}, stacked=stacked, **common).fit(X, y)
        for stacked in (True, False)
    )
    assert all(entry["stacked"] for entry in one.stack_report_ if "stacked" in entry)
    np.testing.assert_allclose(one.cv_results_["mean_test_score"], other.cv_results_["mean_test_score"], rtol=1e-7)


def test_more_classes_than_a_small_number_holds():
    y = {"many": np.repeat(np.arange(40_000), 2)}
    held, without = draw(y, 8_000)
    assert not without
    assert np.unique(y["many"][held]).size == 8_000


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_labels_that_are_all_different_are_drawn_as_chance_has_it():
    y = {"id": np.arange(20_000).astype(str)}
    held, _ = draw(y, 2_000)
    assert held.sum() == 2_000
