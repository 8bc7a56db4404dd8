"""Validation rows that the user chooses: groups, splitters, rows of their own."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EpochScoring

from sklearn_mtl import DeepEnsemble, EarlyStopping, Targets, load_model, save_model
from sklearn_mtl.model_selection import LastRows, MultiTaskStratifiedGroupKFold, TaskWeightSearchCV
from sklearn_mtl.trunks import MLP, SequenceEncoder

from .._helpers import assert_same_model, inputs, mixed_targets, net

N = 160
X = inputs(N)
Y = mixed_targets(X, missing=0.2)
GROUPS = np.random.default_rng(3).integers(0, 14, N)
X_VAL = inputs(50, seed=9)
Y_VAL = mixed_targets(X_VAL, missing=0.2)
STOPS = {"early_stopping": True, "max_epochs": 4}
BY_SCORE = EarlyStopping(True, monitor="score")


def stopping(**params):
    return net(**{**STOPS, **params})


def of_members(estimator):
    rows = estimator.validation_rows_
    return rows if isinstance(rows, list) else [rows]


def assert_whole(rows, groups):
    """Assert that rows are all those of some groups, and not all rows."""
    assert 0 < len(rows) < len(groups)
    assert not set(groups[rows]) & set(np.delete(groups, rows))


# -- groups


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100), st.integers(2, 30), st.sampled_from([1, 3]))
def test_whole_groups_are_held_out(seed, n_groups, n_members):
    groups = np.random.default_rng(seed).integers(0, n_groups, N)
    groups[:2] = 0, 1
    fitted = stopping(max_epochs=1, n_members=n_members, random_state=seed).fit(X, {"a": X[:, 0]}, groups=groups)
    assert len(of_members(fitted)) == n_members
    for rows in of_members(fitted):
        assert_whole(rows, groups)


def test_about_the_share_of_rows_is_held_out():
    for fraction in (0.1, 0.3, 0.5):
        rows = stopping(validation=fraction, max_epochs=1).fit(X, Y, groups=GROUPS).validation_rows_
        assert abs(len(rows) - fraction * N) < 12


def test_classes_have_their_shares_and_every_class_is_trained():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 10)
    often = rng.random(400) < np.repeat(rng.random(40), 10)
    alone = np.where(groups == 7, "alone", "others")
    y = Targets(often=often, alone=alone)
    for seed in range(5):
        fitted = stopping(validation=0.25, max_epochs=1, random_state=seed).fit(inputs(400), y, groups=groups)
        rows = fitted.validation_rows_
        assert abs(often[rows].mean() - often.mean()) < 0.05
        assert not (alone[rows] == "alone").any()


def test_other_seeds_hold_out_other_groups():
    drawn = {
        tuple(stopping(max_epochs=1, random_state=s).fit(X, Y, groups=GROUPS).validation_rows_) for s in range(6)
    }
    assert len(drawn) > 1


@pytest.mark.parametrize("ensemble", ["deep", DeepEnsemble(bootstrap=True)], ids=str)
def test_members_hold_out_different_groups(ensemble):
    fitted = stopping(n_members=4, ensemble=ensemble).fit(X, Y, groups=GROUPS)
    held = of_members(fitted)
    for rows in held:
        assert_whole(rows, GROUPS)
    assert len({group for rows in held for group in GROUPS[rows]}) == sum(len(set(GROUPS[rows])) for rows in held)
    assert fitted.history_["valid_loss"].notna().all()


def test_members_that_share_weights_hold_out_the_same_rows():
    fitted = stopping(n_members=3, ensemble="batch").fit(X, Y, groups=GROUPS)
    assert_whole(fitted.validation_rows_, GROUPS)


def test_more_members_than_groups_begin_anew():
    groups = np.arange(N) % 3
    held = stopping(n_members=5, max_epochs=1).fit(X, Y, groups=groups).validation_rows_
    assert all(len(set(groups[rows])) == 1 for rows in held)
    assert len({tuple(rows) for rows in held}) == 3
    assert np.array_equal(held[0], held[3])


def test_validation_losses_of_members_are_those_of_their_rows():
    """Members have different numbers of validation rows, which a stack pads."""
    y = {"mass": X[:, 0] + 0.1 * X[:, 1] ** 2}
    fitted = stopping(n_members=3, max_epochs=1, early_stopping=BY_SCORE, dtype="float64").fit(X, y, groups=GROUPS)
    assert len(set(map(len, fitted.validation_rows_))) > 1
    members = fitted._model.member_outputs(X, ["mass"], fitted)["mass"]
    task = fitted.tasks_["mass"]
    for number, rows in enumerate(fitted.validation_rows_):
        entry = fitted.history_[fitted.history_["member"] == number].iloc[0]
        expected = task.score(y["mass"][rows], task.decode(members[number])[rows])
        assert entry["valid_score__mass"] == pytest.approx(expected, abs=1e-9)
        loss = np.mean((members[number][rows, 0] - task.encode(y["mass"]).target[rows, 0]) ** 2)
        assert entry["valid_loss__mass"] == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("of", [list, pd.Series, pl.Series, pd.Categorical, lambda g: g[:, None]])
def test_groups_of_any_container(of):
    names = np.array([f"patient {group}" for group in GROUPS])
    fitted = stopping().fit(X, Y, groups=of(names))
    assert_same_model(fitted, stopping().fit(X, Y, groups=GROUPS))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (GROUPS[1:], "groups has 159 entries for 160 rows"),
        (np.where(GROUPS == 3, np.nan, GROUPS), "groups is missing for some rows, first for row"),
        (np.zeros(N), "all 160 rows are in one group, 0.0"),
        ("subject", "groups should be the group of each row"),
        (7, "groups should be the group of each row"),
        (np.zeros((N, 2)), "groups should be the group of each row"),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        stopping().fit(X, Y, groups=groups)


@pytest.mark.parametrize("early_stopping", [False, "auto"])
def test_groups_without_early_stopping_are_said_to_have_no_effect(early_stopping):
    with pytest.warns(UserWarning, match=f"no effect: with early_stopping={early_stopping!r} and 60 rows"):
        fitted = net(early_stopping=early_stopping).fit(X[:60], X[:60, 0], groups=GROUPS[:60])
    assert fitted.validation_rows_ is None


def test_labels_in_one_group_only_cannot_be_validated():
    one = np.where(GROUPS == 2, X[:, 0], np.nan)
    with pytest.raises(ValueError, match="no held-out row has a label"):
        stopping().fit(X, {"a": one}, groups=GROUPS)
    with pytest.warns(UserWarning, match="does not watch 'one'"):
        stopping().fit(X, {"one": one, "all": X[:, 1]}, groups=GROUPS)


def test_add_task_takes_groups():
    fitted = stopping().fit(X, Y, groups=GROUPS)
    groups = np.arange(50) % 5
    fitted.add_task("more", X_VAL, X_VAL[:, 0], groups=groups)
    assert_whole(fitted.validation_rows_, groups)


# -- routing


@pytest.mark.parametrize("search", [GridSearchCV, TaskWeightSearchCV])
@pytest.mark.parametrize("seed", [0, 1])
def test_searches_hold_out_the_same_groups_as_single_fits(search, seed):
    grid = {"learning_rate": [1e-3, 1e-2], "task_weights": [{"mass": 0.5}, {"mass": 2.0}]}
    extra = {"stacked": True} if search is TaskWeightSearchCV else {}
    y = Targets(mass=Y["mass"], sick=Y["sick"])
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = stopping(random_state=seed).set_fit_request(groups=True)
        found = search(estimator, grid, cv=GroupKFold(2), **extra).fit(X, y, groups=GROUPS)
    if extra:
        assert all(entry["stacked"] for entry in found.stack_report_)
        assert sum(entry["n_fits"] for entry in found.stack_report_) == 8
    for number, (train, test) in enumerate(GroupKFold(2).split(X, groups=GROUPS)):
        for place, params in enumerate(found.cv_results_["params"]):
            alone = stopping(random_state=seed, **params).fit(X[train], y[train], groups=GROUPS[train])
            score = found.cv_results_[f"split{number}_test_score"][place]
            assert score == pytest.approx(alone.score(X[test], y[test]), abs=1e-4)
    assert_whole(found.best_estimator_.validation_rows_, GROUPS)


def test_a_stacked_fit_tells_its_validation_rows():
    from sklearn_mtl.model_selection._stack import train_stacks

    rows = np.arange(N)
    trained_fits, _ = train_stacks(
        stopping(), [{"learning_rate": 1e-3}, {"learning_rate": 1e-2}], [(rows, rows)], X, Targets(a=X[:, 0]),
        {"groups": GROUPS}, stacked=True, max_members=None, n_jobs=None,
    )  # fmt: skip
    alone = stopping().fit(X, {"a": X[:, 0]}, groups=GROUPS).validation_rows_
    assert len(trained_fits) == 2
    for key in trained_fits:
        assert np.array_equal(trained_fits[key].validation_rows_, alone)


def test_cross_validation_and_pipelines_route_groups():
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = stopping().set_fit_request(groups=True)
        pipeline = make_pipeline(StandardScaler(), estimator)
        for model in (estimator, pipeline):
            result = cross_validate(
                model,
                X,
                Y,
                cv=GroupKFold(3),
                params={"groups": GROUPS},
                return_estimator=True,
                return_indices=True,
            )
            for fitted, train in zip(result["estimator"], result["indices"]["train"], strict=True):
                last = fitted[-1] if model is pipeline else fitted
                assert_whole(last.validation_rows_, GROUPS[train])


def test_a_pipeline_takes_groups_by_the_name_of_the_step():
    pipeline = make_pipeline(StandardScaler(), stopping())
    pipeline.fit(X, Y, multitasknetestimator__groups=GROUPS)
    assert_whole(pipeline[-1].validation_rows_, GROUPS)


# -- splitters


@pytest.mark.parametrize(
    ("splitter", "expected"),
    [
        (KFold(4), np.arange(40)),
        (LastRows(0.25), np.arange(120, 160)),
        (TimeSeriesSplit(3), np.arange(120, 160)),
        (PredefinedSplit(np.where(np.arange(N) < 7, 0, -1)), np.arange(7)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_splitter_says_which_rows(splitter, expected):
    fitted = stopping(validation=splitter).fit(X, Y)
    assert np.array_equal(fitted.validation_rows_, expected)


def test_members_take_the_splits_in_turn():
    fitted = stopping(validation=KFold(3), n_members=4).fit(X, Y)
    splits = [test for _, test in KFold(3).split(X)]
    for number, rows in enumerate(fitted.validation_rows_):
        assert np.array_equal(rows, splits[number % 3])
    in_time = stopping(validation=TimeSeriesSplit(3), n_members=2).fit(X, Y).validation_rows_
    assert [rows[0] for rows in in_time] == [120, 80]


def test_groups_go_to_the_splitter():
    for splitter in (GroupShuffleSplit(1, test_size=0.3), MultiTaskStratifiedGroupKFold(4), GroupKFold(3)):
        assert_whole(stopping(validation=splitter).fit(X, Y, groups=GROUPS).validation_rows_, GROUPS)
        with pytest.raises(ValueError, match=r"cannot split the rows: .*groups, if it needs any, are passed"):
            stopping(validation=splitter).fit(X, Y)


def test_a_splitter_of_one_target_gets_it_as_it_is():
    labels = np.array(["a", "b"], dtype=object)[(X[:, 0] > 1).astype(int)]
    rows = stopping(validation=StratifiedKFold(4)).fit(X, labels).validation_rows_
    assert np.array_equal(rows, next(StratifiedKFold(4).split(X, labels))[1])


def test_a_splitter_without_a_seed_gets_that_of_the_fit():
    splitter = ShuffleSplit(1, test_size=0.2)
    first, again, other = (
        stopping(validation=splitter, random_state=seed).fit(X, Y).validation_rows_ for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert splitter.random_state is None


def test_fits_do_not_change_a_splitter():
    splitter = ShuffleSplit(1, test_size=0.2, random_state=np.random.RandomState(0))
    estimator = stopping(validation=splitter)
    assert_same_model(estimator.fit(X, Y), clone(estimator).fit(X, Y))


class Says:
    """A splitter of the user's."""

    def __init__(self, train, valid):
        self.parts = train, valid

    def split(self, X, y=None, groups=None):
        yield self.parts


