"""SHAP values of one task, by its view: the recipe of the user guide."""

import numpy as np
import pandas as pd
import pytest

from sklearn_mtl import Targets
from sklearn_mtl.trunks import MLP

from .._helpers import inputs, net

shap = pytest.importorskip("shap")

X = inputs(80, 3)
Y = Targets(mass=100 + X @ [10.0, -5.0, 0.0], kind=np.array(["a", "b", "c"])[np.digitize(X[:, 1], [-0.5, 0.5])])


def test_shap_values_of_a_linear_regression():
    fitted = net(trunk=MLP(()), dtype="float64", max_epochs=20, learning_rate=0.05).fit(X, Y)
    view = fitted.task_view("mass")
    found = shap.Explainer(view.predict, X[:40], seed=0)(X[40:50])
    effects = view.predict(np.eye(3)) - view.predict(np.zeros((1, 3)))
    np.testing.assert_allclose(found.values, (X[40:50] - X[:40].mean(axis=0)) * effects, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.base_values, view.predict(X[:40]).mean())


def test_shap_values_of_classes_sum_to_the_probabilities():
    frame = pd.DataFrame(X, columns=list("abc"))
    fitted = net(max_epochs=20, learning_rate=0.02).fit(frame, Y)
    view = fitted.task_view("kind")

    def proba(rows):
        return view.predict_proba(pd.DataFrame(rows, columns=frame.columns))

    found = shap.Explainer(proba, frame[:30], seed=0)(frame[40:45])
    assert found.values.shape == (5, 3, 3)
    sums = found.values.sum(axis=1) + found.base_values
    np.testing.assert_allclose(sums, view.predict_proba(frame[40:45]), atol=1e-6)
