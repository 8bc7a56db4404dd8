"""Quantiles, distributions and standard deviations of an estimator."""

import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.model_selection import GridSearchCV

from sklearn_mtl import MultiTaskNetEstimator, Targets, load_model, save_model
from sklearn_mtl.metrics import crps, interval_coverage, log_score
from sklearn_mtl.tasks import Count, Regression
from sklearn_mtl.trunks import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = {"a": np.where(RNG.random(60) < 0.2, np.nan, X[:, 0]), "b": X[:, :2] + 1, "c": X[:, 2]}
TASKS = {
    "a": Regression(loss="normal"),
    "b": Regression(loss="student_t"),
    "c": Regression(loss="quantile", quantile=[0.1, 0.9]),
}


@pytest.fixture(scope="module", params=[1, 3])
def fitted(request):
    net = MultiTaskNetEstimator(TASKS, trunk=MLP((6,)), n_members=request.param, max_epochs=3, random_state=0)
    return net.fit(X, Y)


def test_predictions_are_the_means_and_quantiles_those_of_the_distributions(fitted):
    found = fitted.predict_distribution(X)
    assert list(found) == ["a", "b"]
    quantiles = fitted.predict_quantiles(X, [0.2, 0.8])
    assert {name: values.shape for name, values in quantiles.items()} == {
        "a": (60, 2),
        "b": (60, 2, 2),
        "c": (60, 2),
    }
    for name, each in found.items():
        np.testing.assert_allclose(fitted.predict(X)[name], each.mean(), atol=1e-5)
        np.testing.assert_allclose(each.cdf(quantiles[name][..., 0]), 0.2, atol=1e-9)
        std = fitted.predict_std(X, tasks=[name])[name]
        np.testing.assert_allclose(std, each.std(), rtol=1e-6)


def test_variances_add_up(fitted):
    total, learned = (fitted.predict_std(X, ["a"], kind=kind)["a"] for kind in ("total", "aleatoric"))
    if fitted.n_members == 1:
        np.testing.assert_allclose(total, learned)
        with pytest.raises(ValueError, match="ensemble"):
            fitted.predict_std(X, kind="epistemic")
        return
    between = fitted.predict_std(X, ["a"], kind="epistemic")["a"]
    np.testing.assert_allclose(total**2, learned**2 + between**2)


def test_files_and_pickles_keep_them(fitted, tmp_path):
    save_model(fitted, tmp_path / "model.mtl")
    for again in (load_model(tmp_path / "model.mtl"), pickle.loads(pickle.dumps(fitted))):
        for name, quantiles in fitted.predict_quantiles(X, [0.2, 0.8]).items():
            np.testing.assert_array_equal(again.predict_quantiles(X, [0.2, 0.8])[name], quantiles)
        for name, found in fitted.predict_distribution(X).items():
            np.testing.assert_array_equal(again.predict_distribution(X)[name].cdf(Y[name]), found.cdf(Y[name]))
    found = fitted.predict_distribution(X)["a"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).ppf(0.3), found.ppf(0.3))


def small(**params):
    return MultiTaskNetEstimator(
        **{"trunk": MLP((6,), scaling="standard"), "n_members": 1, "max_epochs": 3, "random_state": 0, **params}
    )


def test_the_loss_can_be_searched():
    net = small(tasks={"a": Regression(), "c": Regression()}, early_stopping=False)
    losses = ["squared_error", "normal", "mixture"]
    search = GridSearchCV(net, {"tasks__a__loss": losses}, cv=2).fit(X, Targets(a=X[:, 0], c=X[:, 2]))
    assert search.cv_results_["param_tasks__a__loss"].tolist() == losses
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_params_["tasks__a__loss"]
    assert hasattr(search.best_estimator_, "predict_distribution") == (best != "squared_error")


