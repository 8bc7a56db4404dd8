"""The estimator inside scikit-learn's searches, splits, pipelines and callbacks."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_val_predict,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import estimator_html_repr

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetRegressor, Targets
from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model, inputs, mixed_targets, net

X = inputs(60)
Y = mixed_targets(X, missing=0.1)
N = len(X)
CV = KFold(3)
FRAME = pd.DataFrame({name: Y[name] for name in ("species", "sick", "mass")})
BY_NAME = {"task_weights__mass": [0.1, 2.0], "task_weights__sick": [0, 1.0]}


def in_pipeline(estimator):
    return make_pipeline(StandardScaler(), estimator)


def prefixed(grid):
    return {f"multitasknetestimator__{name}": values for name, values in grid.items()}


SEARCHES = {
    "grid": lambda n_jobs: GridSearchCV(net(), BY_NAME, cv=CV, n_jobs=n_jobs),
    "halving": lambda n_jobs: HalvingGridSearchCV(
        net(), BY_NAME, cv=CV, n_jobs=n_jobs, resource="max_epochs", min_resources=1, max_resources=2
    ),
    "pipeline": lambda n_jobs: GridSearchCV(in_pipeline(net()), prefixed(BY_NAME), cv=CV, n_jobs=n_jobs),
}


def scores_of(search):
    return {name: values for name, values in search.cv_results_.items() if "score" in name and "time" not in name}


@pytest.mark.slow
@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_search_in_two_processes_is_that_in_one(search):
    one, two = search(1).fit(X, Y), search(2).fit(X, Y)
    assert_same(scores_of(one), scores_of(two))
    assert one.best_params_ == two.best_params_
    assert_same(one.predict(X), two.predict(X))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_backend_does_not_change_a_search(backend):
    dropped = net(trunk=MLP((8,), dropout=0.3), early_stopping=True)
    expected = GridSearchCV(dropped, BY_NAME, cv=CV).fit(X, Y)
    with parallel_config(backend=backend, n_jobs=2):
        search = GridSearchCV(dropped, BY_NAME, cv=CV).fit(X, Y)
    assert_same(scores_of(search), scores_of(expected))
    assert_same_model(search.best_estimator_, expected.best_estimator_)


def test_weights_are_searched_by_name_and_as_a_whole():
    by_name = GridSearchCV(net(), {"task_weights__mass": [0.1, 2.0]}, cv=CV).fit(X, Y)
    whole = GridSearchCV(net(), {"task_weights": [{"mass": 0.1}, {"mass": 2.0}]}, cv=CV).fit(X, Y)
    assert_same(scores_of(by_name), scores_of(whole))
    assert by_name.best_params_["task_weights__mass"] == whole.best_params_["task_weights"]["mass"]
    assert_same_model(by_name.best_estimator_, whole.best_estimator_)


def test_whole_weights_and_a_name_are_searched_together():
    grid = {"task_weights": [{"sick": 3.0}], "task_weights__mass": [0.5]}
    search = GridSearchCV(net(task_weights={"species": 9.0}), grid, cv=CV).fit(X, Y)
    assert search.best_estimator_.task_weights == {"sick": 3.0, "mass": 0.5}


def test_search_leaves_the_estimator_as_it_was():
    weights = {"mass": 1.0}
    estimator = net(task_weights=weights)
    GridSearchCV(estimator, {"task_weights__mass": [0.1, 2.0]}, cv=CV).fit(X, Y)
    assert estimator.task_weights is weights
    assert weights == {"mass": 1.0}
    assert not hasattr(estimator, "net_")


def test_parameters_of_tasks_and_trunk_are_searched():
    grid = {"tasks__mass__loss": ["huber", "squared_error"], "trunk__hidden_sizes": [(4,), (8,)]}
    search = GridSearchCV(net(tasks={"mass": "regression"}), grid, cv=CV).fit(X, Y)
    assert search.best_estimator_.tasks_["mass"].loss == search.best_params_["tasks__mass__loss"]
    assert len({round(score, 6) for score in search.cv_results_["mean_test_score"]}) == 4


def test_weights_change_the_scores_of_a_search():
    search = GridSearchCV(net(), {"task_weights__mass": [0, 1.0]}, cv=CV, scoring=multitask_scorer, refit="score")
    search.fit(X, Y)
    untrained, trained = search.cv_results_["mean_test_mass_r2"]
    assert trained != untrained


METRICS = {
    "species_accuracy", "species_balanced_accuracy", "species_f1_macro",
    "sick_accuracy", "sick_balanced_accuracy", "sick_f1_macro",
    "mass_r2", "mass_neg_mean_absolute_error", "mass_neg_root_mean_squared_error",
    "size_r2", "size_neg_mean_absolute_error", "size_neg_root_mean_squared_error",
    "tags_f1_samples", "tags_f1_micro", "tags_f1_macro",
    "score",
    *(
        f"{task}_{name}"
        for task in ("species", "sick", "tags")
        for name in ("roc_auc", "average_precision", "neg_log_loss", "neg_brier_score")
    ),
}  # fmt: skip


def test_scorer_of_all_tasks():
    results = cross_validate(net(), X, Y, cv=CV, scoring=multitask_scorer, return_estimator=True)
    assert {name.removeprefix("test_") for name in results if name.startswith("test_")} == METRICS
    for fold, (_, test) in enumerate(CV.split(X)):
        estimator = results["estimator"][fold]
        assert results["test_score"][fold] == pytest.approx(estimator.score(X[test], Y[test]))
        assert results["test_mass_r2"][fold] == estimator.score_tasks(X[test], Y[test])["mass"]


@pytest.mark.parametrize("refit", ["score", "mass_r2", "species_accuracy"])
def test_refit_by_a_metric(refit):
    search = GridSearchCV(net(), BY_NAME, cv=CV, scoring=multitask_scorer, refit=refit).fit(X, Y)
    means = search.cv_results_[f"mean_test_{refit}"]
    assert search.best_score_ == means.max()
    assert set(multitask_scorer(search, X, Y)) == METRICS


def test_scorer_sees_through_a_pipeline():
    pipeline = in_pipeline(net()).fit(X, Y)
    scores = multitask_scorer(pipeline, X, Y)
    assert scores == multitask_scorer(pipeline[-1], pipeline[:-1].transform(X), Y)


KINDS_OF_Y = {"Targets": Y, "pandas": FRAME, "matrix": Y["size"], "array": np.nan_to_num(Y["mass"])}


@pytest.mark.parametrize("y", KINDS_OF_Y.values(), ids=KINDS_OF_Y)
def test_cross_validate_takes_every_container(y):
    scores = cross_validate(net(), X, y, cv=CV, error_score="raise")["test_score"]
    by_hand = []
    for train, test in CV.split(X):
        rows = y.iloc if isinstance(y, pd.DataFrame) else y
        by_hand.append(net().fit(X[train], rows[train]).score(X[test], rows[test]))
    assert_same(scores, np.array(by_hand))


def test_split_of_targets_keeps_rows_together():
    X_train, X_test, y_train, y_test = train_test_split(X, Y, random_state=0)
    assert isinstance(y_train, Targets)
    assert (len(y_train), len(y_test)) == (45, 15)
    for rows, y in ((X_train, y_train), (X_test, y_test)):
        positions = [np.flatnonzero((row == X).all(axis=1))[0] for row in rows]
        assert y == Y[positions]


def test_predictions_of_cross_validation():
    predictions = cross_val_predict(net(), X, Y, cv=CV)
    assert isinstance(predictions, Targets)
    assert predictions.shape == (N, 5)
    train, test = next(CV.split(X))
    assert_same(predictions[test], net().fit(X[train], Y[train]).predict(X[test]))


def test_probabilities_of_cross_validation_by_the_recipe():
    def recipe(n_jobs):
        params = {"targets": Y}
        return cross_val_predict(net(), X, None, params=params, cv=CV, method="predict_proba", n_jobs=n_jobs)

    probabilities = recipe(1)
    assert list(probabilities) == ["species", "sick", "tags"]
    train, test = next(CV.split(X))
    assert_same(probabilities[test], net().fit(X[train], Y[train]).predict_proba(X[test]))


@pytest.mark.slow
def test_learning_curve_in_two_processes_is_that_in_one():
    def curve(n_jobs):
        return learning_curve(net(), X, Y, cv=CV, train_sizes=[0.5, 1.0], n_jobs=n_jobs, error_score="raise")

    sizes, train, test = curve(1)
    assert sizes.tolist() == [20, 40]
    assert np.isfinite(train).all()
    assert np.isfinite(test).all()
    for one, two in zip((sizes, train, test), curve(2), strict=True):
        assert_same(one, two)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_cross_val_predict_in_two_processes_is_that_in_one(method):
    place = {"y": Y} if method == "predict" else {"params": {"targets": Y}}
    one, two = (cross_val_predict(net(), X, cv=CV, method=method, n_jobs=jobs, **place) for jobs in (1, 2))
    assert_same(one, two)


@pytest.mark.slow
def test_permutation_importance_in_two_processes_is_that_in_one():
    y = Targets(mass=100 * X[:, 2], sick=(X[:, 2] > 0).astype(int))
    estimator = net(max_epochs=40, learning_rate=0.02).fit(X, y)
    one, two = (
        permutation_importance(estimator, X, y, n_repeats=3, random_state=0, n_jobs=jobs) for jobs in (1, 2)
    )
    assert_same(one.importances, two.importances)
    assert one.importances_mean.argmax() == 2


def test_permutation_importance_of_all_metrics():
    estimator = net().fit(X, Y)
    importances = permutation_importance(estimator, X, Y, n_repeats=1, scoring=multitask_scorer, random_state=0)
    assert set(importances) == METRICS


def test_classifier_stratifies_and_regressor_does_not():
    rare = (np.arange(N) < 6).astype(int)  # an unshuffled KFold would leave two folds without it
    small = {"trunk": MLP((4,)), "max_epochs": 1, "random_state": 0}
    results = cross_validate(MultiTaskNetClassifier(**small), X, rare, cv=3, return_indices=True)
    assert [int(rare[test].sum()) for test in results["indices"]["test"]] == [2, 2, 2]
    results = cross_validate(MultiTaskNetRegressor(**small), X, X[:, :2], cv=3, return_indices=True)
    assert results["indices"]["test"][0].tolist() == list(range(20))


# -- pipelines, output, display


def test_pipeline_of_a_frame_with_missing_labels():
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": np.where(X[:, 2] > 0, "x", "y")})
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["a", "b"]), ("kinds", OneHotEncoder(), ["kind"])], sparse_threshold=0
    )
    pipeline = make_pipeline(columns, net()).fit(frame, FRAME)
    predictions = pipeline.predict(frame)
    assert list(predictions.columns) == ["species", "sick", "mass"]
    assert np.isfinite(pipeline.score(frame, FRAME))


def test_network_as_a_transformer():
    pipeline = make_pipeline(net(), net()).set_output(transform="pandas").fit(X, FRAME)
    assert isinstance(pipeline[:-1].transform(X), pd.DataFrame)
    assert pipeline[-1].feature_names_in_.tolist() == [f"multitasknetestimator{i}" for i in range(8)]
    assert pipeline[:-1].get_feature_names_out().tolist() == pipeline[-1].feature_names_in_.tolist()


@pytest.mark.parametrize("fitted", [False, True])
def test_diagram(fitted):
    estimator = net(task_weights={"mass": 2.0})
    html = estimator_html_repr(in_pipeline(estimator).fit(X, Y) if fitted else in_pipeline(estimator))
    assert "MultiTaskNetEstimator" in html
    assert "task_weights" in html


# -- metadata routing


def test_weights_of_rows_are_routed():
    weight = np.random.default_rng(0).integers(0, 3, size=N)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = net().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, routed).fit(X, Y, sample_weight=weight)
    scaled = StandardScaler().fit_transform(X)
    assert_same_model(pipeline[-1], net().fit(scaled, Y, sample_weight=weight))


def test_weights_of_rows_are_routed_through_a_search():
    weight = np.random.default_rng(0).integers(1, 3, size=N)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = net().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(routed, {"task_weights__mass": [0.5]}, cv=CV).fit(X, Y, sample_weight=weight)
    train, test = next(CV.split(X))
    alone = net(task_weights={"mass": 0.5}).fit(X[train], Y[train], weight[train])
    expected = alone.score(X[test], Y[test], weight[test])
    assert search.cv_results_["split0_test_score"][0] == expected


def test_weights_of_rows_that_nobody_asked_for_are_refused():
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(UnsetMetadataPassedError, match="sample_weight"),
    ):
        cross_validate(net(), X, Y, cv=CV, params={"sample_weight": np.ones(N)}, error_score="raise")


def test_requests_are_cloned():
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(net().set_fit_request(sample_weight=True))
        assert routed.get_metadata_routing().fit.requests["sample_weight"] is True


# -- callbacks of scikit-learn


class StopsAfter:
    """Stops after some epochs, and keeps what it was given."""

    def __init__(self, epochs=2):
        self.epochs = epochs
        self.seen = []
        self.predictions = []
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        if context.task_name != "epoch":
            return False
        self.seen.append(fitted_estimator)
        self.predictions.append(fitted_estimator.predict(X))
        return len(self.seen) == self.epochs


def test_callback_stops_the_fit():
    callback = StopsAfter(2)
    estimator = net(max_epochs=9).set_callbacks(callback).fit(X, Y)
    assert estimator.n_iter_ == 2
    epoch = ["begin epoch", "end epoch"]
    assert callback.events == ["setup", "begin fit", *epoch, *epoch, "end fit", "teardown"]
    assert_same_model(estimator, net(max_epochs=2).fit(X, Y))


def test_callback_gets_an_estimator_of_each_epoch():
    callback = StopsAfter(3)
    net(max_epochs=9).set_callbacks(callback).fit(pd.DataFrame(X, columns=list("abcd")), FRAME)
    for epochs, (seen, predictions) in enumerate(zip(callback.seen, callback.predictions, strict=True), start=1):
        alone = net(max_epochs=epochs).fit(pd.DataFrame(X, columns=list("abcd")), FRAME)
        assert_same_model(seen, alone)  # later epochs have not changed it
        assert seen.n_iter_ == epochs
        pd.testing.assert_frame_equal(predictions, alone.predict(pd.DataFrame(X, columns=list("abcd"))))


def test_watching_does_not_change_the_fit():
    watched = net(trunk=MLP((8,), dropout=0.3), early_stopping=True).set_callbacks(StopsAfter(99)).fit(X, Y)
    assert_same_model(watched, net(trunk=MLP((8,), dropout=0.3), early_stopping=True).fit(X, Y))


def test_callback_is_torn_down_after_an_error():
    callback = StopsAfter()
    with pytest.raises(ValueError, match="task_weights"):
        net(task_weights={"nope": 1}).set_callbacks(callback).fit(X, Y)
    assert callback.events[-1] == "teardown"


def test_progress_bar_nests_search_candidates_and_epochs(capsys):
    search = GridSearchCV(net(), {"task_weights__mass": [0.5, 1.0]}, cv=CV)
    search.set_callbacks(ProgressBar()).fit(X, Y)
    shown = capsys.readouterr().out
    assert "GridSearchCV" in shown
    assert "MultiTaskNetEstimator" in shown
    assert search.best_estimator_.n_iter_ == 3


def test_progress_bar_alone(capsys):
    estimator = net().set_callbacks(ProgressBar()).fit(X, Y)
    assert "MultiTaskNetEstimator" in capsys.readouterr().out
    assert_same_model(estimator, net().fit(X, Y))
