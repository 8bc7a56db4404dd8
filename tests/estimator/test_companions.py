"""The companions for tasks of one kind."""

import numpy as np
from sklearn.base import is_classifier, is_regressor

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, MultiTaskNetRegressor
from sklearn_mtl.trunks import MLP

from .._helpers import (
    net,
)
from ._data import MASS, X


def test_companions_are_what_they_are():
    assert is_classifier(MultiTaskNetClassifier(n_members=1))
    assert is_regressor(MultiTaskNetRegressor(n_members=1))
    assert not is_classifier(MultiTaskNetEstimator(n_members=1))
    assert not is_regressor(MultiTaskNetEstimator(n_members=1))
    assert hasattr(MultiTaskNetClassifier(n_members=1), "predict_proba")
    assert hasattr(MultiTaskNetEstimator(n_members=1), "predict_proba")
    assert not hasattr(MultiTaskNetRegressor(n_members=1), "predict_proba")
    assert not hasattr(net().fit(X, MASS), "predict_proba")


def test_companions_read_numbers_as_their_kind():
    counts = np.digitize(X[:, 0], [-1, 0, 1])
    settings = {"trunk": MLP((8,)), "max_epochs": 2, "random_state": 0}
    assert MultiTaskNetRegressor(**settings).fit(X, counts).predict(X).dtype.kind == "f"
    assert MultiTaskNetClassifier(**settings).fit(X, counts.astype(float)).classes_.tolist() == [0, 1, 2, 3]
