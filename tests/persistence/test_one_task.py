"""Files of views of a task, and of predictors in the place of one."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from sklearn_mtl import load_model, save_model
from sklearn_mtl.exceptions import ModelFileError

from .._helpers import mixed_targets, net
from .cases import X

Y = mixed_targets(X)
SICK = Y["sick"]


@pytest.fixture(scope="module")
def fitted():
    return net(max_epochs=5).fit(X, Y)


def tuned(estimator, scoring):
    return TunedThresholdClassifierCV(estimator, scoring=scoring, cv="prefit", refit=False, store_cv_results=True)


#: what is made of a frozen view
PREDICTORS = {
    "sigmoid": lambda frozen: CalibratedClassifierCV(frozen),
    "isotonic": lambda frozen: CalibratedClassifierCV(frozen, method="isotonic"),
    "temperature": lambda frozen: CalibratedClassifierCV(frozen, method="temperature"),
    "fixed threshold": lambda frozen: FixedThresholdClassifier(frozen, threshold=0.3),
    "tuned threshold": lambda frozen: tuned(frozen, "f1"),
    "tuned by a scorer": lambda frozen: tuned(frozen, make_scorer(fbeta_score, beta=2)),
    "tuned after calibration": lambda frozen: tuned(
        FrozenEstimator(CalibratedClassifierCV(frozen).fit(X, SICK)), "balanced_accuracy"
    ),
}


def through_file(model, folder, **options):
    save_model(model, folder / "model.mtl")
    return load_model(folder / "model.mtl", **options)


@pytest.mark.parametrize("task", ["sick", "species", "mass"])
def test_views(fitted, tmp_path, task):
    view = fitted.task_view(task)
    loaded = through_file(view, tmp_path)
    assert type(loaded) is type(view)
    np.testing.assert_array_equal(loaded.predict(X), view.predict(X))
    assert loaded.get_params()["net__max_epochs"] == 5


def test_views_that_are_not_fitted(tmp_path):
    view = net(tasks={"sick": "classification"}).task_view("sick")
    loaded = through_file(view, tmp_path).fit(X, SICK, targets=Y)
    np.testing.assert_array_equal(loaded.predict_proba(X), view.fit(X, SICK, targets=Y).predict_proba(X))


@pytest.mark.parametrize("make", PREDICTORS.values(), ids=PREDICTORS)
def test_predictors(fitted, tmp_path, make):
    predictor = make(FrozenEstimator(fitted.task_view("sick"))).fit(X, SICK)
    alone = through_file(predictor, tmp_path)
    np.testing.assert_array_equal(alone.predict(X), predictor.predict(X))
    np.testing.assert_array_equal(alone.predict_proba(X), predictor.predict_proba(X))
    changed = fitted.with_task("sick", predictor)
    loaded = through_file(changed, tmp_path)
    for name, values in changed.predict(X).items():
        np.testing.assert_array_equal(loaded.predict(X)[name], values)
    for name, values in changed.predict_proba(X).items():
        np.testing.assert_array_equal(loaded.predict_proba(X)[name], values)
    assert loaded.score_tasks(X, Y) == changed.score_tasks(X, Y)


def test_the_network_is_in_the_file_once(tmp_path):
    large = net(trunk="mlp", max_epochs=1).fit(X, Y)
    save_model(large, tmp_path / "plain")
    calibrated = CalibratedClassifierCV(FrozenEstimator(large.task_view("sick"))).fit(X, SICK)
    save_model(large.with_task("sick", calibrated), tmp_path / "changed")
    assert (tmp_path / "changed").stat().st_size < 1.1 * (tmp_path / "plain").stat().st_size
    loaded = load_model(tmp_path / "changed")
    view = loaded.task_predictors_["sick"].calibrated_classifiers_[0].estimator.estimator
    assert view.net_._model is loaded._model


def test_predictors_of_other_packages_are_written_by_skops(fitted, tmp_path):
    changed = fitted.with_task("sick", HistGradientBoostingClassifier(max_iter=2).fit(X, SICK))
    loaded = through_file(changed, tmp_path, trusted=[TreePredictor])
    np.testing.assert_array_equal(loaded.predict_proba(X)["sick"], changed.predict_proba(X)["sick"])
    with pytest.raises(ModelFileError, match=r"trusted=\[TreePredictor\]"):
        load_model(tmp_path / "model.mtl")
