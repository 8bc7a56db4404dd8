"""The searches compared with scikit-learn's, and their additional features."""

import functools

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetRegressor, Targets
from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.model_selection import (
    TaskWeightRandomSearchCV,
    TaskWeightSearchCV,
    task_weight_simplex,
)

from .._helpers import assert_same, assert_same_model, inputs, mixed_targets, net

# bit for bit, which stacked fits are only up to rounding
grid_search = functools.partial(TaskWeightSearchCV, stacked=False)
random_search = functools.partial(TaskWeightRandomSearchCV, stacked=False)

X = inputs(60)
Y = mixed_targets(X, missing=0.1)
CV = KFold(3)
GRID = {"task_weights__mass": [0.1, 2.0], "task_weights__sick": [0, 1.0]}
TASKS = list(Y)


def in_pipeline():
    return make_pipeline(StandardScaler(), net())


def prefixed(grid):
    return {f"multitasknetestimator__{name}": values for name, values in grid.items()}


def scores_of(search):
    """Return the score columns of scikit-learn's search."""
    return {
        name: values
        for name, values in search.cv_results_.items()
        if "_test_tasks_" not in name and not name.endswith("_time")
    }


def assert_same_search(search, expected):
    ours, theirs = scores_of(search), scores_of(expected)
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        if name == "params":
            assert ours[name] == values
        else:
            np.testing.assert_array_equal(np.asarray(ours[name]), np.asarray(values), err_msg=name, strict=True)
    for name in ("best_index_", "best_score_", "best_params_", "multimetric_", "n_splits_"):
        assert getattr(search, name, None) == getattr(expected, name, None), name
    assert hasattr(search, "best_estimator_") == hasattr(expected, "best_estimator_")


SCORINGS = {
    "default": {},
    "train scores": {"return_train_score": True},
    "multitask_scorer": {"scoring": multitask_scorer, "refit": "mass_r2"},
    "a function": {"scoring": lambda estimator, X, y: estimator.score_tasks(X, y)["sick"]},
    "no refit": {"refit": False},
    "chosen refit": {"refit": lambda results: 1},
    "several without refit": {"scoring": multitask_scorer, "refit": False},
}


@pytest.mark.parametrize("options", SCORINGS.values(), ids=SCORINGS)
def test_search_is_scikit_learns(options):
    search = grid_search(net(), GRID, cv=CV, **options).fit(X, Y)
    expected = GridSearchCV(net(), GRID, cv=CV, **options).fit(X, Y)
    assert isinstance(search, GridSearchCV)
    assert_same_search(search, expected)
    if hasattr(expected, "best_estimator_"):
        assert_same_model(search.best_estimator_, expected.best_estimator_)
        assert_same(search.predict(X), expected.predict(X))
        assert search.score(X, Y) == expected.score(X, Y)
        assert search.n_features_in_ == expected.n_features_in_


@pytest.mark.parametrize(
    "options",
    [
        {"scoring": "r2"},
        {"scoring": ["r2", "neg_mean_absolute_error"], "refit": "r2"},
        {"scoring": {"a": "r2", "b": "neg_mean_squared_error"}, "refit": "b", "return_train_score": True},
    ],
)
def test_scorers_by_name(options):
    y = pd.DataFrame(Y["size"], columns=["length", "width"]).fillna(0.0)
    regressor = MultiTaskNetRegressor(max_epochs=3, random_state=0, n_members=1)
    grid = {"task_weights__length": [0.1, 1.0]}
    search = grid_search(regressor, grid, cv=CV, **options).fit(X, y)
    expected = GridSearchCV(regressor, grid, cv=CV, **options).fit(X, y)
    assert_same_search(search, expected)
    assert search.scorer_.keys() == expected.scorer_.keys() if search.multimetric_ else True
    assert search.score(X, y) == expected.score(X, y)
    assert search.task_names_ == ["length", "width"]