def test_a_loss_can_be_set_and_takes_the_methods_along():
    net = small(tasks={"a": Regression(), "c": "regression"})
    assert not any(hasattr(net, name) for name in ("predict_quantiles", "predict_distribution", "predict_std"))
    net.set_params(tasks__a__loss="laplace").fit(X, {"a": X[:, 0], "c": X[:, 2]})
    assert list(net.predict_distribution(X)) == list(net.predict_quantiles(X, 0.5)) == ["a"]
    assert list(net.predict_std(X)) == ["a"]
    for call in (net.predict_distribution, lambda X, tasks: net.predict_quantiles(X, 0.5, tasks), net.predict_std):
        with pytest.raises(ValueError, match="'c'"):
            call(X, tasks=["c"])


@pytest.mark.parametrize("q", [0.0, 1.0, [], [0.5, np.nan], [[0.1, 0.2]]])
def test_levels_that_are_none_are_refused(fitted, q):
    with pytest.raises(ValueError, match="above 0 and below 1"):
        fitted.predict_quantiles(X, q)


def test_the_default_portfolio_predicts_the_mixture_of_its_recipes():
    y = {"a": Y["a"], "n": np.random.default_rng(0).poisson(2.0, 60).astype(float)}
    tasks = {"a": Regression(loss="normal"), "n": Count(loss="negative_binomial")}
    net = MultiTaskNetEstimator(tasks, max_epochs=2, random_state=0).fit(X, y)
    assert len(net.recipe_weights_["a"]) > 1
    found = net.predict_distribution(X)
    for name in tasks:
        assert len(found[name].weights) > 2
        np.testing.assert_allclose(found[name].weights.sum(axis=0), 1.0)
        np.testing.assert_allclose(net.predict(X)[name], found[name].mean(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(net.predict_std(X)[name], found[name].std(), rtol=1e-6)
    assert np.isfinite(crps(y["a"], found["a"]))
    assert np.isfinite(log_score(y["n"], found["n"]))


def test_rows_without_a_label_do_not_count():
    y = {"a": X[:, 0].copy(), "n": np.floor(np.exp(X[:, 1] + 1))}
    keep = np.arange(60) % 3 > 0
    tasks = {"a": Regression(loss="student_t"), "n": Count(loss="negative_binomial")}
    params = {"early_stopping": False, "tasks": tasks, "trunk": MLP((6,), scaling=None)}
    gaps = {name: np.where(keep, values, np.nan) for name, values in y.items()}
    partly = small(batch_size=60, **params).fit(X, gaps)
    rest = {name: values[keep] for name, values in y.items()}
    fewer = small(batch_size=40, **params).fit(X[keep], rest)
    for name in tasks:
        found, expected = partly.predict_distribution(X)[name], fewer.predict_distribution(X)[name]
        np.testing.assert_allclose(found.mean(), expected.mean(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.std(), expected.std(), rtol=1e-4)


def heteroscedastic(n_rows, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    return X, {"a": X[:, 0] + np.exp(1.2 * X[:, 1] - 1) * rng.normal(size=n_rows)}


def test_a_learned_deviation_is_better_than_that_of_residuals_where_noise_differs():
    (X, y), (X_test, y_test) = heteroscedastic(1000, 0), heteroscedastic(1000, 1)
    params = {"trunk": MLP((32,), scaling="standard"), "max_epochs": 40, "learning_rate": 5e-3}
    plain = small(**params).fit(X, y)
    held = plain.validation_rows_
    std = (y["a"][held] - plain.predict(X[held])["a"]).std()
    residual = crps(y_test["a"], stats.norm(plain.predict(X_test)["a"], std))
    learned = small(tasks={"a": Regression(loss="normal")}, **params).fit(X, y).predict_distribution(X_test)["a"]
    assert crps(y_test["a"], learned) < 0.9 * residual
    assert interval_coverage(y_test["a"], *learned.interval(0.8)) == pytest.approx(0.8, abs=0.06)
    wide = X_test[:, 1] > 1
    assert learned.std()[wide].mean() > 3 * learned.std()[~wide].mean()
