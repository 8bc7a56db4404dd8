"""The conventions of scikit-learn and of this package: parameters, containers, searches, copies and files."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mtl import (
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    MultiTaskNetRegressor,
    Targets,
    load_model,
    save_model,
)
from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.semi_supervised import SelfTrainingMultiTask
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model, net
from ..checks import EXPECTED_FAILURES_OF_SELF_TRAINING
from ._data import clusters, learner

X, Y, WHOLE = clusters()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn_mtl.exceptions.SingleClassWarning")  # asked for by two checks
@parametrize_with_checks(
    [
        SelfTrainingMultiTask(cls(trunk=MLP((32,)), learning_rate=0.03, max_epochs=13, random_state=0))
        for cls in (MultiTaskNetClassifier, MultiTaskNetRegressor)
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES_OF_SELF_TRAINING,
    xfail_strict=True,
)
def test_sklearn_check(estimator, check):
    check(estimator)


def test_parameters_of_the_network_are_nested():
    changed = learner().set_params(estimator__max_epochs=2, threshold=0.7)
    assert changed.estimator.max_epochs == 2
    copied = clone(changed)
    assert copied.get_params()["estimator__max_epochs"] == 2
    assert copied.threshold == 0.7


def test_fit_does_not_change_the_network_that_is_given(taught):
    assert not hasattr(taught.estimator, "net_")
    assert taught.estimator is not taught.estimator_


def test_it_is_not_fitted_before_fit():
    for call in (lambda each: each.predict(X), lambda each: each.score(X, WHOLE), lambda each: each.rounds_):
        with pytest.raises(NotFittedError):
            call(learner())


def test_it_is_of_the_kind_of_its_network():
    assert is_classifier(SelfTrainingMultiTask(MultiTaskNetClassifier()))
    assert is_regressor(SelfTrainingMultiTask(MultiTaskNetRegressor()))
    assert not hasattr(SelfTrainingMultiTask(MultiTaskNetRegressor()), "predict_proba")
    assert not hasattr(learner(n_members=1), "predict_std")


def test_it_predicts_what_its_network_predicts(taught):
    assert_same(taught.predict(X), taught.estimator_.predict(X))
    assert_same(taught.predict_proba(X, ["kind"]), taught.estimator_.predict_proba(X, ["kind"]))
    assert taught.score_tasks(X, WHOLE) == taught.estimator_.score_tasks(X, WHOLE)
    assert taught.task_names_ == ["kind", "mass"]
    assert taught.classes_["kind"].tolist() == ["ape", "bee"]
    assert taught.n_features_in_ == 3


def test_only_networks_of_this_package_are_taught():
    pipeline = make_pipeline(StandardScaler(), net())
    with pytest.raises(ValueError, match="'estimator' parameter"):
        SelfTrainingMultiTask(pipeline).fit(X, Y)


def test_y_and_targets_are_alternatives(taught):
    assert_same_model(learner(max_epochs=10).fit(X, None, targets=Y).estimator_, taught.estimator_)
    with pytest.raises(ValueError, match="alternatives"):
        learner().fit(X, Y, targets=Y)


@pytest.mark.parametrize("container", ["frame", "matrix", "records", "frame with categories"])
def test_predictions_have_the_container_of_y(taught, container):
    kind = np.array([np.nan if label is None else float(label == "bee") for label in Y["kind"]])
    makes = {
        "frame": lambda: Y.to_frame(),
        "matrix": lambda: np.column_stack([kind, Y["mass"]]),
        "records": lambda: np.array(
            list(zip(kind, Y["mass"], strict=True)), dtype=[("kind", float), ("mass", float)]
        ),
        "frame with categories": lambda: Y.to_frame().astype({"kind": pd.CategoricalDtype(["bee", "ape"])}),
    }
    y, tasks = makes[container](), {"0": "classification"} if container == "matrix" else {"kind": "classification"}
    fitted = learner(max_epochs=10, tasks=tasks).fit(X, y)
    plain = net(max_epochs=10, batch_size=16, tasks=tasks).fit(X, y)
    assert max(fitted.labels_added_.values()) > 0
    predicted, expected = fitted.predict(X), plain.predict(X)
    assert type(predicted) is type(expected)
    assert np.shape(predicted) == np.shape(expected)
    np.testing.assert_array_equal(
        fitted.tasks_[next(iter(tasks))].classes_, plain.tasks_[next(iter(tasks))].classes_
    )


def test_frames_lists_and_several_inputs_are_the_same(taught):
    frame = pd.DataFrame(X, columns=list("abc"), index=np.arange(len(X)) + 7)
    fitted = learner(max_epochs=10).fit(frame, Y)
    assert_same_model(fitted.estimator_, taught.estimator_)
    assert fitted.feature_names_in_.tolist() == list("abc")
    assert_same_model(learner(max_epochs=10).fit(X.tolist(), Y).estimator_, taught.estimator_)
    several = SelfTrainingMultiTask(
        MultiTaskNetEstimator(n_members=1, max_epochs=3, random_state=0), n_folds=2, max_iter=1, threshold=0.5
    )
    assert several.fit({"a": X[:, :2], "b": X[:, 2:]}, Y).rounds_["n_labels"].max() > 0


def test_groups_are_held_out_whole():
    groups = np.arange(len(X)) // 4
    fitted = learner(early_stopping=True).fit(X, Y, groups=groups)
    assert fitted.rounds_["n_labels"].max() > 0
    with pytest.raises(ValueError, match="groups has 3 entries"):
        learner(early_stopping=True).fit(X, Y, groups=groups[:3])


def test_pipelines_and_searches():
    pipeline = make_pipeline(StandardScaler(), learner(n_folds=2))
    grid = {"selftrainingmultitask__threshold": [0.5, 0.6]}
    search = GridSearchCV(pipeline, grid, cv=2, scoring=multitask_scorer, refit="score").fit(X, Y)
    assert search.predict(X).shape == (len(X), 2)
    assert "mean_test_kind_accuracy" in search.cv_results_
    with pytest.raises(TypeError, match="requires a MultiTaskNetEstimator"):
        TaskWeightSearchCV(learner(), {"threshold": [0.5]}).fit(X, Y)


def test_pickles_are_equal(taught):
    loaded = pickle.loads(pickle.dumps(taught))
    assert_same(loaded.predict(X), taught.predict(X))
    assert loaded.rounds_.equals(taught.rounds_)


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_files_are_equal(taught, tmp_path, in_pipeline):
    fitted = make_pipeline(StandardScaler(), learner()).fit(X, Y) if in_pipeline else taught
    save_model(fitted, tmp_path / "model.mtl")
    loaded = load_model(tmp_path / "model.mtl")
    assert_same(loaded.predict(X), fitted.predict(X))
    assert loaded.get_params().keys() == fitted.get_params().keys()


def test_a_file_keeps_what_the_rounds_did(taught, tmp_path):
    save_model(taught, tmp_path / "model.mtl")
    loaded = load_model(tmp_path / "model.mtl")
    assert loaded.rounds_.equals(taught.rounds_)
    assert loaded.labels_added_ == taught.labels_added_
    assert (loaded.n_iter_, loaded.termination_condition_) == (taught.n_iter_, taught.termination_condition_)
    assert_same_model(loaded.fit(X, Y).estimator_, taught.estimator_)


def test_one_dimensional_y():
    kind = np.array([np.nan if label is None else float(label == "bee") for label in Y["kind"]])
    estimator = MultiTaskNetClassifier(n_members=1, max_epochs=10, random_state=0)
    fitted = SelfTrainingMultiTask(estimator, n_folds=2, max_iter=1, threshold=0.6).fit(X, kind)
    assert fitted.predict(X).shape == (len(X),)
    assert fitted.predict_proba(X).shape == (len(X), 2)
    assert fitted.classes_.tolist() == [0.0, 1.0]
    assert set(fitted.rounds_["task"]) == {"y"}


def test_targets_of_a_fit_are_not_changed():
    before = Targets({name: values.copy() for name, values in Y.items()})
    learner(max_epochs=10).fit(X, Y)
    assert before == Y