def test_random_search_is_scikit_learns():
    distributions = {"task_weights": task_weight_simplex(TASKS), "learning_rate": [1e-3, 1e-2]}
    options = {"n_iter": 4, "cv": CV, "random_state": 3}
    search = random_search(net(), distributions, **options).fit(X, Y)
    assert isinstance(search, RandomizedSearchCV)
    assert_same_search(search, RandomizedSearchCV(net(), distributions, **options).fit(X, Y))


def test_pipelines_are_searched_by_name():
    search = grid_search(in_pipeline(), prefixed(GRID), cv=CV).fit(X, Y)
    expected = GridSearchCV(in_pipeline(), prefixed(GRID), cv=CV).fit(X, Y)
    assert_same_search(search, expected)
    assert_same_model(search.best_estimator_[-1], expected.best_estimator_[-1])
    tasks = search.best_estimator_[-1].score_tasks(search.best_estimator_[0].transform(X), Y)
    assert list(tasks) == search.task_names_


def test_feature_names_reach_the_search():
    frame = pd.DataFrame(X, columns=list("abcd"))
    search = grid_search(net(), GRID, cv=CV).fit(frame, Y)
    assert search.feature_names_in_.tolist() == list("abcd")


def test_estimator_is_left_as_it_was():
    estimator = net(task_weights={"mass": 1.0})
    search = grid_search(estimator, GRID, cv=CV).fit(X, Y)
    assert search.estimator is estimator
    assert not hasattr(estimator, "net_")
    assert estimator.task_weights == {"mass": 1.0}
    assert type(search.best_estimator_) is type(estimator)
    assert clone(search).get_params(deep=False).keys() == search.get_params(deep=False).keys()


def test_a_dict_of_targets_is_searched():
    search = grid_search(net(), GRID, cv=CV).fit(X, dict(Y))
    assert_same_search(search, grid_search(net(), GRID, cv=CV).fit(X, Y))
    search.select(X, dict(Y), maximize="mass")


def test_failed_search_leaves_the_fitted_one():
    search = grid_search(net(), GRID, cv=CV).fit(X, Y)
    before = dict(vars(search))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        search.fit(X[:-1], Y)
    assert vars(search) == before


@pytest.mark.parametrize("estimator", [Ridge(), make_pipeline(StandardScaler(), Ridge())])
def test_other_estimators_are_refused(estimator):
    with pytest.raises(TypeError, match="MultiTaskNetEstimator.*got Ridge"):  # noqa: RUF043
        grid_search(estimator, {}).fit(X, Y["mass"])


# -- scores of the tasks


@pytest.mark.parametrize("scoring", [None, multitask_scorer])
def test_scores_of_every_task_are_recorded(scoring):
    search = grid_search(net(), GRID, cv=CV, scoring=scoring, refit="score").fit(X, Y)
    assert search.task_names_ == TASKS
    for candidate, params in enumerate(search.cv_results_["params"]):
        for fold, (train, test) in enumerate(CV.split(X)):
            expected = net().set_params(**params).fit(X[train], Y[train]).score_tasks(X[test], Y[test])
            for name, score in expected.items():
                assert search.cv_results_[f"split{fold}_test_tasks_{name}"][candidate] == score
    folds = np.array([search.cv_results_[f"split{fold}_test_tasks_mass"] for fold in range(3)])
    np.testing.assert_allclose(search.cv_results_["mean_test_tasks_mass"], folds.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(search.cv_results_["std_test_tasks_mass"], folds.std(axis=0), rtol=1e-14)
    assert not any(name.startswith("rank_test_tasks") for name in search.cv_results_)


def test_fold_without_labels_of_a_task_is_left_out_of_its_mean():
    mass = Y["mass"].copy()
    mass[:20] = np.nan
    search = grid_search(net(), GRID, cv=CV).fit(X, Targets({**Y, "mass": mass}))
    assert np.isnan(search.cv_results_["split0_test_tasks_mass"]).all()
    folds = [search.cv_results_[f"split{fold}_test_tasks_mass"] for fold in (1, 2)]
    np.testing.assert_allclose(search.cv_results_["mean_test_tasks_mass"], np.mean(folds, axis=0), rtol=1e-14)
    assert len(search.pareto_front_["index"])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
@pytest.mark.parametrize("error_score", [np.nan, -5.0])
@pytest.mark.parametrize("options", [{}, {"scoring": multitask_scorer, "refit": "score"}], ids=["one", "several"])
def test_diverging_candidate_fails_as_in_scikit_learn(error_score, options):
    grid = {"learning_rate": [1e-3, 1e30]}
    options = {"cv": CV, "error_score": error_score, **options}
    search = grid_search(net(), grid, **options).fit(X, Y)
    assert_same_search(search, GridSearchCV(net(), grid, **options).fit(X, Y))
    assert np.isnan(search.cv_results_["mean_test_tasks_mass"]).tolist() == [False, True]
    assert search.pareto_front_["index"].tolist() == [0]


def test_error_is_raised_if_asked_for():
    with pytest.raises(ArithmeticError):
        grid_search(net(), {"learning_rate": [1e30]}, cv=CV, error_score="raise").fit(X, Y)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"scoring": multitask_scorer, "refit": "score"}], ids=["one", "several"])