def test_a_splitter_of_the_users():
    mask = np.arange(N) % 4 == 0
    fitted = stopping(validation=Says(~mask, mask)).fit(X, Y)
    assert np.array_equal(fitted.validation_rows_, np.flatnonzero(mask))


@pytest.mark.parametrize(
    ("train", "valid", "message"),
    [
        (np.arange(10), np.arange(5, 20), "trains on 5 of the rows that it validates on, first on row 5"),
        (np.arange(10), np.arange(0), "10 training rows and 0 validation rows"),
        (np.arange(10), [N], "positions beyond the 160 rows"),
        (np.arange(10), [-1], "positions beyond the 160 rows"),
        (np.arange(10), [0.5], "two arrays of their positions"),
    ],
)
def test_splits_that_cannot_be_are_refused(train, valid, message):
    with pytest.raises(ValueError, match=message):
        stopping(validation=Says(train, np.asarray(valid))).fit(X, X[:, 0])


def test_a_class_that_is_only_held_out_is_told():
    late = np.where(np.arange(N) >= 150, "late", np.where(X[:, 0] > 0, "a", "b"))
    with pytest.warns(UserWarning, match="have all labels of 'late', or all of some class: these are not trained"):
        stopping(validation=LastRows(0.2)).fit(X, {"late": late})


