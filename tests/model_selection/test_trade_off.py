"""The front of a search, its volume, and the choice of a candidate."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold

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
