"""Auxiliary tasks are trained as others are, and nothing answers for them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EpochScoring

from sklearn_mtl import (
    Auxiliary,
    EarlyStopping,
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    Targets,
    load_model,
    save_model,
)
from sklearn_mtl.architectures import HardSharing
from sklearn_mtl.inspection import LearningHistoryDisplay
from sklearn_mtl.metrics import multitask_scorer

from .._helpers import assert_same, assert_same_model, inputs, net

X = inputs()
Y = pd.DataFrame(
    {"kind": np.where(X[:, 0] > 0, "ape", "bee"), "mass": 9 + X[:, 1], "sick": (X[:, 2] > 0).astype(int)}
)
MAIN = ["kind", "sick"]
HELPS = ("mass",)


def with_epochs_to_stop(**params):
    stopping = {"early_stopping": EarlyStopping(True, n_iter_no_change=2), "validation": 0.3, "max_epochs": 30}
    return net(**stopping, learning_rate=0.05, **params)


# -- training


def test_an_auxiliary_task_is_trained_as_any_other():
    assert_same_model(net(auxiliary=HELPS).fit(X, Y), net().fit(X, Y))


def test_it_changes_what_the_others_learn():
    with_help, alone = net(auxiliary=HELPS).fit(X, Y), net().fit(X, Y[MAIN])
    assert with_help.score_tasks(X, Y) != alone.score_tasks(X, Y[MAIN])


@pytest.mark.parametrize("n_members", [1, 2])
def test_early_stopping_watches_the_others_only(n_members):
    helped = with_epochs_to_stop(auxiliary=HELPS, n_members=n_members).fit(X, Y)
    same = with_epochs_to_stop(score_weights={"mass": 0}, n_members=n_members).fit(X, Y)
    assert_same_model(helped, same)
    assert helped.n_iter_ == same.n_iter_


def test_a_task_without_labels_to_watch_does_not_let_an_auxiliary_one_decide():
    y = Targets(a=np.where(np.arange(len(X)) < 40, X[:, 0], np.nan), b=X[:, 1])
    X_val, y_val = X[40:], Targets(a=np.full(40, np.nan), b=X[40:, 1])
    with pytest.raises(ValueError, match="y_val has no label of any trained task"):
        net(early_stopping=True, auxiliary=("b",)).fit(X, y, X_val=X_val, y_val=y_val)


def test_labels_of_auxiliary_tasks_do_not_make_a_fit_stop_early():
    y = Targets(a=np.where(np.arange(len(X)) < 1, X[:, 0], np.nan), b=X[:, 1])
    with pytest.warns(UserWarning, match="no task has more than one label"):
        net(early_stopping=True, auxiliary=("b",)).fit(X, y)


def test_a_missing_auxiliary_label_among_the_held_out_rows_is_no_matter():
    few = Y.assign(mass=np.where(np.arange(len(X)) < 1, 9.0, np.nan))
    assert with_epochs_to_stop(auxiliary=HELPS, tasks={"mass": "regression"}).fit(X, few).n_iter_ > 1


def test_per_task_stopping_ends_with_the_last_main_task():
    params = {"early_stopping": EarlyStopping("per_task", n_iter_no_change=2), "validation": 0.3, "max_epochs": 40}
    y = Targets(a=np.random.default_rng(0).normal(size=len(X)), b=X @ np.ones(4))
    assert net(**params, auxiliary=("b",)).fit(X, y).n_iter_ < net(**params).fit(X, y).n_iter_


# -- decay


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_members": 2},
        {"n_members": 2, "ensemble": "batch"},
        {"weighting": "pcgrad"},
        {"n_members": 2, "task_sampling": "proportional"},
    ],
)
def test_a_decay_ends_with_weight_zero(params):
    fitted = net(auxiliary=Auxiliary(HELPS, decay="linear"), **params).fit(X, Y)
    objective = fitted.net_.criterion_
    for one in getattr(objective, "each", [objective]):
        weights = dict(zip(one.names, np.transpose(one.task_weights.numpy()).tolist(), strict=True))
        assert not np.any(weights["mass"])
        assert np.all(weights["kind"])


def test_the_first_epoch_of_a_decay_has_the_task_weight():
    decaying = net(auxiliary=Auxiliary(HELPS, decay="linear"), max_epochs=3).fit(X, Y)
    constant = net(auxiliary=HELPS, max_epochs=3).fit(X, Y)
    first, second = (fit.history_["train_loss__mass"].to_numpy() for fit in (decaying, constant))
    assert first[0] == second[0]
    assert first[2] > second[2]


@pytest.mark.parametrize("decay", ["constant", "linear"])
def test_stacked_members_decay_as_single_fits_do(decay):
    params = {"auxiliary": Auxiliary(HELPS, decay=decay), "dtype": "float64"}
    ensemble = net(**params, n_members=2).fit(X, Y)
    singles = [net(**params).set_params(random_state=int(seed)).fit(X, Y) for seed in ensemble.member_seeds_]
    mean = np.mean([single.predict_proba(X)["sick"] for single in singles], axis=0)
    np.testing.assert_allclose(ensemble.predict_proba(X)["sick"], mean, atol=1e-10)


def test_a_continued_fit_decays_again():
    fitted = net(auxiliary=Auxiliary(HELPS, decay="linear"), warm_start=True).fit(X, Y)
    before = fitted.history_["train_loss__mass"].iloc[-1]
    assert fitted.fit(X, Y).history_["train_loss__mass"].iloc[-1] < before


def test_a_resumed_fit_decays_as_an_uninterrupted_one(tmp_path):
    params = {"auxiliary": Auxiliary(HELPS, decay="linear"), "checkpoint": tmp_path, "max_epochs": 4}

    class Killed(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net(**params, callbacks=[Killed]).fit(X, Y)
    assert_same_model(net(**params).fit(X, Y, resume=True), net(**params).fit(X, Y))


# -- what answers for tasks


@pytest.mark.parametrize("params", [{}, {"n_members": 2}, {"n_members": 2, "ensemble": "batch"}])
def test_answers_name_the_others_only(params):
    fitted = net(auxiliary=HELPS, metrics={"mass": "neg_max_error"}, **params).fit(X, Y)
    assert fitted.task_names_ == list(fitted.tasks_) == MAIN
    assert list(fitted.classes_) == MAIN
    assert fitted.predict(X).columns.tolist() == MAIN
    assert list(fitted.predict_proba(X)) == MAIN
    assert [list(part) for part in fitted.predict_all(X)] == [MAIN, MAIN]
    assert list(fitted.score_tasks(X, Y)) == list(fitted.main_metrics()) == MAIN
    assert list(fitted.metrics_of_tasks(X, Y)) == MAIN
    assert not any("mass" in name for name in multitask_scorer(fitted, X, Y))


def test_the_default_portfolio_answers_for_the_others_only():
    fitted = MultiTaskNetEstimator(auxiliary=HELPS, max_epochs=2, random_state=0).fit(X, Y)
    assert list(fitted.recipe_weights_) == list(fitted.shared_weights_) == MAIN
    assert fitted.predict(X).columns.tolist() == MAIN


def test_the_weights_of_recipes_do_not_depend_on_scores_of_auxiliary_tasks():
    parts = {"ensemble": "portfolio", "max_epochs": 2, "random_state": 0}
    helped = MultiTaskNetEstimator(**parts, auxiliary=HELPS).fit(X, Y)
    same = MultiTaskNetEstimator(**parts, score_weights={"mass": 0}).fit(X, Y)
    assert helped.recipe_weights_ == {name: same.recipe_weights_[name] for name in MAIN}


def test_predictions_have_the_container_of_a_y_without_auxiliary_tasks():
    matrix = X[:, :2] ** 2
    for y, rest, auxiliary in [
        (matrix, matrix[:, [0]], [1]),
        (matrix, matrix[:, [0]], ["1"]),
        (Y, Y[["kind"]], ["mass", "sick"]),
        (Y.to_records(index=False), Y[MAIN].to_records(index=False), ["mass"]),
        (Targets(Y), Targets(Y[MAIN]), ["mass"]),
    ]:
        helped, alone = net(auxiliary=auxiliary).fit(X, y), net().fit(X, rest)
        answer, other = helped.predict(X), alone.predict(X)
        assert type(answer) is type(other)
        assert np.shape(answer) == np.shape(other)


def test_a_classifier_of_one_main_column_has_plain_classes():
    fitted = MultiTaskNetClassifier(n_members=1, max_epochs=2, auxiliary=("sick",)).fit(X, Y[MAIN])
    assert fitted.classes_.tolist() == ["ape", "bee"]
    assert fitted.predict_proba(X).shape == (len(X), 2)


def test_methods_are_those_of_the_main_tasks():
    fitted = net(auxiliary=MAIN).fit(X, Y)
    assert not hasattr(fitted, "predict_proba")
    assert not hasattr(fitted, "classes_")


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_all"])
def test_an_auxiliary_task_cannot_be_asked_for(method):
    with pytest.raises(ValueError, match=r"'mass' is auxiliary: .* The tasks are \['kind', 'sick'\]"):
        getattr(net(auxiliary=HELPS).fit(X, Y), method)(X, tasks=["kind", "mass"])


def test_history_has_the_losses_of_all_tasks_and_its_display_the_others():
    fitted = with_epochs_to_stop(auxiliary=HELPS).fit(X, Y)
    assert {"train_loss__mass", "valid_loss__mass"} <= set(fitted.history_)
    means = fitted.history_[["valid_loss__kind", "valid_loss__sick"]].mean(axis=1)
    np.testing.assert_allclose(fitted.history_["valid_loss"], means)
    assert LearningHistoryDisplay.from_estimator(fitted).task_names == MAIN


# -- scores


@pytest.mark.parametrize("kind", [Targets, pd.DataFrame, lambda y: y.to_records(index=False)])
def test_scores_take_y_with_and_without_auxiliary_columns(kind):
    fitted = net(auxiliary=HELPS).fit(X, kind(Y))
    assert fitted.score_tasks(X, kind(Y)) == fitted.score_tasks(X, kind(Y[MAIN]))


@pytest.mark.parametrize("auxiliary", [["0"], ["1"], ["0", "2"], ["1", "2"]])
@pytest.mark.parametrize("convert", [np.asarray, np.ndarray.tolist])
def test_columns_without_names_are_matched_by_position(auxiliary, convert):
    y = X[:, :3] @ np.diag([1.0, 5.0, 9.0])
    main = [column for column in range(3) if str(column) not in auxiliary]
    fitted = net(auxiliary=auxiliary).fit(X, convert(y))
    assert fitted.score_tasks(X, convert(y)) == fitted.score_tasks(X, y[:, main])


def test_weights_of_rows_may_name_auxiliary_tasks():
    weight = {name: np.linspace(0, 1, len(X)) for name in Y}
    fitted = net(auxiliary=HELPS).fit(X, Y, sample_weight=weight)
    assert fitted.score(X, Y, weight) == fitted.score(X, Y, {name: weight[name] for name in MAIN})


def test_a_callback_that_scores_sees_the_main_tasks():
    seen = []

    def scoring(net, X, y):
        seen.append((list(y.columns), net.task_names_))
        return net.score(X, y)

    with_epochs_to_stop(auxiliary=HELPS, callbacks=[EpochScoring(scoring, name="mine")]).fit(X, Y)
    assert seen[0] == (MAIN, MAIN)


# -- what is refused


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"auxiliary": ["nope"]}, "auxiliary names unknown tasks"),
        ({"auxiliary": list(Y)}, "at least one must remain"),
        ({"auxiliary": "mass"}, "'auxiliary' parameter"),
        ({"auxiliary": Auxiliary(HELPS, decay="steep")}, "'decay' parameter of Auxiliary"),
        ({"auxiliary": HELPS, "score_weights": {"mass": 1}}, "score_weights names .* auxiliary"),
        ({"auxiliary": HELPS, "task_weights": {"kind": 0, "sick": 0}}, "all tasks but the auxiliary"),
    ],
)
def test_what_has_no_meaning_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        net(**params).fit(X, Y)


def test_tasks_that_share_nothing_do_not_help_each_other():
    with pytest.warns(UserWarning, match="auxiliary=.* has no effect: .* share nothing"):
        net(auxiliary=HELPS, architecture="independent").fit(X, Y)


def test_other_auxiliary_tasks_require_a_new_fit():
    fitted = net(auxiliary=HELPS, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"auxiliary=.* new fit"):
        fitted.set_params(auxiliary=["sick"]).fit(X, Y)


# -- the rest of the estimator


def test_it_is_cloned_pickled_and_saved(tmp_path):
    fitted = net(auxiliary=Auxiliary(HELPS, decay="linear")).fit(X, Y)
    save_model(fitted, tmp_path / "model.mtl")
    for copied in (pickle.loads(pickle.dumps(fitted)), load_model(tmp_path / "model.mtl")):
        assert_same(copied.predict(X).to_numpy(), fitted.predict(X).to_numpy())
        assert copied.task_names_ == MAIN
        with pytest.raises(ValueError, match="is auxiliary"):
            copied.predict(X, tasks=["mass"])
    assert clone(fitted).get_params()["auxiliary__decay"] == "linear"


def test_parts_of_the_parameter_are_parameters():
    assert net(auxiliary=HELPS).set_params(auxiliary__decay="linear").auxiliary.tasks == HELPS


@pytest.mark.parametrize("params", [{}, {"n_members": 2}])
def test_a_task_can_be_added(params):
    fitted = net(auxiliary=HELPS, **params).fit(X, Y)
    before = fitted.predict(X)
    fitted.add_task("size", X, X[:, 3])
    assert fitted.predict(X).columns.tolist() == [*MAIN, "size"]
    pd.testing.assert_frame_equal(fitted.predict(X)[MAIN], before)
    assert list(fitted.score_tasks(X, Y.assign(size=X[:, 3]))) == [*MAIN, "size"]


def test_an_added_task_cannot_have_the_name_of_an_auxiliary_one():
    with pytest.raises(ValueError, match="other than the names of the tasks"):
        net(auxiliary=HELPS).fit(X, Y).add_task("mass", X, X[:, 3])


def test_batches_have_all_columns():
    fitted = net(auxiliary=HELPS)
    for _ in range(2):
        fitted.partial_fit(X, Y)
    assert fitted.predict(X).columns.tolist() == MAIN


def test_a_view_shows_a_main_task_only():
    fitted = net(auxiliary=HELPS).fit(X, Y)
    assert fitted.task_view("sick").predict_proba(X).shape == (len(X), 2)
    unfitted = net(auxiliary=HELPS, tasks={"mass": "regression", "sick": "classification"})
    for one in (fitted, unfitted):
        with pytest.raises(ValueError, match="'mass' is auxiliary"):
            one.task_view("mass")
    with pytest.raises(ValueError, match="'mass' is auxiliary"):
        fitted.with_task("mass", fitted.task_view("sick"))


def test_a_view_is_fitted_with_the_targets_that_help():
    view = net(auxiliary=HELPS, tasks={"sick": "classification"}).task_view("sick")
    view.fit(X, Y["sick"].to_numpy(), targets=Y[["kind", "mass"]])
    assert view.net_.task_names_ == MAIN
    with pytest.raises(ValueError, match="'sick' is auxiliary"):
        view.set_params(net__auxiliary=["sick"]).fit(X, Y["sick"].to_numpy(), targets=Y[["kind", "mass"]])


def test_it_works_within_a_pipeline():
    piped = make_pipeline(StandardScaler(), net(auxiliary=HELPS)).fit(X, Y)
    assert piped.predict(X).columns.tolist() == MAIN
    assert 0 <= piped.score(X, Y[MAIN]) <= 1


def test_towers_and_further_parts_of_auxiliary_tasks_are_trained():
    fitted = net(auxiliary=HELPS, architecture=HardSharing(tower_sizes=(4,)), penalties=["trace_norm"]).fit(X, Y)
    assert fitted.predict(X).columns.tolist() == MAIN
