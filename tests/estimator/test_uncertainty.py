"""Quantiles, distributions and standard deviations of an estimator."""

import numpy as np
import pytest

from sklearn_mtl import MultiTaskNetEstimator, load_model, save_model
from sklearn_mtl.tasks import Regression
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


def test_files_keep_them(fitted, tmp_path):
    save_model(fitted, tmp_path / "model.mtl")
    again = load_model(tmp_path / "model.mtl")
    np.testing.assert_array_equal(again.predict_quantiles(X, 0.5)["b"], fitted.predict_quantiles(X, 0.5)["b"])