def test_mappings_of_inputs_are_split():
    given = {"left": X[:, :2], "right": X[:, 2:]}
    fitted = stopping(validation=LastRows(0.25), trunk="multi_input").fit(given, Y)
    assert np.array_equal(fitted.validation_rows_, np.arange(120, 160))


# -- rows of the user's


def test_own_rows_are_those_that_a_splitter_holds_out():
    """But for what is learned of the rows, such as scales: these do not enter it here."""
    trunk, y, y_val = MLP((8,), scaling=None), (X[:, 0] > 0).astype(int), (X_VAL[:, 0] > 0).astype(int)
    params = {"trunk": trunk, "batch_size": 16, "max_epochs": 6, "n_members": 2}
    own = stopping(**params).fit(X, y, X_val=X_VAL, y_val=y_val)
    both, labels = np.vstack([X, X_VAL]), np.concatenate([y, y_val])
    split = stopping(validation=Says(np.arange(N), np.arange(N, N + 50)), **params).fit(both, labels)
    pd.testing.assert_frame_equal(
        own.history_.drop(columns="dur", errors="ignore"), split.history_.drop(columns="dur", errors="ignore")
    )
    assert own.validation_rows_ is None
    assert_same_model(own, split)


@pytest.mark.parametrize("params", [{}, {"n_members": 2}, {"n_members": 2, "ensemble": "batch"}], ids=str)
def test_losses_of_own_rows_are_those_of_all_tasks(params):
    fitted = stopping(early_stopping="auto", **params).fit(
        X, Y, X_val=X_VAL, y_val=Y_VAL, sample_weight_val=np.arange(50) + 1.0
    )
    assert fitted.history_.filter(like="valid_loss").notna().all(axis=None)
    assert fitted.validation_rows_ is None