def test_search_in_two_processes_is_that_in_one(options):
    one = grid_search(net(), GRID, cv=CV, **options).fit(X, Y)
    two = grid_search(net(), GRID, cv=CV, n_jobs=2, **options).fit(X, Y)
    assert_same_search(two, one)
    for name in (name for name in one.cv_results_ if "_test_tasks_" in name):
        np.testing.assert_array_equal(two.cv_results_[name], one.cv_results_[name])
    assert_same_model(two.best_estimator_, one.best_estimator_)


# -- metadata and callbacks


def test_weights_and_groups_are_passed_on():
    params = {"sample_weight": np.linspace(0.5, 2.0, len(X)), "groups": np.arange(len(X)) // 10}
    search = grid_search(net(), GRID, cv=GroupKFold(3)).fit(X, Y, **params)
    assert_same_search(search, GridSearchCV(net(), GRID, cv=GroupKFold(3)).fit(X, Y, **params))


def test_metadata_is_routed(enable_metadata_routing):
    estimator = net().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    weight = np.linspace(0.5, 2.0, len(X))
    search = grid_search(estimator, GRID, cv=CV).fit(X, Y, sample_weight=weight)
    assert_same_search(search, GridSearchCV(estimator, GRID, cv=CV).fit(X, Y, sample_weight=weight))
    test = next(CV.split(X))[1]
    best = net().set_params(**search.best_params_)
    train = np.setdiff1d(np.arange(len(X)), test)
    best.fit(X[train], Y[train], sample_weight=weight[train])
    expected = best.score_tasks(X[test], Y[test], sample_weight=weight[test])["mass"]
    assert search.cv_results_["split0_test_tasks_mass"][search.best_index_] == expected
    chosen = search.select(X, Y, maximize="mass", sample_weight=weight)
    assert_same_model(chosen, clone(chosen).fit(X, Y, sample_weight=weight))


@pytest.fixture
def enable_metadata_routing():
    from sklearn import config_context

    with config_context(enable_metadata_routing=True):
        yield


class Count:
    """A callback of scikit-learn that counts the tasks of a fit by name."""

    max_propagation_depth = None

    def __init__(self):
        self.ended = []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.ended.append((type(estimator).__name__, context.task_name))

    def teardown(self, estimator, context):
        pass


@pytest.mark.parametrize("estimator", [net(), in_pipeline()], ids=["network", "pipeline"])
def test_callbacks_are_those_of_scikit_learns_search(estimator):
    grid = GRID if hasattr(estimator, "task_weights") else prefixed(GRID)
    ours, theirs = Count(), Count()
    grid_search(estimator, grid, cv=CV).set_callbacks(ours).fit(X, Y)
    GridSearchCV(estimator, grid, cv=CV).set_callbacks(theirs).fit(X, Y)
    renamed = [("TaskWeightSearchCV" if name == "GridSearchCV" else name, task) for name, task in theirs.ended]
    assert ours.ended == renamed
    assert any(task == "fit" and name != "TaskWeightSearchCV" for name, task in ours.ended)
