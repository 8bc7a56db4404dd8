"""How certain predictions are."""

import numpy as np
import pytest

from sklearn_mtl import Targets
from sklearn_mtl.semi_supervised._answers import (
    Answers,
    Calibration,
    TaughtClasses,
    TaughtNumbers,
    at_temperature,
    best_temperature,
)
from sklearn_mtl.semi_supervised._rows import FitRows

from .._helpers import net
from ._data import clusters


def drawn(temperature, n_rows=4000, seed=0):
    """Draw classes by the probabilities of logits that are divided by a temperature."""
    rng = np.random.default_rng(seed)
    said = at_temperature(np.exp(rng.normal(scale=3.0, size=(n_rows, 3))), 1.0)
    true = at_temperature(said, temperature)
    codes = (true.cumsum(axis=1) < rng.random((n_rows, 1))).sum(axis=1)
    return Calibration(said, codes, np.ones(n_rows))


@pytest.mark.parametrize("temperature", [1.5, 3.0])
def test_the_temperature_is_found(temperature):
    assert best_temperature([drawn(temperature)]) == pytest.approx(temperature, rel=0.1)


def test_it_never_makes_predictions_more_certain():
    assert best_temperature([drawn(0.5)]) == 1.0
    assert best_temperature([]) == 1.0


def test_networks_may_know_different_classes():
    two = Calibration(np.array([[0.9, 0.1]]), np.array([1]), np.ones(1))
    assert best_temperature([two, drawn(1.0)]) >= 1.0


def test_a_set_is_as_certain_as_its_least_certain_label():
    evidence = np.array([[[0.1, 0.9], [0.4, 0.6]]])
    assert TaughtClasses("a").certainty(Answers(np.zeros(1), evidence), 1.0) == pytest.approx([0.6])


def test_a_number_is_certain_where_networks_agree():
    taught = TaughtNumbers("mass", np.array([0.0, 10.0, np.nan]))
    assert taught.units == [5.0]
    certainty = taught.certainty(Answers(np.zeros(3), np.array([0.0, 0.25, 3.0])), 1.0)
    assert certainty.tolist() == [1.0, 0.75, 0.0]


def test_losses_are_the_brier_score_and_the_squared_error():
    X, y, whole = clusters()
    fitted = net(n_members=2, ensemble="deep").fit(X, whole)
    rows = FitRows(X, y)
    kind, mass = TaughtClasses("kind"), TaughtNumbers("mass", y["mass"])
    losses = kind.losses(fitted, rows, kind.answers(fitted, X))
    proba, hits = fitted.predict_proba(X)["kind"], whole["kind"][:, None] == fitted.classes_["kind"]
    labelled = np.array([label is not None for label in y["kind"]])
    np.testing.assert_allclose(losses[labelled], ((proba - hits) ** 2).sum(axis=1)[labelled])
    assert np.isnan(losses[~labelled]).all()
    errors = mass.losses(fitted, rows, mass.answers(fitted, X))
    expected = (fitted.predict(X)["mass"] - y["mass"]) ** 2 / y["mass"].var()
    np.testing.assert_allclose(errors, expected)


def test_a_class_that_the_network_does_not_know_is_not_compared():
    X, _, whole = clusters()
    fitted = net().fit(X, whole)
    other = Targets(kind=np.array(["cat"] * len(X), dtype=object), mass=whole["mass"])
    kind = TaughtClasses("kind")
    assert np.isnan(kind.losses(fitted, FitRows(X, other), kind.answers(fitted, X))).all()
