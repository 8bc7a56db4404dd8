"""Every kind of input, with scikit-learn's splits, searches and pipelines."""

import io

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mtl import Targets
from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.model_selection import TaskWeightSearchCV

from .._helpers import assert_same
from ..inputs_cases import CASES


@pytest.fixture(params=CASES, scope="module")
def case(request):
    return CASES[request.param]()


@pytest.fixture(scope="module")
def fitted(case):
    return case.net().fit(case.X, case.y)


def assert_alike(some, others):
    """Compare predictions, numbers up to the rounding of other shapes of products."""
    for name, values in some.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(values, others[name], rtol=1e-4, atol=1e-5)
        else:
            assert_same(values, others[name])


def test_everything_that_is_learned_is_predicted(case, fitted):
    predicted = fitted.predict(case.X)
    assert list(predicted) == list(case.y)
    scores = fitted.score_tasks(case.X, case.y)
    assert all(np.isfinite(score) for score in scores.values())
    assert fitted.score(case.X, case.y) == pytest.approx(np.mean(list(scores.values())))
    assert fitted.transform(case.X).shape == (len(case.X), len(fitted.get_feature_names_out()))


def test_permuted_rows_have_permuted_predictions(case, fitted):
    order = np.random.default_rng(0).permutation(len(case.y))
    assert_alike(fitted.predict(case.X[order]), fitted.predict(case.X)[order])


def test_a_row_alone_is_predicted_as_among_others(case, fitted):
    together = fitted.predict(case.X)
    for row in (0, 5, 11):
        assert_alike(fitted.predict(case.X[[row]]), together[[row]])


def test_tasks_are_predicted_alone(case, fitted):
    whole = fitted.predict(case.X)
    for name in case.y:
        assert_alike(fitted.predict(case.X, tasks=[name]), {name: whole[name]})


def test_the_same_seed_gives_the_same_model(case, fitted):
    assert_same(case.net().fit(case.X, case.y).predict(case.X), fitted.predict(case.X))
    np.testing.assert_array_equal(case.net().fit(case.X, case.y).transform(case.X), fitted.transform(case.X))


def test_saved_and_loaded_it_predicts_the_same(case, fitted):
    file = io.BytesIO()
    joblib.dump(fitted, file)
    file.seek(0)
    loaded = joblib.load(file)
    assert_same(loaded.predict(case.X), fitted.predict(case.X))
    np.testing.assert_array_equal(loaded.transform(case.X), fitted.transform(case.X))


def test_missing_labels(case):
    y = {name: values.astype(object) for name, values in case.y.items()}
    for start, values in enumerate(y.values()):
        for row in range(start, len(values), 3):
            values[row] = None if values.ndim == 1 else -1
    known = {name: task for name, task in case.net().fit(case.X, case.y).tasks_.items()}
    net = case.net(tasks={name: clone(task) for name, task in known.items()}, early_stopping=True)
    net.fit(case.X, Targets(y))
    assert np.isfinite(net.history_.filter(like="train_loss")).all(axis=None)
    assert all(np.isfinite(score) for score in net.score_tasks(case.X, case.y).values())


# classes of two rows lack in the training rows of a fold: metrics of their probabilities are NaN, others are not
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
@pytest.mark.filterwarnings("ignore:some metrics are not defined:sklearn.exceptions.UndefinedMetricWarning")
def test_through_a_pipeline_and_a_grid_of_task_weights_in_two_processes(case):
    first = next(iter(case.y))
    pipeline = make_pipeline(FunctionTransformer(), case.net(max_epochs=1))
    grid = {f"multitasknetestimator__task_weights__{first}": [0.5, 1.0]}
    search = GridSearchCV(
        pipeline, grid, cv=KFold(2), scoring=multitask_scorer, refit="score", n_jobs=2, error_score="raise"
    )
    search.fit(case.X, case.y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert list(search.predict(case.X)) == list(case.y)


def test_our_search_gives_what_that_of_scikit_learn_gives(case):
    first = next(iter(case.y))
    grid = {"task_weights": [{first: 0.5}, {first: 2.0}]}
    net = case.net(max_epochs=1, dtype="float64")
    ours, theirs = (
        search(net, grid, cv=KFold(2)).fit(case.X, case.y).cv_results_["mean_test_score"]
        for search in (TaskWeightSearchCV, GridSearchCV)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_predictions_of_folds_come_together_in_order(case):
    predicted = cross_val_predict(case.net(max_epochs=1), case.X, case.y, cv=KFold(3))
    assert list(predicted) == list(case.y)
    assert len(predicted) == len(case.y)


def test_training_goes_on(case):
    net = case.net(warm_start=True).fit(case.X, case.y)
    before = len(net.history_)
    assert len(net.fit(case.X, case.y).history_) == before + 3
    batches = case.net().partial_fit(case.X, case.y).partial_fit(case.X, case.y)
    assert len(batches.history_) == 2


def test_members_of_an_ensemble_are_stacked_or_trained_one_by_one(case):
    ensemble = case.net(n_members=2).fit(case.X, case.y)
    assert list(ensemble.predict(case.X)) == list(case.y)
    assert ensemble.net_.blueprint.one_by_one == (case.alone is not None)
