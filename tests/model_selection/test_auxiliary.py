"""Searches over auxiliary tasks."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_mtl import Auxiliary, Targets
from sklearn_mtl.model_selection import TaskWeightSearchCV

from .._helpers import inputs, net

X = inputs(90)
Y = Targets(a=X[:, 0], b=X[:, 1], c=X[:, 2])
CV = KFold(3)
GRID = {"auxiliary": [None, ("b",), Auxiliary(("b", "c"), decay="linear")]}


def test_a_grid_search_tries_what_helps():
    search = GridSearchCV(net(), GRID, cv=CV, error_score="raise").fit(X, Y)
    assert len(search.cv_results_["mean_test_score"]) == 3
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_search_compares_the_tasks_that_all_candidates_answer_for():
    search = TaskWeightSearchCV(net(), GRID, cv=CV).fit(X, Y)
    assert search.task_names_ == ["a"]
    assert np.isfinite(search.cv_results_["mean_test_tasks_a"]).all()


@pytest.mark.parametrize("decay", ["constant", "linear"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_stacked_candidates_have_the_scores_of_fits_alone(decay, early_stopping):
    grid = {"task_weights__b": [0.2, 3.0], "max_epochs": [3, 6], "learning_rate": [1e-2, 3e-2]}
    estimator = net(
        auxiliary=Auxiliary(("b",), decay=decay), dtype="float64", early_stopping=early_stopping, batch_size=16
    )
    alone = GridSearchCV(estimator, grid, cv=CV, refit=False).fit(X, Y)
    stacked = TaskWeightSearchCV(estimator, grid, cv=CV, refit=False, stacked=True).fit(X, Y)
    assert all(entry["stacked"] for entry in stacked.stack_report_)
    np.testing.assert_allclose(
        stacked.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"], atol=1e-9
    )
