"""Options of the tasks, as a fit learns them."""

import numpy as np
import pytest

from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, inputs, net
from ._data import MASS, SICK, SPECIES, N, X, assert_close, outputs


def test_class_weight_is_weight_of_rows():
    exact = {"dtype": "float64", "batch_size": N, "trunk": MLP((8,))}
    by_class = net(tasks={"s": Classification(class_weight={"bee": 3.0})}, **exact).fit(X, {"s": SPECIES})
    by_row = net(**exact).fit(X, {"s": SPECIES}, np.where(SPECIES == "bee", 3.0, 1.0))
    assert_close(outputs(by_class), outputs(by_row))


def test_balanced_classes_find_the_rare_one():
    rare = np.where(X[:, 0] + 0.8 * inputs(seed=5)[:, 0] > 1.6, "rare", "common")
    fits = {
        class_weight: net(tasks={"s": Classification(class_weight=class_weight)}, max_epochs=40).fit(
            X, {"s": rare}
        )
        for class_weight in (None, "balanced")
    }
    found = {key: (estimator.predict(X)["s"] == "rare").sum() for key, estimator in fits.items()}
    assert found["balanced"] > found[None]


@pytest.mark.parametrize("labels", [SPECIES, np.where(SICK, "yes", "no")], ids=["three classes", "two classes"])
def test_certain_probabilities_are_labels(labels):
    classes, codes = np.unique(labels, return_inverse=True)
    soft = np.eye(len(classes))[codes]
    exact = {"dtype": "float64", "max_epochs": 5}
    hard_fit = net(**exact).fit(X, {"s": labels})
    soft_fit = net(tasks={"s": Classification(classes=classes)}, **exact).fit(X, {"s": soft})
    assert_close(outputs(hard_fit), outputs(soft_fit))
    assert_same(hard_fit.predict(X)["s"], soft_fit.predict(X)["s"])


def test_uncertain_probabilities_are_learned():
    soft = np.tile([0.2, 0.3, 0.5], (N, 1))
    task = Classification(classes=["a", "b", "c"])
    estimator = net(tasks={"s": task}, max_epochs=150, learning_rate=0.02).fit(X, {"s": soft})
    np.testing.assert_allclose(estimator.predict_proba(X)["s"].mean(axis=0), soft[0], atol=0.02)
    assert set(estimator.predict(X)["s"]) == {"c"}


@pytest.mark.parametrize("labels", [SPECIES, SICK], ids=["three classes", "two classes"])
def test_label_smoothing_is_smooth_probabilities(labels):
    classes, codes = np.unique(labels, return_inverse=True)
    smooth = 0.8 * np.eye(len(classes))[codes] + 0.2 / len(classes)
    exact = {"dtype": "float64", "max_epochs": 5}
    by_parameter = net(tasks={"s": Classification(label_smoothing=0.2)}, **exact).fit(X, {"s": labels})
    by_hand = net(tasks={"s": Classification(classes=classes)}, **exact).fit(X, {"s": smooth})
    assert_close(outputs(by_parameter), outputs(by_hand))


LOSSES = {
    "squared_error": (np.mean, Regression()),
    "absolute_error": (np.median, Regression(loss="absolute_error")),
    "huber": (None, Regression(loss="huber", epsilon=1e6)),
    "quantile": (lambda y: np.quantile(y, 0.9), Regression(loss="quantile", quantile=0.9)),
}


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile"])
def test_regression_loss_learns_its_statistic(loss):
    statistic, task = LOSSES[loss]
    skewed = np.exp(1.2 * inputs(200, seed=4)[:, 0])
    constant = np.zeros((200, 1))
    trained = {"max_epochs": 400, "learning_rate": 0.02, "schedule": "cosine", "batch_size": 200}
    estimator = net(tasks={"y": task}, trunk=MLP((2,)), weight_decay=0, **trained).fit(constant, {"y": skewed})
    learned = estimator.predict(constant[:1])["y"][0]
    assert learned == pytest.approx(statistic(skewed), rel=0.03)


def test_wide_huber_is_half_of_squares():
    exact = {"dtype": "float64", "optimizer": "sgd", "weight_decay": 0}
    huber = net(tasks={"y": LOSSES["huber"][1]}, learning_rate=0.1, **exact).fit(X, {"y": MASS})
    squared = net(learning_rate=0.05, **exact).fit(X, {"y": MASS})
    assert_close(outputs(huber), outputs(squared))


def test_units_of_a_regression_do_not_matter():
    exact = {"dtype": "float64", "max_epochs": 5}
    grams = net(**exact).fit(X, {"mass": 1000 * MASS, "sick": SICK}).predict(X)
    kilos = net(**exact).fit(X, {"mass": MASS, "sick": SICK}).predict(X)
    np.testing.assert_allclose(grams["mass"], 1000 * kilos["mass"], rtol=1e-8)


def test_unstandardised_regression_learns_the_target_as_it_is():
    estimator = net(tasks={"y": Regression(standardize=False)}).fit(X, {"y": MASS})
    assert estimator.history_["train_loss__y"].iloc[0] > 1000
