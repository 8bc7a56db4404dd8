"""The spec of early stopping: its shorthands, its parameters by name, and what has no effect."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator, load_model, save_model
from sklearn_mtl.config import resolve_early_stopping
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.utils._same import same

from .._helpers import assert_same_model, inputs, net

X = inputs()
Y = 100 + 20 * X[:, 1] + 30 * inputs(seed=7)[:, 0]
WHEN = [True, False, "auto", "per_task"]


def stopping(*args, **params):
    return net(early_stopping=EarlyStopping(*args, **params), max_epochs=40, learning_rate=0.05)


@pytest.mark.parametrize("when", WHEN)
def test_a_shorthand_says_when(when):
    assert same(resolve_early_stopping(when), EarlyStopping(when))
    spec = EarlyStopping(when, "score", 3)
    assert resolve_early_stopping(spec) is spec


@pytest.mark.parametrize("when", WHEN)
def test_a_shorthand_trains_what_its_spec_does(when):
    assert_same_model(net(early_stopping=when).fit(X, Y), net(early_stopping=EarlyStopping(when)).fit(X, Y))


@pytest.mark.parametrize("start", ["auto", True, EarlyStopping(), EarlyStopping("per_task", "score")], ids=repr)
def test_parameters_are_set_by_name_also_of_a_shorthand(start):
    estimator = clone(net(early_stopping=start)).set_params(early_stopping__n_iter_no_change=4)
    assert same(estimator.early_stopping, clone(resolve_early_stopping(start)).set_params(n_iter_no_change=4))
    assert estimator.get_params()["early_stopping__n_iter_no_change"] == 4


@pytest.mark.parametrize("name", ["monitor", "n_iter_no_change"])
def test_they_are_no_parameters_of_the_estimator(name):
    value = getattr(EarlyStopping(), name)
    with pytest.raises(TypeError, match=name):
        MultiTaskNetEstimator(**{name: value})
    with pytest.raises(ValueError, match=f"Invalid parameter '{name}'"):
        MultiTaskNetEstimator().set_params(**{name: value})


def test_less_patience_never_trains_longer():
    epochs = [stopping(True, n_iter_no_change=patience).fit(X, Y).n_iter_ for patience in (1, 3, 40)]
    assert epochs == sorted(epochs)
    assert epochs[0] < epochs[-1] == 40


@pytest.mark.parametrize("start", [True, EarlyStopping(True)], ids=["shorthand", "spec"])
def test_patience_and_monitor_of_one_stack_may_differ(start):
    grid = {"early_stopping__n_iter_no_change": [1, 3, 8], "early_stopping__monitor": ["loss", "score"]}
    estimator = net(early_stopping=start, max_epochs=12, learning_rate=0.05, dtype="float64")
    options = {"cv": 2, "refit": False}
    search = TaskWeightSearchCV(estimator, grid, stacked=True, **options).fit(X, Y)
    alone = GridSearchCV(estimator, grid, **options).fit(X, Y)
    assert [(entry["n_fits"], entry["n_stacks"]) for entry in search.stack_report_] == [(12, 1)]
    for fold in range(2):
        name = f"split{fold}_test_score"
        np.testing.assert_allclose(search.cv_results_[name], alone.cv_results_[name], rtol=0, atol=1e-8)


def test_fits_that_hold_out_rows_and_others_are_no_stack():
    grid = {"early_stopping__when": [True, False]}
    estimator = net(dtype="float64")
    search = TaskWeightSearchCV(estimator, grid, stacked=True, cv=2, refit=False).fit(X, Y)
    assert [entry["n_fits"] for entry in search.stack_report_] == [2, 2]


def test_it_is_saved(tmp_path):
    fitted = stopping(True, "score", 3).fit(X, Y)
    save_model(fitted, tmp_path / "model")
    assert same(load_model(tmp_path / "model").early_stopping, fitted.early_stopping)


@pytest.mark.parametrize("params", [{"monitor": "score"}, {"n_iter_no_change": 3}], ids=str)
def test_a_rule_that_stops_nothing_is_said_to_have_no_effect(params):
    estimator = net(early_stopping=EarlyStopping(False, **params))
    with pytest.warns(UserWarning, match=r"early_stopping=EarlyStopping\(.*when=False\) trains all max_epochs"):
        estimator.fit(X, Y)
    with pytest.warns(UserWarning, match="trains all max_epochs"):
        estimator.add_task("new", X, Y)
    assert estimator.n_iter_ == 6


def test_a_rule_that_a_recipe_switches_off_is_no_mistake():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rule = EarlyStopping(n_iter_no_change=2)
        fitted = MultiTaskNetEstimator(early_stopping=rule, max_epochs=2, random_state=0).fit(X, Y)
    assert all("shared, all epochs" in weights for weights in fitted.recipe_weights_.values())