def test_weights_of_own_rows_count():
    y, y_val = {"a": X[:, 0]}, {"a": np.where(np.arange(50) < 25, X_VAL[:, 0], 100.0)}
    weight = np.where(np.arange(50) < 25, 1.0, 0.0)
    weighted = stopping().fit(X, y, X_val=X_VAL, y_val=y_val, sample_weight_val=weight)
    first = stopping().fit(X, y, X_val=X_VAL[:25], y_val={"a": X_VAL[:25, 0]})
    np.testing.assert_allclose(weighted.history_["valid_loss"], first.history_["valid_loss"], rtol=1e-6)


def test_few_rows_are_enough_to_stop_early_on_others():
    fitted = net(early_stopping="auto").fit(X[:20], X[:20, 0], X_val=X_VAL, y_val=X_VAL[:, 0])
    assert "valid_loss" in fitted.history_


def test_own_rows_of_frames_mappings_and_sentences():
    frame = pd.DataFrame({"number": X[:, 0], "kind": np.where(X[:, 1] > 0, "u", "v")})
    other = pd.DataFrame({"number": X_VAL[:, 0], "kind": "w"})
    stopping().fit(frame, {"a": X[:, 0]}, X_val=other, y_val=pd.DataFrame({"a": X_VAL[:, 0]}))
    parts, others = ({"left": rows[:, :2], "right": rows[:, 2:]} for rows in (X, X_VAL))
    stopping(trunk="multi_input").fit(parts, Y, X_val=others, y_val=dict(Y_VAL))
    words = [["a", "b"], ["c"]] * 20
    encoder = SequenceEncoder(hidden_size=4, embedding_size=3, n_layers=1)
    stopping(trunk=encoder).fit(words, [0, 1] * 20, X_val=[["a", "b", "c"], ["d"]], y_val=[0, 1])


