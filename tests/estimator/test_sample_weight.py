"""Weights of rows, for all tasks or for each."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.trunks import MLP

from .._helpers import mixed_targets, net
from ._data import MASS, SICK, SPECIES, N, X, assert_close, labels_of_sets, outputs

BY_TASK = {
    "dict": lambda w: w,
    "targets": lambda w: Targets(w),
    "pandas": lambda w: pd.DataFrame(w),
    "polars": lambda w: pl.DataFrame(w),
}


@pytest.mark.parametrize("kind", BY_TASK.values(), ids=BY_TASK)
def test_weights_of_rows_by_task(kind):
    y = Targets(mass=MASS, sick=SICK)
    weight = np.where(np.arange(N) < 20, 0.0, 1.0)
    gone = Targets(mass=np.where(weight > 0, MASS, np.nan), sick=SICK)
    exact = {"dtype": "float64", "trunk": MLP((8,)), "batch_size": N}
    by_weight = net(**exact).fit(X, y, kind({"mass": weight}))
    by_gap = net(**exact).fit(X, gone)
    assert_close(outputs(by_weight), outputs(by_gap))


def test_weight_of_a_row_for_all_tasks_is_the_same_for_each():
    y = Targets(mass=MASS, sick=SICK)
    weight = np.random.default_rng(0).random(N)
    exact = {"dtype": "float64", "trunk": MLP((8,))}
    common = net(**exact).fit(X, y, weight)
    each = net(**exact).fit(X, y, {"mass": weight, "sick": weight})
    assert_close(outputs(common), outputs(each))


def test_weight_of_rows_counts_in_score(mixed):
    y = mixed_targets(X)
    weight = np.where(np.arange(N) < 20, 1.0, 0.0)
    assert mixed.score_tasks(X, y, weight) == pytest.approx(mixed.score_tasks(X[:20], y[:20]))


def test_label_that_fit_did_not_see_is_a_miss():
    estimator = net(max_epochs=60, learning_rate=0.03).fit(X, {"tags": labels_of_sets()})
    strange = labels_of_sets()
    strange[:40] = [row | {"rare"} for row in strange[:40]]
    known = estimator.score_tasks(X[:40], {"tags": labels_of_sets()[:40]})["tags"]
    assert 0 < estimator.score_tasks(X[:40], {"tags": strange[:40]})["tags"] < known


@pytest.mark.parametrize("kind", ["class", "set"])
def test_label_of_a_row_of_weight_zero_does_not_disturb_the_validation(kind):
    y = SPECIES.astype(object) if kind == "class" else labels_of_sets()
    y[:20] = ["rare"] * 20 if kind == "class" else [{"rare"}] * 20
    weight = np.where(np.arange(N) < 20, 0.0, 1.0)
    estimator = net(early_stopping=True, validation=0.5).fit(X, {"y": y}, weight)
    assert "rare" not in estimator.classes_["y"]
    assert np.isfinite(estimator.history_["valid_score"]).all()


def test_rows_without_weight_have_no_score():
    estimator = net().fit(X, {"sick": SICK, "mass": MASS})
    scores = estimator.score_tasks(X, {"sick": SICK, "mass": MASS}, sample_weight=np.zeros(len(X)))
    assert np.isnan(list(scores.values())).all()
    by_task = {"sick": np.zeros(len(X))}
    scores = estimator.score_tasks(X, {"sick": SICK, "mass": MASS}, sample_weight=by_task)
    assert np.isnan(scores["sick"])
    assert scores["mass"] == estimator.score_tasks(X, {"sick": SICK, "mass": MASS})["mass"]


def test_rows_of_weight_zero_do_not_move_the_validation_score():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((80, 4)), rng.integers(0, 2, 80)
    weight = np.repeat([0.0, 1.0], 40)
    other = np.where(weight > 0, y, 1 - y)
    net = MultiTaskNetEstimator(early_stopping=True, validation=0.5, max_epochs=2, random_state=0, n_members=1)
    histories = [net.fit(X, labels, sample_weight=weight).history_.drop(columns="dur") for labels in (y, other)]
    assert histories[0].equals(histories[1])
