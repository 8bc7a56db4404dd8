"""`partial_fit` and `warm_start`."""

import numpy as np
import pandas as pd
import pytest

from sklearn_mtl import Targets
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model, mixed_targets, net, weights_of
from ._data import MASS, SICK, SPECIES, RateRecorder, X


def test_partial_fit_knows_the_classes_of_later_batches():
    first = SPECIES != "cat"
    estimator = net().partial_fit(X[first], SPECIES[first], classes=["ape", "bee", "cat"])
    assert estimator.classes_.tolist() == ["ape", "bee", "cat"]
    for _ in range(60):
        estimator.partial_fit(X, SPECIES)
    assert estimator.n_iter_ == 61
    assert estimator.score(X, SPECIES) > 0.8


@pytest.mark.parametrize("kind", ["matrix", "dict"])
def test_classes_of_partial_fit_by_task(kind):
    y = {"0": SICK, "1": 2 * SICK}
    classes = {"0": [0, 1, 5], "1": [0, 2]}
    if kind == "matrix":
        y, classes = np.column_stack(list(y.values())), list(classes.values())
    found = net().partial_fit(X, y, classes=classes).classes_
    by_task = list(found.values()) if isinstance(found, dict) else found
    assert [values.tolist() for values in by_task] == [[0, 1, 5], [0, 2]]


def test_columns_of_y_in_partial_fit_may_be_in_another_order():
    y = pd.DataFrame({"mass": MASS, "sick": SICK})
    same = net().partial_fit(X, y).partial_fit(X, y)
    turned = net().partial_fit(X, y).partial_fit(X, y[["sick", "mass"]])
    assert_same_model(same, turned)
    assert list(turned.predict(X).columns) == ["mass", "sick"]


def test_columns_of_X_in_partial_fit_keep_their_order():
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator = net().partial_fit(frame, MASS)
    with pytest.raises(ValueError, match="same order"):
        estimator.partial_fit(frame[list("dcba")], MASS)


def test_partial_fit_keeps_scales_and_optimiser():
    estimator = net().partial_fit(X, MASS)
    scale = estimator.tasks_["y"].scale_.copy()
    steps = _steps(estimator)
    estimator.partial_fit(X, 1000 * MASS)
    assert_same(estimator.tasks_["y"].scale_, scale)
    assert _steps(estimator) == 2 * steps


@pytest.mark.parametrize(
    "change", [{"learning_rate": 0.5}, {"optimizer": "sgd"}, {"optimizer": "adam", "weight_decay": 0.0}], ids=str
)
def test_parameters_of_the_step_may_change_between_partial_fits(change):
    estimator = net().partial_fit(X, MASS).set_params(**change).partial_fit(X, MASS)
    group = estimator.net_.optimizer_.param_groups[0]
    assert group["lr"] == estimator.learning_rate
    assert group["weight_decay"] == estimator.weight_decay
    assert estimator.n_iter_ == 2


def test_schedule_starts_anew_with_each_partial_fit():
    recorders = [RateRecorder(), RateRecorder()]
    estimator = net(schedule="cosine", batch_size=20)
    for recorder in recorders:
        estimator.set_params(callbacks=[recorder]).partial_fit(X, MASS)
    assert recorders[0].rates_ == recorders[1].rates_
    assert recorders[0].rates_[0] == estimator.learning_rate


def _steps(estimator):
    return max(int(state["step"]) for state in estimator.net_.optimizer_.state.values())


def test_epochs_of_partial_fit_are_those_of_fit():
    settings = {"max_epochs": 3, "batch_size": 16, "trunk": MLP((8,), dropout=0.2)}
    stepwise = net(**settings)
    for _ in range(3):
        stepwise.partial_fit(X, MASS)
    assert_same_model(stepwise, net(**settings).fit(X, MASS))


def test_warm_start_goes_on():
    y = mixed_targets(X)
    estimator = net(warm_start=True, optimizer="sgd", max_epochs=4).fit(X, y).set_params(max_epochs=3).fit(X, y)
    assert estimator.n_iter_ == 7
    assert len(estimator.history_) == 7
    assert_same_model(estimator, net(optimizer="sgd", max_epochs=7).fit(X, y))


def test_cold_start_begins_anew():
    estimator = net().fit(X, MASS)
    before = weights_of(estimator)
    estimator.fit(X, MASS)
    for name, values in weights_of(estimator).items():
        assert_same(values, before[name])
    assert estimator.n_iter_ == 3


def test_warm_start_takes_new_task_weights_but_no_other_set_of_tasks():
    y = Targets(mass=MASS, sick=SICK)
    estimator = net(warm_start=True).fit(X, y)
    estimator.set_params(task_weights__mass=3.0).fit(X, y)
    with pytest.raises(ValueError, match="other trained tasks require a new fit"):
        estimator.set_params(task_weights__mass=0).fit(X, y)


def test_refit_with_other_targets_forgets_the_old_ones():
    estimator = net().fit(X, SPECIES)
    estimator.fit(X[:, :2], pd.DataFrame({"mass": MASS}))
    assert not hasattr(estimator, "classes_")
    assert estimator.n_features_in_ == 2
    assert estimator.task_names_ == ["mass"]


def test_refit_with_an_array_forgets_the_names_of_columns():
    estimator = net().fit(pd.DataFrame(X, columns=list("abcd")), MASS)
    assert estimator.feature_names_in_.tolist() == list("abcd")
    assert not hasattr(estimator.fit(X, MASS), "feature_names_in_")
