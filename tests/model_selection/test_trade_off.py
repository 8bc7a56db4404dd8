"""The front of a search, its volume, and the choice of a candidate."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold

from sklearn_mtl.metrics import make_multitask_scorer
from sklearn_mtl.model_selection import (
    TaskWeightSearchCV,
    hypervolume,
    non_dominated,
)

from .._helpers import assert_same_model, inputs, mixed_targets, net

X = inputs(60)
Y = mixed_targets(X, missing=0.1)
CV = KFold(3)
TASKS = list(Y)


@pytest.fixture(scope="module")
def fitted():
    grid = {"task_weights__mass": [0.01, 0.3, 10.0], "task_weights__species": [0.01, 1.0, 10.0]}
    return TaskWeightSearchCV(net(trunk="auto", max_epochs=4), grid, stacked=False, cv=CV, refit=False).fit(X, Y)


def means(search):
    return np.column_stack([search.cv_results_[f"mean_test_tasks_{name}"] for name in TASKS])


def test_front_is_that_of_the_mean_task_scores(fitted):
    front = fitted.pareto_front_
    assert front["index"].tolist() == np.flatnonzero(non_dominated(means(fitted))).tolist()
    assert front["params"] == [fitted.cv_results_["params"][i] for i in front["index"]]
    np.testing.assert_array_equal(front["mean_test_tasks_mass"], means(fitted)[front["index"], 2])
    assert len(pd.DataFrame(front)) == len(front["index"])


def test_volume_of_the_front(fitted):
    scores = means(fitted)
    assert fitted.hypervolume() == hypervolume(scores, scores.min(axis=0))
    reference = dict.fromkeys(TASKS, -1.0)
    assert fitted.hypervolume(reference) == hypervolume(scores, np.full(len(TASKS), -1.0)) > 0


@pytest.mark.parametrize("reference", [{"mass": 0.0}, {**dict.fromkeys(TASKS, 0.0), "other": 0.0}])
def test_reference_needs_every_task(fitted, reference):
    with pytest.raises(ValueError, match="should have a score for each of"):
        fitted.hypervolume(reference)


@pytest.mark.parametrize("weights", [None, {"mass": 5.0}, {"species": 0.0, "tags": 0, "sick": 0, "size": 0}])
def test_choice_by_weights_is_the_best_weighted_mean(fitted, weights):
    complete = np.array([(weights or {}).get(name, 1.0) for name in TASKS])
    chosen = fitted.choose(weights=weights)
    np.testing.assert_allclose((means(fitted) @ complete)[chosen], (means(fitted) @ complete).max())


def test_choice_under_a_constraint(fitted):
    scores = means(fitted)
    least = np.quantile(scores[:, 0], 0.6)
    chosen = fitted.choose(constraint={"species": least}, maximize="mass")
    assert chosen in fitted.pareto_front_["index"]
    assert scores[chosen, 0] >= least
    assert scores[chosen, 2] == scores[scores[:, 0] >= least, 2].max()
    # as good as the best overall, where nothing is asked of the others
    assert scores[fitted.choose(maximize="mass"), 2] == scores[:, 2].max()


METRICS = ["sick_roc_auc", "mass_neg_median_absolute_error"]


@pytest.fixture(scope="module")
def by_metrics():
    scoring = make_multitask_scorer(
        {"sick": ["accuracy", "roc_auc"], "mass": ["r2", "neg_median_absolute_error"], "species": "roc_auc"}
    )
    grid = {"task_weights__mass": [0.01, 0.3, 10.0], "task_weights__sick": [0.01, 1.0, 10.0]}
    options = {"scoring": scoring, "cv": CV, "refit": False, "stacked": False}
    return TaskWeightSearchCV(net(trunk="auto", max_epochs=4), grid, **options).fit(X, Y)


def test_front_of_chosen_metrics(by_metrics):
    scores = np.column_stack([by_metrics.cv_results_[f"mean_test_{name}"] for name in METRICS])
    front = by_metrics.pareto_front(METRICS)
    assert front["index"].tolist() == np.flatnonzero(non_dominated(scores)).tolist()
    for name in METRICS:
        for what in ("mean", "std"):
            column = f"{what}_test_{name}"
            np.testing.assert_array_equal(front[column], by_metrics.cv_results_[column][front["index"]])
    folds = [by_metrics.cv_results_[f"split{k}_test_sick_roc_auc"] for k in range(3)]
    np.testing.assert_allclose(front["std_test_sick_roc_auc"], np.std(folds, axis=0)[front["index"]])
    assert by_metrics.hypervolume(metrics=METRICS) == hypervolume(scores, scores.min(axis=0))
    reference = dict(zip(METRICS, [0.0, -1e3], strict=True))
    assert by_metrics.hypervolume(reference, METRICS) == hypervolume(scores, [0.0, -1e3])


def test_choice_by_metrics(by_metrics):
    auc, error = (by_metrics.cv_results_[f"mean_test_{name}"] for name in METRICS)
    assert auc[by_metrics.choose(maximize="sick_roc_auc", metrics=METRICS)] == auc.max()
    least = np.quantile(auc, 0.6)
    options = {"maximize": METRICS[1], "constraint": {METRICS[0]: least}, "metrics": METRICS}
    chosen = by_metrics.choose(**options)
    assert error[chosen] == error[auc >= least].max()
    expected = clone(by_metrics.estimator).set_params(**by_metrics.cv_results_["params"][chosen]).fit(X, Y)
    assert_same_model(by_metrics.select(X, Y, **options), expected)
    weighted = by_metrics.choose(weights={METRICS[0]: 100.0}, metrics=METRICS)
    assert (100 * auc + error)[weighted] == pytest.approx((100 * auc + error).max())


def test_tasks_and_metrics_may_be_mixed(by_metrics):
    names = ["mass", "sick_roc_auc"]
    front = by_metrics.pareto_front(names)
    assert {"mean_test_tasks_mass", "std_test_sick_roc_auc"} <= set(front)
    # the first metric of a task in the scoring is its score
    np.testing.assert_array_equal(
        by_metrics.cv_results_["mean_test_tasks_species"], by_metrics.cv_results_["mean_test_species_roc_auc"]
    )


@pytest.mark.parametrize("metrics", [["sick_f1"], [], ["mass", "mass"], ["tasks_mass"]])
def test_unknown_metrics_are_refused(by_metrics, metrics):
    with pytest.raises(ValueError, match=r"should be different ones of \['sick_accuracy'|\['species_roc_auc'"):
        by_metrics.pareto_front(metrics)
    with pytest.raises(ValueError, match="constraint names unknown metrics"):
        by_metrics.choose(metrics=METRICS, constraint={"mass": 0.0})


def test_front_has_deviations(fitted):
    front = fitted.pareto_front_
    folds = [fitted.cv_results_[f"split{k}_test_tasks_mass"] for k in range(3)]
    np.testing.assert_allclose(front["std_test_tasks_mass"], np.std(folds, axis=0)[front["index"]])


def test_select_fits_the_chosen_candidate(fitted):
    selected = fitted.select(X, Y, maximize="mass", constraint={"species": 0.1})
    chosen = fitted.choose(maximize="mass", constraint={"species": 0.1})
    expected = clone(fitted.estimator).set_params(**fitted.cv_results_["params"][chosen]).fit(X, Y)
    assert_same_model(selected, expected)
    assert not hasattr(fitted, "best_estimator_")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"constraint": {"mass": 2.0}}, "No candidate satisfies"),
        ({"constraint": {"weight": 0.5}}, "constraint names unknown tasks"),
        ({"maximize": "weight"}, "maximize='weight' should be one of the tasks"),
        ({"maximize": "mass", "weights": {"mass": 1.0}}, "pass only one of them"),
        ({"weights": {"weight": 1.0}}, "weights names unknown tasks"),
        ({"weights": {"mass": -1.0}}, "finite number of at least 0"),
    ],
)
def test_impossible_choices_are_refused(fitted, options, message):
    with pytest.raises(ValueError, match=message):
        fitted.select(X, Y, **options)


def test_front_needs_a_fit():
    search = TaskWeightSearchCV(net(), {"task_weights__mass": [0.1, 2.0]})
    assert not hasattr(search, "pareto_front_")
    with pytest.raises(AttributeError, match="not fitted"):
        search.choose()
