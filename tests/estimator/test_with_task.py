"""Predictors in the place of single tasks of a network."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import Targets
from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.tasks import Ordinal

from .._helpers import net
from ._data import MASS, SICK, SPECIES, X

Y = Targets(species=SPECIES, sick=SICK, mass=MASS)
# the products of one head are rounded in float32 otherwise than those of all
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


@pytest.fixture(scope="module")
def fitted():
    return net(max_epochs=10, learning_rate=0.02).fit(X, Y)


def calibrated(fitted, task="sick", method="sigmoid"):
    return CalibratedClassifierCV(FrozenEstimator(fitted.task_view(task)), method=method).fit(X, Y[task])


def fixed(fitted, task="sick", threshold=0.2):
    return FixedThresholdClassifier(FrozenEstimator(fitted.task_view(task)), threshold=threshold).fit(X, Y[task])


def tuned(fitted):
    frozen = FrozenEstimator(fitted.task_view("sick"))
    return TunedThresholdClassifierCV(frozen, scoring="f1", cv="prefit", refit=False).fit(X, SICK)


#: task, and what makes its predictor
PREDICTORS = {
    "itself": ("sick", lambda fitted: fitted.task_view("sick")),
    "regression": ("mass", lambda fitted: fitted.task_view("mass")),
    "calibrated": ("sick", calibrated),
    "calibrated, isotonic": ("sick", lambda fitted: calibrated(fitted, method="isotonic")),
    "calibrated, temperature": ("sick", lambda fitted: calibrated(fitted, method="temperature")),
    "calibrated, three classes": ("species", lambda fitted: calibrated(fitted, "species")),
    "fixed threshold": ("sick", fixed),
    "tuned threshold": ("sick", tuned),
    "another model": ("species", lambda fitted: HistGradientBoostingClassifier(max_iter=2).fit(X, SPECIES)),
    "another regression": ("mass", lambda fitted: HistGradientBoostingRegressor(max_iter=2).fit(X, MASS)),
}


@pytest.fixture(params=PREDICTORS.values(), ids=PREDICTORS)
def changed(fitted, request):
    task, make = request.param
    predictor = make(fitted)
    return task, predictor, fitted.with_task(task, predictor)


def assert_same(one, other):
    for a, b in ((one.predict(X), other.predict(X)), (one.predict_proba(X), other.predict_proba(X))):
        assert list(a) == list(b)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_the_task_is_predicted_by_the_predictor_and_others_by_the_net(fitted, changed):
    task, predictor, changed = changed
    predicted, of_net = changed.predict(X), fitted.predict(X)
    assert list(predicted) == list(of_net)
    np.testing.assert_array_equal(predicted[task], predictor.predict(X))
    for name in set(of_net) - {task}:
        if name == "mass":
            np.testing.assert_allclose(predicted[name], of_net[name], **CLOSE)
        else:
            np.testing.assert_array_equal(predicted[name], of_net[name])
    proba, of_net = changed.predict_proba(X), fitted.predict_proba(X)
    assert list(proba) == list(of_net)
    for name, values in proba.items():
        expected = predictor.predict_proba(X) if name == task else of_net[name]
        np.testing.assert_allclose(values, expected, **CLOSE)


def test_scores_are_those_of_the_predictions(fitted, changed):
    task, _, changed = changed
    scores, predicted = changed.score_tasks(X, Y), changed.predict(X)
    assert scores[task] == pytest.approx(fitted.tasks_[task].score(Y[task], predicted[task]))
    assert changed.score(X, Y) == pytest.approx(np.mean(list(scores.values())))
    assert multitask_scorer(changed, X, Y)["score"] == pytest.approx(changed.score(X, Y))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_and_pickles_predict_the_same(changed, way):
    _, _, changed = changed
    assert_same(way(changed), changed)


def test_the_network_is_pickled_once(fitted):
    size = len(pickle.dumps(fitted))
    assert len(pickle.dumps(fitted.with_task("sick", calibrated(fitted)))) < 1.3 * size
    loaded = pickle.loads(pickle.dumps(fitted.with_task("sick", calibrated(fitted))))
    view = loaded.task_predictors_["sick"].calibrated_classifiers_[0].estimator.estimator
    assert view.net_._model is loaded._model


def test_only_what_the_named_tasks_need_is_run(fitted, monkeypatch):
    changed = fitted.with_task("mass", HistGradientBoostingRegressor(max_iter=2).fit(X, MASS))
    monkeypatch.setattr(type(fitted._model), "outputs", lambda *args: pytest.fail("the network was run"))
    assert list(changed.predict(X, tasks=["mass"])) == ["mass"]


def test_the_net_itself_does_not_change(fitted):
    before = fitted.predict_proba(X)["sick"]
    fitted.with_task("sick", calibrated(fitted))
    np.testing.assert_array_equal(fitted.predict_proba(X)["sick"], before)
    assert fitted.task_predictors_ == {}


def test_several_tasks_in_turn(fitted):
    sick, species = fixed(fitted), calibrated(fitted, "species")
    changed = fitted.with_task("sick", sick).with_task("species", species)
    assert list(changed.task_predictors_) == ["sick", "species"]
    np.testing.assert_array_equal(changed.predict(X)["sick"], sick.predict(X))
    np.testing.assert_array_equal(changed.predict_proba(X)["species"], species.predict_proba(X))
    again = changed.with_task("sick", fitted.task_view("sick"))
    np.testing.assert_array_equal(again.predict(X)["sick"], fitted.predict(X)["sick"])


def test_a_view_of_a_changed_task_shows_the_predictor(fitted):
    once = fitted.with_task("sick", calibrated(fitted))
    view = once.task_view("sick")
    np.testing.assert_array_equal(view.predict_proba(X), once.predict_proba(X)["sick"])
    assert not hasattr(view, "decision_function")
    twice = once.with_task("sick", fixed(once))
    np.testing.assert_array_equal(twice.predict(X)["sick"], once.predict_proba(X)["sick"][:, 1] >= 0.2)
    assert_same(pickle.loads(pickle.dumps(twice)), twice)


def test_a_tuned_threshold_raises_f1(fitted):
    before = f1_score(SICK, fitted.predict(X)["sick"])
    assert f1_score(SICK, fitted.with_task("sick", tuned(fitted)).predict(X)["sick"]) > before


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (SICK, "y"),
        (np.column_stack([X[:, 0] > 0, SICK]).astype(int), "1"),
        (pd.DataFrame({"sick": SICK, "mass": MASS}), "sick"),
    ],
    ids=["1-D", "2-D", "frame"],
)
def test_containers_of_y_stay(y, task):
    fitted = net().fit(X, y)
    view = FixedThresholdClassifier(FrozenEstimator(fitted.task_view(task)), threshold=0.2).fit(X, SICK)
    changed = fitted.with_task(task, view)
    predicted = changed.predict(X)
    assert type(predicted) is type(fitted.predict(X))
    of_task = {"y": lambda p: p, "1": lambda p: p[:, 1], "sick": lambda p: p["sick"]}[task]
    np.testing.assert_array_equal(of_task(predicted), view.predict(X))


def test_columns_of_probabilities_are_in_the_order_of_the_net():
    task = Ordinal(classes=["bee", "cat", "ape"])
    fitted = net(tasks={"species": task}).fit(X, Y)
    view = fitted.task_view("species")
    np.testing.assert_allclose(
        fitted.with_task("species", view).predict_proba(X)["species"], fitted.predict_proba(X)["species"], **CLOSE
    )


def test_predictions_have_the_type_of_the_classes():
    fitted = net().fit(X, {"sick": SICK.astype(bool), "mass": MASS})
    changed = fitted.with_task("sick", HistGradientBoostingClassifier(max_iter=2).fit(X, SICK))
    assert changed.predict(X)["sick"].dtype == bool


def test_a_predictor_without_probabilities_has_none(fitted):
    changed = fitted.with_task("sick", RidgeClassifier().fit(X, SICK))
    assert list(changed.predict_proba(X)) == ["species"]
    with pytest.raises(ValueError, match="none of these tasks has probabilities"):
        changed.predict_proba(X, tasks=["sick"])
    with pytest.raises(AttributeError, match="the predictor of 'sick' has no probabilities"):
        changed.task_view("sick").predict_proba(X)


def test_spread_of_an_ensemble_is_that_of_the_network_only():
    fitted = net(n_members=2).fit(X, {"mass": MASS, "other": X[:, 0], "sick": SICK})
    changed = fitted.with_task("mass", fitted.task_view("mass"))
    assert list(changed.predict_std(X)) == ["other"]
    with pytest.raises(ValueError, match="none of these tasks is a regression of the network"):
        changed.predict_std(X, tasks=["mass"])


@pytest.mark.parametrize("train", ["fit", "partial_fit", "add_task"])
def test_training_drops_the_predictors_and_says_so(fitted, train):
    changed = copy.copy(fitted).with_task("sick", calibrated(fitted))
    args = ("new", X, X[:, 0]) if train == "add_task" else (X, Y)
    with pytest.warns(UserWarning, match=r"The predictors of the tasks \['sick'\] are dropped"):
        getattr(changed, train)(*args)
    assert changed.task_predictors_ == {}


def test_a_clone_has_no_predictors_and_says_so(fitted):
    with pytest.warns(UserWarning, match=r"predicts all tasks by the network, also \['sick'\]"):
        copied = clone(fitted.with_task("sick", calibrated(fitted)))
    assert copied.task_predictors_ == {}


def test_in_a_pipeline(fitted):
    pipe = make_pipeline(StandardScaler(), net()).fit(X * 9, Y)
    transformed = pipe[:-1].transform(X * 9)
    chosen = FixedThresholdClassifier(FrozenEstimator(pipe[-1].task_view("sick")), threshold=0.2)
    whole = make_pipeline(pipe[:-1], pipe[-1].with_task("sick", chosen.fit(transformed, SICK)))
    np.testing.assert_array_equal(whole.predict(X * 9)["sick"], chosen.predict(transformed))
    assert list(whole[-1].score_tasks(transformed, Y)) == list(Y)


# -- what is refused


def test_an_estimator_that_is_not_fitted_is_refused(fitted):
    with pytest.raises(NotFittedError):
        net().with_task("sick", fitted.task_view("sick"))
    with pytest.raises(NotFittedError):
        fitted.with_task("sick", HistGradientBoostingClassifier())


def test_an_unknown_task_is_refused(fitted):
    with pytest.raises(ValueError, match="There is no task 'income'; the tasks are"):
        fitted.with_task("income", fitted.task_view("sick"))


@pytest.mark.parametrize("make", [lambda view: view, FrozenEstimator, lambda view: fixed_of(view)])
def test_a_view_of_another_task_of_the_same_classes_is_refused(make):
    fitted = net().fit(X, {"sick": SICK, "large": (X[:, 0] > 0).astype(int)})
    with pytest.raises(ValueError, match="The predictor of 'sick' is made of a view of the task 'large'"):
        fitted.with_task("sick", make(fitted.task_view("large")))


def fixed_of(view):
    return FixedThresholdClassifier(FrozenEstimator(view), threshold=0.2).fit(X, SICK)


def test_other_classes_kinds_and_inputs_are_refused(fitted):
    with pytest.raises(ValueError, match=r"has the classes \[0, 2\], the network has \[0, 1\]"):
        fitted.with_task("sick", HistGradientBoostingClassifier(max_iter=2).fit(X, 2 * SICK))
    with pytest.raises(ValueError, match="should be a classifier"):
        fitted.with_task("sick", HistGradientBoostingRegressor(max_iter=2).fit(X, MASS))
    with pytest.raises(ValueError, match="should be a regressor"):
        fitted.with_task("mass", HistGradientBoostingClassifier(max_iter=2).fit(X, SICK))
    with pytest.raises(ValueError, match="fitted with n_features_in_=2, the network with 4"):
        fitted.with_task("sick", HistGradientBoostingClassifier(max_iter=2).fit(X[:, :2], SICK))
    with pytest.raises(TypeError, match="should be a fitted classifier or regressor"):
        fitted.with_task("sick", HistGradientBoostingClassifier)


def test_tasks_of_several_labels_are_refused(fitted):
    several = net().fit(X, {"size": X[:, :2], "mass": MASS})
    with pytest.raises(ValueError, match="several labels a row"):
        several.with_task("size", several.task_view("mass"))