@pytest.mark.parametrize("n_members", [1, 3])
def test_own_rows_that_are_sparse(n_members):
    y, y_val = {"a": X[:, 0]}, {"a": X_VAL[:, 0]}
    params = {"n_members": n_members, "trunk": MLP((8,), scaling=None)}
    dense = stopping(**params).fit(X, y, X_val=X_VAL, y_val=y_val)
    sparse = stopping(**params).fit(csr_matrix(X), y, X_val=csr_matrix(X_VAL), y_val=y_val)
    np.testing.assert_allclose(sparse.history_["valid_loss"], dense.history_["valid_loss"], rtol=1e-5)
    with pytest.raises(ValueError, match="one of X and X_val is sparse"):
        stopping(**params).fit(csr_matrix(X), y, X_val=X_VAL, y_val=y_val)


def test_callbacks_score_own_rows():
    seen = []

    def scoring(estimator, X, y):
        seen.append((X, y))
        return float(np.mean(np.asarray(estimator.predict(X)) == np.asarray(y)))

    y, y_val = (X[:, 0] > 0).astype(int), (X_VAL[:, 0] > 0).astype(int)
    fitted = stopping(callbacks=[EpochScoring(scoring, name="own", lower_is_better=False)])
    fitted.fit(X, y, X_val=X_VAL, y_val=y_val)
    assert np.array_equal(seen[0][0], X_VAL)
    assert np.array_equal(seen[0][1], y_val)
    np.testing.assert_allclose(fitted.history_["own"], fitted.history_["valid_score"])


def test_a_pipeline_transforms_own_rows():
    y, y_val = {"a": X[:, 0]}, {"a": X_VAL[:, 0]}
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = stopping().set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), estimator, transform_input=["X_val"])
        pipeline.fit(5 + 3 * X, y, X_val=5 + 3 * X_VAL, y_val=y_val)
    scaler = StandardScaler().fit(5 + 3 * X)
    by_hand = stopping().fit(scaler.transform(5 + 3 * X), y, X_val=scaler.transform(5 + 3 * X_VAL), y_val=y_val)
    pd.testing.assert_series_equal(pipeline[-1].history_["valid_loss"], by_hand.history_["valid_loss"])


