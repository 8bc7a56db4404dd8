"""Every tool for one task that the user guide names, on a view: its results follow from what the net predicts."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import DecisionBoundaryDisplay, PartialDependenceDisplay, permutation_importance
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import PredictionErrorDisplay, RocCurveDisplay, f1_score, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    KFold,
    TunedThresholdClassifierCV,
    cross_validate,
    learning_curve,
)

from sklearn_mtl import Targets

from .._helpers import inputs, net

X = inputs(160)
Y = Targets(
    species=np.array(["ape", "bee", "cat"])[np.digitize(X[:, 0], [-0.5, 0.5])],
    sick=(X[:, 1] + 0.5 * inputs(160, seed=1)[:, 0] > 0.5).astype(int),
    mass=100 + 20 * X[:, 2] - 5 * X[:, 0],
)
SETTINGS = {"max_epochs": 20, "learning_rate": 0.02}
CV = KFold(3, shuffle=True, random_state=0)
# the products of one head are rounded in float32 otherwise than those of all
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


@pytest.fixture(scope="module")
def fitted():
    return net(**SETTINGS).fit(X, Y)


@pytest.fixture(scope="module")
def unfitted():
    return net(**SETTINGS, tasks={"sick": "classification", "mass": "regression"})


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def proba(fitted, rows=X):
    return fitted.predict_proba(rows)["sick"][:, 1]


def calibrated_classifier(fitted, unfitted):
    view = fitted.task_view("sick")
    calibrated = CalibratedClassifierCV(FrozenEstimator(view), method="isotonic").fit(X, Y["sick"])
    logits = np.log(proba(fitted) / (1 - proba(fitted)))
    expected = IsotonicRegression(out_of_bounds="clip").fit(logits, Y["sick"]).predict(logits)
    np.testing.assert_allclose(calibrated.predict_proba(X)[:, 1], expected, atol=1e-6)


def calibrated_classifier_of_folds(fitted, unfitted):
    calibrated = CalibratedClassifierCV(unfitted.task_view("sick"), cv=CV, ensemble=True)
    calibrated.fit(X, Y["sick"], targets=Y)
    first = calibrated.calibrated_classifiers_[0].estimator
    train, _ = next(CV.split(X))
    np.testing.assert_allclose(first.predict_proba(X)[:, 1], proba(unfitted.fit(X[train], Y[train])), **CLOSE)


def tuned_threshold(fitted, unfitted):
    tuned = TunedThresholdClassifierCV(
        FrozenEstimator(fitted.task_view("sick")), scoring="f1", cv="prefit", refit=False, store_cv_results=True
    ).fit(X, Y["sick"])
    scores = [f1_score(Y["sick"], proba(fitted) >= t, zero_division=0) for t in tuned.cv_results_["thresholds"]]
    assert tuned.best_score_ == max(scores) > f1_score(Y["sick"], fitted.predict(X)["sick"])


def tuned_threshold_of_folds(fitted, unfitted):
    with config_context(enable_metadata_routing=True):
        view = unfitted.task_view("sick").set_fit_request(targets=True)
        tuned = TunedThresholdClassifierCV(view, scoring="f1", cv=3).fit(X, Y["sick"], targets=Y)
    expected = proba(unfitted.fit(X, Y)) >= tuned.best_threshold_
    np.testing.assert_array_equal(tuned.predict(X), expected.astype(int))


def fixed_threshold(fitted, unfitted):
    fixed = FixedThresholdClassifier(FrozenEstimator(fitted.task_view("sick")), threshold=0.2).fit(X, Y["sick"])
    np.testing.assert_array_equal(fixed.predict(X), (proba(fitted) >= 0.2).astype(int))


def partial_dependence(fitted, unfitted):
    display = PartialDependenceDisplay.from_estimator(fitted.task_view("mass"), X, [2], grid_resolution=5)
    for value, average in zip(
        display.pd_results[0]["grid_values"][0], display.pd_results[0]["average"][0], strict=True
    ):
        moved = X.copy()
        moved[:, 2] = value
        assert average == pytest.approx(fitted.predict(moved)["mass"].mean())


def decision_boundary(fitted, unfitted):
    plane = net(**SETTINGS).fit(X[:, :2], Y)
    display = DecisionBoundaryDisplay.from_estimator(plane.task_view("sick"), X[:, :2], grid_resolution=9)
    points = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
    probabilities = plane.predict_proba(points)["sick"]
    expected = np.log(probabilities[:, 1] / probabilities[:, 0]).reshape(9, 9)
    np.testing.assert_allclose(display.response, expected, atol=1e-6)
    several = DecisionBoundaryDisplay.from_estimator(plane.task_view("species"), X[:, :2], grid_resolution=9)
    assert several.response.shape == (9, 9, 3)


def importance(fitted, unfitted):
    of_view = permutation_importance(fitted.task_view("mass"), X, Y["mass"], random_state=0, n_repeats=2)
    of_net = permutation_importance(
        fitted, X, Y, scoring=lambda net, X, y: net.score_tasks(X, y)["mass"], random_state=0, n_repeats=2
    )
    np.testing.assert_allclose(of_view.importances, of_net.importances, atol=1e-6)
    assert of_view.importances_mean.argmax() == 2


def roc_curve(fitted, unfitted):
    display = RocCurveDisplay.from_estimator(fitted.task_view("sick"), X, Y["sick"])
    assert display.roc_auc == pytest.approx(roc_auc_score(Y["sick"], proba(fitted)))


def calibration_display(fitted, unfitted):
    display = CalibrationDisplay.from_estimator(fitted.task_view("sick"), X, Y["sick"], n_bins=4)
    true, predicted = calibration_curve(Y["sick"], proba(fitted), n_bins=4)
    np.testing.assert_allclose(display.prob_true, true)
    np.testing.assert_allclose(display.prob_pred, predicted)


def prediction_error(fitted, unfitted):
    display = PredictionErrorDisplay.from_estimator(fitted.task_view("mass"), X, Y["mass"], subsample=None)
    np.testing.assert_allclose(display.y_pred, fitted.predict(X)["mass"], **CLOSE)


def learning_curves(fitted, unfitted):
    view = unfitted.task_view("mass")
    sizes, _, scores = learning_curve(
        view, X, Y["mass"], cv=CV, train_sizes=[0.3, 1.0], params={"targets": Y}, error_score="raise"
    )
    train, test = next(CV.split(X))
    for size, score in zip(sizes, scores[:, 0], strict=True):
        by_hand = unfitted.fit(X[train[:size]], Y[train[:size]])
        assert score == pytest.approx(by_hand.score_tasks(X[test], Y[test])["mass"])


def validation(fitted, unfitted):
    result = cross_validate(
        unfitted.task_view("sick"),
        X,
        Y["sick"],
        cv=CV,
        params={"targets": Y},
        scoring="roc_auc",
        error_score="raise",
    )
    train, test = next(CV.split(X))
    expected = roc_auc_score(Y["sick"][test], proba(unfitted.fit(X[train], Y[train]), X[test]))
    assert result["test_score"][0] == pytest.approx(expected)


def search(fitted, unfitted):
    grid = {"net__task_weights__mass": [0.1, 1.0], "net__learning_rate": [0.02]}
    found = GridSearchCV(unfitted.task_view("sick"), grid, cv=CV, scoring="average_precision", error_score="raise")
    found.fit(X, Y["sick"], targets=Y)
    best = unfitted.set_params(task_weights={"mass": found.best_params_["net__task_weights__mass"]}).fit(X, Y)
    np.testing.assert_allclose(found.predict_proba(X)[:, 1], proba(best), **CLOSE)
    unfitted.set_params(task_weights=None)


def shap_values(fitted, unfitted):
    shap = pytest.importorskip("shap", reason="SHAP is not installed")
    view = fitted.task_view("mass")
    explain = shap.explainers.Permutation(view.predict, shap.maskers.Independent(X[:20]), seed=0)
    explanation = explain(X[:4], silent=True)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, fitted.predict(X[:4])["mass"], rtol=1e-5)
    assert np.abs(explanation.values).mean(axis=0).argmax() == 2
    # the network of a frame gets one
    frame = pd.DataFrame(X, columns=list("abcd"))
    view = net(**SETTINGS).fit(frame, Y).task_view("species")

    def probabilities(rows):
        return view.predict_proba(pd.DataFrame(rows, columns=frame.columns))

    explain = shap.explainers.Permutation(probabilities, shap.maskers.Independent(X[:20]), seed=0)
    explanation = explain(X[:4], silent=True)
    assert explanation.values.shape == (4, 4, 3)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, view.predict_proba(frame[:4]), atol=1e-6)
    assert np.abs(explanation.values).mean(axis=(0, 2)).argmax() == 0


def conformal_intervals(fitted, unfitted):
    mapie = pytest.importorskip("mapie.regression", reason="MAPIE is not installed")
    half = net(**SETTINGS).fit(X[:80], Y[:80])
    conformal = mapie.SplitConformalRegressor(half.task_view("mass"), confidence_level=0.9, prefit=True)
    conformal.conformalize(X[80:], Y["mass"][80:])
    predicted, intervals = conformal.predict_interval(X)
    np.testing.assert_allclose(predicted, half.predict(X)["mass"], **CLOSE)
    inside = (intervals[:, 0, 0] <= Y["mass"]) & (Y["mass"] <= intervals[:, 1, 0])
    assert inside[80:].mean() >= 0.9


def conformal_sets(fitted, unfitted):
    mapie = pytest.importorskip("mapie.classification", reason="MAPIE is not installed")
    half = net(**SETTINGS).fit(X[:80], Y[:80])
    conformal = mapie.SplitConformalClassifier(half.task_view("species"), confidence_level=0.9, prefit=True)
    conformal.conformalize(X[80:], Y["species"][80:])
    predicted, sets = conformal.predict_set(X)
    np.testing.assert_array_equal(predicted, half.predict(X)["species"])
    places = np.searchsorted(["ape", "bee", "cat"], Y["species"])
    assert sets[np.arange(80, 160), places[80:], 0].mean() >= 0.9


TOOLS = {
    "CalibratedClassifierCV, prefit": calibrated_classifier,
    "CalibratedClassifierCV": calibrated_classifier_of_folds,
    "TunedThresholdClassifierCV, prefit": tuned_threshold,
    "TunedThresholdClassifierCV": tuned_threshold_of_folds,
    "FixedThresholdClassifier": fixed_threshold,
    "PartialDependenceDisplay": partial_dependence,
    "DecisionBoundaryDisplay": decision_boundary,
    "permutation_importance": importance,
    "RocCurveDisplay": roc_curve,
    "CalibrationDisplay": calibration_display,
    "PredictionErrorDisplay": prediction_error,
    "learning_curve": learning_curves,
    "cross_validate": validation,
    "GridSearchCV": search,
    "SHAP": shap_values,
    "MAPIE, intervals": conformal_intervals,
    "MAPIE, sets": conformal_sets,
}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_tool_gives_what_the_predictions_of_the_network_give(tool, fitted, unfitted):
    tool(fitted, unfitted)
