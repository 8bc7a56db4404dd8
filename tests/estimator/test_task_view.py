"""Views of one task: classifiers and regressors of scikit-learn that show one task of a network."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

from sklearn_mtl import (
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    MultiTaskNetRegressor,
    Targets,
    TaskViewClassifier,
    TaskViewRegressor,
)
from sklearn_mtl.tasks import Classification, Count, Ordinal

from .._helpers import mixed_targets, net
from ..checks import EXPECTED_FAILURES
from ._data import MASS, SICK, SPECIES, X, labels_of_sets, table

Y = Targets(species=SPECIES, sick=SICK, mass=MASS)
KINDS = {"sick": "classification", "species": "classification", "mass": "regression"}
# the products of one head are rounded in float32 otherwise than those of all
CLOSE = {"rtol": 1e-6, "atol": 1e-6}
# not of interest where a view is fitted alone
ALONE = pytest.mark.filterwarnings("ignore:.*got no targets:UserWarning")


@pytest.fixture(scope="module")
def fitted():
    return net(max_epochs=20, learning_rate=0.02).fit(X, Y)


FRAME = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(X[:, 3] > 0, "x", "y"))
#: X, y, and how a prediction for all tasks shows that for the task
CONTAINERS = {
    "Targets": (X, Y, "sick", lambda p: p["sick"]),
    "1-D y": (X, SICK, "y", lambda p: p),
    "Series": (FRAME, pd.Series(SICK, name="sick"), "sick", lambda p: p),
    "2-D y": (X, np.column_stack([SICK, 1 - SICK, X[:, 0] > 0]).astype(int), "2", lambda p: p[:, 2]),
    "frames": (FRAME, pd.DataFrame({"sick": SICK, "mass": MASS}), "sick", lambda p: p["sick"].to_numpy()),
    "polars": (
        pl.from_pandas(FRAME), pl.DataFrame({"sick": SICK, "species": SPECIES}), "species",
        lambda p: p["species"].to_numpy(),
    ),
    "structured": (
        X, np.array(list(zip(SICK, MASS, strict=True)), dtype=[("sick", int), ("mass", float)]), "sick",
        lambda p: p["sick"],
    ),
    "sparse X": (csr_matrix(np.where(X > 0, X, 0)), Y, "species", lambda p: p["species"]),
    "labels missing": (X, mixed_targets(X, missing=0.3), "species", lambda p: p["species"]),
}  # fmt: skip


@pytest.mark.parametrize(("X", "y", "task", "of_task"), CONTAINERS.values(), ids=CONTAINERS)
def test_view_predicts_what_the_net_predicts(X, y, task, of_task):
    fitted = net(tasks={"species": "classification"} if isinstance(y, Targets) else None).fit(X, y)
    view = fitted.task_view(task)
    np.testing.assert_array_equal(view.predict(X), of_task(fitted.predict(X)))
    assert view.predict(X).ndim == 1
    np.testing.assert_allclose(view.predict_proba(X), proba_of(fitted, X, task), **CLOSE)
    assert list(view.classes_) == sorted(set(fitted.tasks_[task].classes_))
    assert getattr(view, "n_features_in_", None) == getattr(fitted, "n_features_in_", None)
    assert hasattr(view, "feature_names_in_") == hasattr(fitted, "feature_names_in_")


def proba_of(fitted, X, task):
    proba = fitted.predict_proba(X)
    return proba if isinstance(proba, np.ndarray) else proba[int(task) if isinstance(proba, list) else task]


@pytest.mark.parametrize("params", [{}, {"n_members": 3}, {"n_members": 3, "ensemble": "batch"}], ids=str)
@pytest.mark.parametrize("architecture", ["hard_sharing", "mmoe"])
def test_regression_view_predicts_what_the_net_predicts(params, architecture):
    fitted = net(architecture=architecture, **params).fit(X, Y)
    view = fitted.task_view("mass")
    np.testing.assert_allclose(view.predict(X), fitted.predict(X)["mass"], **CLOSE)
    proba = fitted.task_view("species").predict_proba(X)
    np.testing.assert_allclose(proba, fitted.predict_proba(X)["species"], **CLOSE)
    assert not hasattr(view, "predict_proba")
    assert not hasattr(view, "classes_")


def test_view_is_a_classifier_or_regressor_for_scikit_learn(fitted):
    classifier, regressor = fitted.task_view("sick"), fitted.task_view("mass")
    assert isinstance(classifier, TaskViewClassifier)
    assert isinstance(regressor, TaskViewRegressor)
    assert is_classifier(classifier)
    assert is_regressor(regressor)
    check_is_fitted(classifier)
    with pytest.raises(NotFittedError):
        check_is_fitted(net(tasks=KINDS).task_view("sick"))
    assert not classifier.__sklearn_tags__().target_tags.multi_output
    assert classifier.__sklearn_tags__().input_tags.sparse


def test_decision_function_has_the_shape_that_scikit_learn_expects(fitted):
    two, three = fitted.task_view("sick"), fitted.task_view("species")
    assert two.decision_function(X).shape == (len(X),)
    np.testing.assert_array_equal(two.predict(X), two.classes_[(two.decision_function(X) > 0).astype(int)])
    np.testing.assert_allclose(1 / (1 + np.exp(-two.decision_function(X))), two.predict_proba(X)[:, 1], **CLOSE)
    assert three.decision_function(X).shape == (len(X), 3)
    np.testing.assert_array_equal(three.predict(X), three.classes_[three.decision_function(X).argmax(axis=1)])


def test_classes_of_a_view_are_sorted_and_columns_follow():
    order = ["low", "high"], ["bee", "cat", "ape"]
    y = {"grade": np.where(X[:, 0] > 0, "high", "low"), "species": SPECIES}
    tasks = {"grade": Ordinal(classes=order[0]), "species": Ordinal(classes=order[1])}
    fitted = net(tasks=tasks, max_epochs=20).fit(X, y)
    proba = fitted.predict_proba(X)
    grade, species = fitted.task_view("grade"), fitted.task_view("species")
    assert list(grade.classes_) == ["high", "low"]
    np.testing.assert_allclose(grade.predict_proba(X), proba["grade"][:, [1, 0]], **CLOSE)
    np.testing.assert_array_equal(grade.predict(X) == "low", grade.decision_function(X) > 0)
    assert list(species.classes_) == ["ape", "bee", "cat"]
    np.testing.assert_allclose(species.predict_proba(X), proba["species"][:, [2, 0, 1]], **CLOSE)
    assert not hasattr(species, "decision_function")  # the median class need not have the largest logit


def test_score_is_that_of_the_task_and_of_scikit_learn(fitted):
    scores = fitted.score_tasks(X, Y)
    weight = np.random.default_rng(0).random(len(X))
    for task, metric in {"sick": accuracy_score, "mass": r2_score}.items():
        view = fitted.task_view(task)
        assert view.score(X, Y[task]) == pytest.approx(scores[task])
        expected = metric(Y[task], view.predict(X), sample_weight=weight)
        assert view.score(X, Y[task], sample_weight=weight) == pytest.approx(expected)


def test_rows_without_a_label_are_not_scored(fitted):
    mass = MASS.copy()
    mass[::2] = np.nan
    view = fitted.task_view("mass")
    assert view.score(X, mass) == pytest.approx(view.score(X[1::2], MASS[1::2]))


def test_view_shares_the_network_and_runs_only_its_head(fitted, monkeypatch):
    view = fitted.task_view("mass")
    assert view.net_._model is fitted._model
    ran = []
    forward = type(fitted._model).outputs
    monkeypatch.setattr(type(fitted._model), "outputs", lambda *a: ran.append(list(a[2])) or forward(*a))
    view.predict(X)
    assert ran == [["mass"]]


def test_view_stays_as_it_is_when_the_net_is_trained_on():
    fitted = net().fit(X, Y)
    view = fitted.task_view("mass")
    before = view.predict(X)
    fitted.partial_fit(X, Y)
    np.testing.assert_array_equal(view.predict(X), before)
    assert np.abs(fitted.task_view("mass").predict(X) - before).max() > 0


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda view: pickle.loads(pickle.dumps(view))])
@pytest.mark.parametrize("task", ["sick", "mass"])
def test_copies_and_pickles_predict_the_same(fitted, way, task):
    view = fitted.task_view(task)
    again = way(view)
    np.testing.assert_array_equal(again.predict(X), view.predict(X))
    assert again.task == task


def test_pickle_of_a_view_is_about_as_large_as_that_of_its_net(fitted):
    assert len(pickle.dumps(fitted.task_view("sick"))) < len(pickle.dumps(fitted)) + 2000


def test_clone_is_not_fitted_and_has_its_own_parameters(fitted):
    view = clone(fitted.task_view("mass"))
    assert not view.__sklearn_is_fitted__()
    view.set_params(net__learning_rate=0.5, net__task_weights__sick=0.1, net__trunk__dropout=0.3)
    assert view.get_params()["net__task_weights"] == {"sick": 0.1}
    assert fitted.learning_rate == 0.02
    assert fitted.trunk.dropout != 0.3
    assert fitted.task_view("mass").get_params()["net__learning_rate"] == 0.02


# -- views that are fitted themselves


@pytest.mark.parametrize("whole", [True, False], ids=["with its own column", "without"])
@pytest.mark.parametrize("container", [Targets, dict, pd.DataFrame, pl.DataFrame], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("task", ["sick", "mass"])
def test_fit_of_a_view_equals_the_fit_of_the_net(task, container, whole):
    others = {name: values for name, values in Y.items() if whole or name != task}
    view = net(tasks=KINDS).task_view(task).fit(X, Y[task], targets=container(others))
    expected = net(tasks=KINDS).fit(X, Targets({**others, task: Y[task]}))
    np.testing.assert_allclose(view.predict(X), expected.predict(X)[task], **CLOSE)
    assert set(view.net_.task_names_) == {"species", "sick", "mass"}


def test_y_replaces_the_column_of_targets():
    shuffled = np.random.default_rng(0).permutation(MASS)
    view = net(tasks=KINDS).task_view("mass").fit(X, shuffled, targets=Y)
    expected = net(tasks=KINDS).fit(X, Targets(species=SPECIES, sick=SICK, mass=shuffled))
    np.testing.assert_allclose(view.predict(X), expected.predict(X)["mass"], **CLOSE)


def test_class_numbers_of_scikit_learn_replace_the_texts_of_targets():
    codes = np.searchsorted(["ape", "bee", "cat"], SPECIES)
    view = net(tasks=KINDS).task_view("species").fit(X, codes, targets=Y)
    assert view.classes_.tolist() == [0, 1, 2]


def test_columns_of_an_array_are_tasks_by_number():
    y = np.column_stack([MASS, X[:, 0]])
    view = MultiTaskNetRegressor(max_epochs=3, random_state=0, n_members=1).task_view("0").fit(X, MASS, targets=y)
    expected = MultiTaskNetRegressor(max_epochs=3, random_state=0, n_members=1).fit(X, y)
    np.testing.assert_allclose(view.predict(X), expected.predict(X)[:, 0], **CLOSE)


def test_labels_may_be_missing_in_every_task():
    y = mixed_targets(X, missing=0.3)
    kinds = {"species": "classification"}
    view = net(tasks=kinds).task_view("species").fit(X, y["species"], targets=y)
    np.testing.assert_array_equal(view.predict(X), net(tasks=kinds).fit(X, y).predict(X)["species"])


def test_weights_of_rows_and_of_tasks_reach_the_net():
    weight = np.random.default_rng(0).random(len(X))
    plain = net(tasks=KINDS).task_view("mass").fit(X, MASS, targets=Y).predict(X)
    for sample_weight in (weight, {"mass": weight}):
        view = net(tasks=KINDS).task_view("mass").fit(X, MASS, sample_weight=sample_weight, targets=Y)
        expected = net(tasks=KINDS).fit(X, Y, sample_weight=sample_weight)
        np.testing.assert_allclose(view.predict(X), expected.predict(X)["mass"], **CLOSE)
        assert np.abs(view.predict(X) - plain).max() > 1e-3


def test_further_arguments_of_fit_reach_the_net(tmp_path):
    view = net(tasks=KINDS, checkpoint=tmp_path, max_epochs=2).task_view("mass").fit(X, MASS, targets=Y)
    view.set_params(net__max_epochs=4).fit(X, MASS, targets=Y, resume=True)
    assert view.net_.n_iter_ == 4
    assert len(view.net_.history_) == 4


def test_warm_start_goes_on():
    view = net(tasks=KINDS, warm_start=True).task_view("mass").fit(X, MASS, targets=Y)
    assert len(view.fit(X, MASS, targets=Y).net_.history_) == 6
    assert len(clone(view).fit(X, MASS, targets=Y).net_.history_) == 3


def test_targets_can_be_routed():
    view = net(tasks=KINDS).task_view("mass")
    cv = KFold(3)
    params = {"targets": Y, "sample_weight": np.ones(len(X))}
    by_name = cross_validate(view, X, MASS, cv=cv, params=params, error_score="raise")
    with config_context(enable_metadata_routing=True):
        view.set_fit_request(targets=True, sample_weight=True).set_score_request(sample_weight=True)
        routed = cross_validate(view, X, MASS, cv=cv, params=params, error_score="raise")
    np.testing.assert_allclose(routed["test_score"], by_name["test_score"])
    train, test = next(cv.split(X))
    expected = net(tasks=KINDS).fit(X[train], Y[train]).score_tasks(X[test], Y[test])["mass"]
    assert by_name["test_score"][0] == pytest.approx(expected)


@pytest.mark.parametrize(
    "rows",
    [{"numbers": X, "colours": table()["colour"]}, [["red", "ape"][: 1 + (row[0] > 0)] for row in X], FRAME],
    ids=["mapping", "sentences", "frame"],
)
def test_every_kind_of_x_can_be_fitted(rows):
    net = MultiTaskNetEstimator(tasks=KINDS, max_epochs=2, random_state=0, n_members=1)
    view = net.task_view("sick").fit(rows, SICK, targets=Y)
    np.testing.assert_allclose(
        view.predict_proba(rows), net.fit(rows, Targets(Y)).predict_proba(rows)["sick"], **CLOSE
    )


def test_fit_without_other_targets_warns():
    with pytest.warns(UserWarning, match="got no targets, so the net learns 'mass' alone"):
        net(tasks={"mass": "regression"}).task_view("mass").fit(X, MASS)


@pytest.mark.slow
@ALONE
@pytest.mark.filterwarnings("ignore::sklearn_mtl.exceptions.SingleClassWarning")
@parametrize_with_checks(
    [
        MultiTaskNetClassifier(max_epochs=40, random_state=0, n_members=1).task_view("y"),
        MultiTaskNetEstimator(tasks={"y": "regression"}, max_epochs=40, random_state=0, n_members=1).task_view(
            "y"
        ),
    ],
    expected_failed_checks=lambda view: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_sklearn_check(estimator, check):
    check(estimator)


# -- pipelines


def test_view_through_a_pipeline():
    pipe = make_pipeline(StandardScaler(), net()).fit(X * 100 + 5, Y)
    view = make_pipeline(pipe[:-1], pipe[-1].task_view("mass"))
    check_is_fitted(view)
    np.testing.assert_allclose(view.predict(X * 100 + 5), pipe.predict(X * 100 + 5)["mass"], **CLOSE)
    unfitted = make_pipeline(StandardScaler(), net(tasks=KINDS).task_view("mass"))
    unfitted.fit(X * 100 + 5, MASS, taskviewregressor__targets=Y)
    expected = make_pipeline(StandardScaler(), net(tasks=KINDS)).fit(X * 100 + 5, Y)
    np.testing.assert_allclose(unfitted.predict(X * 100 + 5), expected.predict(X * 100 + 5)["mass"], **CLOSE)


# -- what is refused


def test_unknown_tasks_are_refused(fitted):
    with pytest.raises(ValueError, match=r"no task 'income'; the tasks are \['species', 'sick', 'mass'\]"):
        fitted.task_view("income")


@pytest.mark.parametrize("task", ["size", "tags", "sets"])
def test_tasks_of_several_labels_per_row_are_refused(task):
    several = net().fit(X, {**mixed_targets(X), "sets": labels_of_sets()})
    with pytest.raises(ValueError, match=f"'{task}' is a .* of several labels a row"):
        several.task_view(task)


def test_task_of_several_labels_is_refused_before_fit():
    with pytest.raises(ValueError, match="'tags' is a MultilabelClassification of several labels a row"):
        net(tasks={"tags": "multilabel"}).task_view("tags")


def test_kind_has_to_be_known_before_fit():
    with pytest.raises(ValueError, match="to view the task before, pass"):
        net().task_view("sick")
    assert is_classifier(MultiTaskNetClassifier(n_members=1).task_view("any"))
    assert is_regressor(MultiTaskNetRegressor(n_members=1).task_view("any"))
    assert is_classifier(net(tasks={"sick": Classification(class_weight="balanced")}).task_view("sick"))
    assert is_regressor(net(tasks={"sick": Count()}).task_view("sick"))


def test_a_view_of_a_class_says_the_kind():
    view = TaskViewClassifier(net(), "grade").fit(X, np.arange(len(X)) % 40, targets=Y)
    assert len(view.classes_) == 40


def test_kind_that_does_not_fit_the_view_is_refused():
    view = net(tasks=KINDS).task_view("sick").set_params(net__tasks__sick="regression")
    with pytest.raises(ValueError, match="learns the task 'sick' as a regression, but TaskViewClassifier shows a"):
        view.fit(X, SICK, targets=Y)


def test_what_is_no_net_is_refused():
    with pytest.raises(TypeError, match="should be a MultiTaskNetEstimator; put a pipeline around the view"):
        TaskViewClassifier(make_pipeline(StandardScaler(), net()), "sick").fit(X, SICK, targets=Y)


def test_y_of_several_columns_is_refused():
    view = net(tasks=KINDS).task_view("mass")
    with pytest.raises(ValueError, match="other tasks go to the parameter targets"):
        view.fit(X, np.column_stack([MASS, MASS]), targets=Y)
    with pytest.warns(DataConversionWarning):
        view.fit(X, MASS[:, None], targets=Y)


def test_targets_without_names_are_refused():
    with pytest.raises(ValueError, match="targets should name its tasks"):
        net(tasks=KINDS).task_view("mass").fit(X, MASS, targets=np.column_stack([SICK, SICK]))


def test_targets_of_other_rows_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        net(tasks=KINDS).task_view("mass").fit(X, MASS, targets=Y[:10])


def test_groups_of_rows_are_held_out_whole():
    X, y = load_iris(return_X_y=True)
    groups = np.arange(len(X)) // 5
    net = MultiTaskNetEstimator(tasks={"species": "classification"}, max_epochs=2, random_state=0, n_members=1)
    view = net.task_view("species").fit(X, y, targets={"width": X[:, 3]}, groups=groups)
    held_out = np.isin(np.arange(len(X)), view.net_.validation_rows_)
    assert 0 < held_out.sum() < len(X)
    assert not set(groups[held_out]) & set(groups[~held_out])