CONTRADICTIONS = {
    "X_val without y_val": ({}, {"X_val": X_VAL}, "X_val is passed without y_val"),
    "y_val without X_val": ({}, {"y_val": Y_VAL}, "y_val is passed without X_val"),
    "weights alone": ({}, {"sample_weight_val": np.ones(50)}, "without X_val and y_val"),
    "early_stopping=False": (
        {"early_stopping": False}, {"X_val": X_VAL, "y_val": Y_VAL}, "have no effect with early_stopping=False",
    ),
    "groups": ({}, {"X_val": X_VAL, "y_val": Y_VAL, "groups": GROUPS}, "groups and X_val are both passed"),
    "a splitter": ({"validation": KFold(3)}, {"X_val": X_VAL, "y_val": Y_VAL}, "validation=KFold.* splits"),
    "other columns": ({}, {"X_val": X_VAL[:, :3], "y_val": Y_VAL}, "X_val, y_val: X has 3 features"),
    "other rows": ({}, {"X_val": X_VAL[1:], "y_val": Y_VAL}, "X_val has 49 rows, and y_val has 50"),
    "a task lacks": ({}, {"X_val": X_VAL, "y_val": {"mass": X_VAL[:, 0]}}, "X_val, y_val: y lacks the tasks"),
    "unknown class": (
        {}, {"X_val": X_VAL, "y_val": Targets({**Y_VAL, "species": ["dog"] * 50})}, "y_val: task 'species'.*dog",
    ),
    "weights of other rows": (
        {}, {"X_val": X_VAL, "y_val": Y_VAL, "sample_weight_val": np.ones(49)}, "^sample_weight_val:",
    ),
    "no label": (
        {}, {"X_val": X_VAL, "y_val": Y_VAL, "sample_weight_val": np.zeros(50)}, "sample_weight_val",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("params", "passed", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_contradictions_are_refused(params, passed, message):
    with pytest.raises(ValueError, match=message):
        stopping(**params).fit(X, Y, **passed)


def test_own_rows_without_any_label_are_refused_and_without_some_told():
    y = {"a": X[:, 0], "b": X[:, 1]}
    gone = np.full(50, np.nan)
    with pytest.raises(ValueError, match="y_val has no label of any trained task"):
        stopping().fit(X, y, X_val=X_VAL, y_val={"a": gone, "b": gone})
    with pytest.warns(UserWarning, match="does not watch 'b': y_val has no label"):
        stopping().fit(X, y, X_val=X_VAL, y_val={"a": X_VAL[:, 0], "b": gone})


def test_searches_keep_own_rows_whole_or_refuse_them():
    y, y_val = {"a": X[:, 0]}, {"a": X_VAL[:, 0]}
    grid = {"learning_rate": [1e-3, 1e-2]}
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = stopping().set_fit_request(X_val=True, y_val=True)
        search = TaskWeightSearchCV(estimator, grid, cv=KFold(2), stacked=True)
        search.fit(X, y, X_val=X_VAL, y_val=Targets(y_val))
        assert search.stack_report_[0]["stacked"]
        plain = GridSearchCV(estimator, grid, cv=KFold(2)).fit(X, Targets(y), X_val=X_VAL, y_val=Targets(y_val))
        np.testing.assert_allclose(
            search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], atol=1e-4
        )
        with pytest.raises(ValueError, match="X_val has as many rows as X, 50, so a search would split it"):
            search.fit(X[:50], {"a": X[:50, 0]}, X_val=X_VAL, y_val=Targets(y_val))


# -- what is kept


@pytest.mark.parametrize("params", [{}, {"n_members": 3}, {"early_stopping": False}], ids=str)
def test_validation_rows_survive_saving(params, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = stopping(**params).fit(X, Y, groups=GROUPS)
    save_model(fitted, tmp_path / "model.mtl")
    for again in (pickle.loads(pickle.dumps(fitted)), load_model(tmp_path / "model.mtl")):
        if fitted.validation_rows_ is None:
            assert again.validation_rows_ is None
            continue
        assert type(again.validation_rows_) is type(fitted.validation_rows_)
        for rows, expected in zip(of_members(again), of_members(fitted), strict=True):
            assert np.array_equal(rows, expected)


@pytest.mark.parametrize(
    "splitter",
    [KFold(3), GroupShuffleSplit(2, test_size=0.2), LastRows(0.2), PredefinedSplit(np.arange(N) % 2)],
    ids=lambda value: type(value).__name__,
)
def test_splitters_are_saved_with_the_model(splitter, tmp_path):
    fitted = stopping(validation=splitter).fit(X, Y, groups=GROUPS if "Group" in repr(splitter) else None)
    save_model(fitted, tmp_path / "model.mtl")
    loaded = load_model(tmp_path / "model.mtl")
    assert type(loaded.validation) is type(splitter)
    assert repr(loaded.validation) == repr(splitter)


def test_partial_fit_holds_out_nothing():
    fitted = stopping().fit(X, Y, groups=GROUPS)
    assert fitted.partial_fit(X, Y).validation_rows_ is None


def test_a_warm_start_may_hold_out_others():
    fitted = stopping(warm_start=True, n_members=2, max_epochs=2).fit(X, Y)
    fitted.fit(X, Y, groups=GROUPS)
    for rows in of_members(fitted):
        assert_whole(rows, GROUPS)
    fitted.fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    assert fitted.validation_rows_ is None
    assert fitted.n_iter_ > 2


@pytest.mark.parametrize(
    ("passed", "other"),
    [
        ({"groups": GROUPS}, {"groups": GROUPS[::-1]}),
        ({"groups": GROUPS}, {}),
        ({"X_val": X_VAL, "y_val": Y_VAL}, {"X_val": X_VAL + 1, "y_val": Y_VAL}),
        ({"X_val": X_VAL, "y_val": Y_VAL}, {"X_val": X_VAL, "y_val": Y_VAL, "sample_weight_val": np.arange(50.0)}),
    ],
)
def test_a_checkpoint_is_that_of_its_validation_rows(passed, other, tmp_path):
    stopping(checkpoint=tmp_path).fit(X, Y, **passed)
    stopping(checkpoint=tmp_path).fit(X, Y, resume=True, **passed)
    assert len(list(tmp_path.iterdir())) == 1
    resumed = stopping(checkpoint=tmp_path).fit(X, Y, resume=True, **other)
    assert len(list(tmp_path.iterdir())) == 2
    assert_same_model(resumed, stopping().fit(X, Y, **other))
