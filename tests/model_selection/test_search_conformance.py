"""Each scenario is run by scikit-learn's search and by ours, in every way that ours has to train."""

import functools
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.exceptions import TaskTypeWarning
from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.model_selection import TaskWeightRandomSearchCV, TaskWeightSearchCV

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
NUMBERS = np.column_stack([X[:, 0] + X[:, 1], X[:, 2]])
LABELS = np.array(["a", "b"])[(X[:, 0] > 0).astype(int)]
GRID = {"learning_rate": [0.01, 0.02]}
WAYS = {"one by one": {"stacked": False}, "stacked": {"stacked": True}, "journal": {"stacked": False}}


# a single network, which can be stacked
SINGLE = {"n_members": 1, "max_epochs": 2, "random_state": 0, "early_stopping": False, "dtype": "float64"}


def regressor(**params):
    return MultiTaskNetRegressor(**SINGLE, **params)


def classifier():
    return MultiTaskNetClassifier(**SINGLE)


def always(value, estimator, X, y):
    return value


def always_fails(estimator, X, y):
    raise RuntimeError("this scorer fails")


def fails_for_one(estimator, X, y):
    if estimator.learning_rate == 0.01:
        raise RuntimeError("this scorer fails")
    return 1.0


def several(estimator, X, y):
    return {"a": float(estimator.predict(X).sum()), "b": -1.0}


def weighed(estimator, X, y, sample_weight=None):
    return -1.0 if sample_weight is None else float(sample_weight.sum())


def scenario(estimator=None, grid=GRID, y=NUMBERS, x=X, params=None, **options):
    return estimator or regressor(), grid, {"cv": 2, **options}, (x, y), params or {}


SCENARIOS = {
    "no candidates": scenario(grid=[]),
    "no values": scenario(grid={"learning_rate": []}),
    "a text for values": scenario(grid={"learning_rate": "abc"}),
    "one candidate": scenario(grid={}),
    "unknown parameter": scenario(grid={"depth": [1, 2]}),
    "one impossible value": scenario(grid={"learning_rate": [-1.0, 0.1]}),
    "impossible values": scenario(grid={"learning_rate": [-1.0, -2.0]}),
    "impossible value raises": scenario(grid={"learning_rate": [-1.0, 0.1]}, error_score="raise"),
    "two grids": scenario(grid=[{"learning_rate": [0.01]}, {"batch_size": [8, "auto"]}]),
    "no y": scenario(y=None),
    "other length": scenario(y=NUMBERS[:50]),
    "unknown fit parameter": scenario(params={"depth": 1}),
    "scorer fails": scenario(scoring=always_fails),
    "scorer raises": scenario(scoring=always_fails, error_score="raise"),
    "scorer fails for one": scenario(scoring=fails_for_one, return_train_score=True),
    "scorer gives text": scenario(scoring=functools.partial(always, "good")),
    "scorer gives NaN": scenario(scoring=functools.partial(always, np.nan)),
    "scorer gives an integer": scenario(scoring=functools.partial(always, 1)),
    "scorer gives float32": scenario(scoring=functools.partial(always, np.float32(0.5))),
    "scores by name": scenario(scoring=several, refit="a", return_train_score=True),
    "scores without refit": scenario(scoring=several, refit=False),
    "scores without a metric": scenario(scoring=several),
    "scores and another metric": scenario(scoring=several, refit="c"),
    "names": scenario(scoring=["r2", "neg_mean_squared_error"], refit="r2"),
    "one of two fails": scenario(scoring={"r2": "r2", "own": always_fails}, refit="r2"),
    "weights": scenario(scoring=weighed, params={"sample_weight": np.linspace(0.5, 2, 60)}),
    "weights and no scorer": scenario(params={"sample_weight": np.linspace(0.5, 2, 60)}),
    "refit=False": scenario(refit=False),
    "refit chooses": scenario(refit=lambda results: 1),
    "refit chooses nothing": scenario(refit=lambda results: 5),
    "splits": scenario(cv=list(KFold(3).split(X))),
    "groups": scenario(cv=GroupKFold(3), params={"groups": np.arange(60) // 6}),
    "groups are lacking": scenario(cv=GroupKFold(3)),
    "classes": scenario(classifier(), y=LABELS),
    "classes by probability": scenario(classifier(), y=LABELS, scoring="neg_log_loss"),
    "lists": scenario(x=X.tolist(), y=NUMBERS.tolist()),
    "frames": scenario(x=pd.DataFrame(X, columns=list("abcd")), y=pd.DataFrame(NUMBERS, columns=["u", "v"])),
    "pipeline": scenario(
        make_pipeline(StandardScaler(), regressor()), {"multitasknetregressor__learning_rate": [0.01, 0.02]}
    ),
    "estimators": scenario(
        make_pipeline(StandardScaler(), regressor()),
        {"multitasknetregressor": [regressor(), regressor(batch_size=8)]},
    ),
}


def outcome(kind, case, **more):
    """Fit a search; give it, or the error, and the first lines of all warnings."""
    estimator, grid, options, data, params = case
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            result = kind(clone(estimator), grid, **options, **more).fit(*data, **params)
        except Exception as error:
            result = error
    return result, [str(warning.message).splitlines()[0][:40] for warning in seen]


def look(search, name):
    try:
        value = getattr(search, name)
        return np.asarray(value(X)) if callable(value) else value
    except Exception as error:
        return type(error), str(error).replace(type(search).__name__, "GridSearchCV")


@pytest.mark.parametrize(("way", "is_stacked"), [("one by one", []), ("stacked", [True]), ("journal", [])])
def test_ways_to_train_are_different_ones(way, is_stacked):
    search = search_of(way).fit(X, NUMBERS)
    assert [entry["stacked"] for entry in search.stack_report_] == is_stacked


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", SCENARIOS.values(), ids=SCENARIOS)
def test_what_happens_is_what_happens_in_scikit_learn(case, way, tmp_path):
    more = WAYS[way]
    if way == "journal":
        more = more | {"journal": tmp_path}
    expected, told = outcome(GridSearchCV, case)
    search, ours = outcome(TaskWeightSearchCV, case, **more)
    assert ours == told
    if isinstance(expected, Exception):
        assert type(search) is type(expected)
        assert str(search)[:150] == str(expected)[:150]
        return
    assert isinstance(search, TaskWeightSearchCV), search
    assert_same_results(search.cv_results_, expected.cv_results_)
    names = {name for name in vars(search) if name not in ("stacked", "max_members", "journal")}
    assert names == {*vars(expected), "task_names_", "stack_report_"}
    for name in ("predict", "predict_proba", "transform", "inverse_transform", "decision_function"):
        assert_alike(look(search, name), look(expected, name))
    for name in ("best_index_", "best_params_", "n_features_in_", "feature_names_in_", "classes_", "n_splits_"):
        assert repr(look(search, name)) == repr(look(expected, name)), name
    assert (is_classifier(search), is_regressor(search)) == (is_classifier(expected), is_regressor(expected))
    assert "best_params_" in dir(search) or not hasattr(expected, "best_params_")
    assert type(search).__name__ in search._repr_html_()


def assert_same_results(ours, theirs):
    ours, theirs = (
        {name: values for name, values in results.items() if "_test_tasks_" not in name}
        for results in (ours, theirs)
    )
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        if name == "params" or values.dtype == object:
            assert repr(ours[name]) == repr(values)
        elif not name.endswith("_time"):
            np.testing.assert_allclose(ours[name], values, rtol=1e-6, atol=1e-9, err_msg=name)


def assert_alike(ours, theirs):
    if not isinstance(theirs, np.ndarray):
        assert ours == theirs
    elif theirs.dtype.kind == "f":
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
    else:
        assert ours.tolist() == theirs.tolist()


def search_of(way, **options):
    return TaskWeightSearchCV(regressor(), GRID, cv=2, **{**WAYS[way], **options})


@pytest.mark.parametrize("way", ["one by one", "stacked"])
def test_a_second_fit_leaves_nothing_of_the_first(way):
    frame = pd.DataFrame(X, columns=list("abcd"))
    search = search_of(way).fit(frame, NUMBERS)
    search.set_params(estimator=classifier(), refit=False).fit(X[:40], LABELS[:40])
    fresh = TaskWeightSearchCV(classifier(), GRID, cv=2, refit=False, **WAYS[way]).fit(X[:40], LABELS[:40])
    assert vars(search).keys() == vars(fresh).keys()
    assert not {"best_estimator_", "feature_names_in_", "refit_time_"} & vars(search).keys()
    assert search.task_names_ == ["y"]
    assert_same_results(search.cv_results_, fresh.cv_results_)


def test_a_search_that_failed_is_what_it_was():
    search = search_of("stacked").fit(X, NUMBERS)
    before = dict(vars(search))
    search.set_params(param_grid={"depth": [1]})
    with pytest.raises(ValueError, match="depth"):
        search.fit(X, NUMBERS)
    assert vars(search) == before | {"param_grid": {"depth": [1]}}


class Recorder:
    """A callback that keeps which search its hooks got, and what could be seen of it."""

    def __init__(self):
        self.searches, self.estimators, self.at_the_end = [], set(), None

    def setup(self, estimator, context):
        self.searches.append(estimator)
        self.estimators.add(type(estimator.estimator))

    def on_fit_task_end(self, estimator, context):
        self.setup(estimator, context)
        if context.parent is None:
            self.at_the_end = estimator.best_estimator_, estimator.n_jobs, estimator.cv

    on_fit_task_begin = teardown = setup


@pytest.mark.parametrize("way", ["one by one", "stacked"])
def test_hooks_get_the_search_with_its_own_parameters(way):
    recorder = Recorder()
    search = search_of(way).set_callbacks(recorder)
    search.fit(X, NUMBERS)
    assert all(given is search for given in recorder.searches)
    assert recorder.estimators == {MultiTaskNetRegressor}
    assert recorder.at_the_end == (search.best_estimator_, None, 2)
    theirs = Recorder()
    GridSearchCV(regressor(), GRID, cv=2).set_callbacks(theirs).fit(X, NUMBERS)
    assert len(recorder.searches) == len(theirs.searches)


class Forgetful(MultiTaskNetRegressor):
    def fit(self, X, y=None, **params):
        super().fit(X, y, **params)


@pytest.mark.parametrize("way", ["one by one", "stacked"])
def test_what_fit_returns_does_not_matter(way):
    search = TaskWeightSearchCV(Forgetful(**SINGLE), GRID, cv=2, **WAYS[way]).fit(X, NUMBERS)
    assert type(search.best_estimator_) is Forgetful
    assert_same_results(search.cv_results_, search_of(way).fit(X, NUMBERS).cv_results_)


class Shifted(MultiTaskNetRegressor):
    """Its fit does more than that of the class above."""

    def fit(self, X, y=None, **params):
        return super().fit(X, y + 5.0, **params)


def test_a_fit_of_its_own_is_used_though_it_cannot_be_stacked():
    estimator = Shifted(**SINGLE)
    search = TaskWeightSearchCV(estimator, GRID, cv=2, stacked=True).fit(X, NUMBERS)
    assert [entry["reason"] for entry in search.stack_report_] == ["its class overrides fit"]
    assert_same_results(search.cv_results_, GridSearchCV(estimator, GRID, cv=2).fit(X, NUMBERS).cv_results_)


@pytest.mark.parametrize("way", ["one by one", "stacked"])
@pytest.mark.parametrize("state", ["unfitted", "failed", "refit=False", "fitted"])
def test_a_search_can_be_looked_at_in_every_state(state, way):
    search = search_of(way, refit=state != "refit=False", scoring=always_fails if state == "failed" else None)
    if state != "unfitted":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of scores that are NaN
            search.fit(X, NUMBERS)
    assert "choose" in dir(search)
    assert "TaskWeightSearchCV" in search._repr_html_()
    assert "TaskWeightSearchCV" in repr(search)
    assert repr(pickle.loads(pickle.dumps(search))) == repr(search)
    assert clone(search).get_params()["cv"] == 2
    if state in ("unfitted", "refit=False"):
        with pytest.raises((NotFittedError, AttributeError)):
            search.predict(X)
    if state == "failed":
        assert search.task_names_ == search.pareto_front_["params"] == []
        with pytest.raises(ValueError, match="no candidate has a score for every task"):
            search.choose()


@pytest.mark.parametrize("stacked", [False, True])
def test_a_generator_of_random_numbers_is_drawn_from_as_in_scikit_learn(stacked):
    distributions = {"learning_rate": [0.01, 0.02, 0.03, 0.04], "weight_decay": [0.0, 0.1]}
    generators = np.random.RandomState(3), np.random.RandomState(3)
    options = {"n_iter": 3, "cv": 2, "refit": False}
    ours = TaskWeightRandomSearchCV(
        regressor(), distributions, random_state=generators[0], stacked=stacked, **options
    ).fit(X, NUMBERS)
    theirs = RandomizedSearchCV(regressor(), distributions, random_state=generators[1], **options).fit(X, NUMBERS)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert generators[0].randint(1000) == generators[1].randint(1000)
    assert ours.random_state is generators[0]


def test_dicts_of_inputs_and_targets_are_searched():
    inputs, y = {"left": X[:, :2], "right": X[:, 2:]}, {"u": NUMBERS[:, 0], "v": NUMBERS[:, 1]}
    found = TaskWeightSearchCV(regressor(), GRID, cv=2).fit(inputs, y)
    expected = GridSearchCV(regressor(), GRID, cv=2).fit(Targets(inputs), Targets(y))
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-6
    )


def test_a_metric_with_the_name_of_the_score_of_a_task_is_refused():
    scoring = {"tasks_u": "r2", "other": "r2"}
    search = TaskWeightSearchCV(regressor(), GRID, cv=2, scoring=scoring, refit="other")
    with pytest.raises(ValueError, match="'mean_test_tasks_u' of cv_results_ would be that of a metric"):
        search.fit(X, pd.DataFrame(NUMBERS, columns=["u", "v"]))


def test_all_metrics_of_tasks_are_found_in_the_results():
    search = TaskWeightSearchCV(regressor(), GRID, cv=2, scoring=multitask_scorer, refit="u_r2")
    search.fit(X, pd.DataFrame(NUMBERS, columns=["u", "v"]))
    assert search.cv_results_["mean_test_u_r2"].tolist() == search.cv_results_["mean_test_tasks_u"].tolist()


# -- the type of a task is guessed once, from all rows


def scores_kinds(kinds, estimator, X, y):
    net = estimator[-1] if hasattr(estimator, "steps") else estimator
    kinds.append({name: type(task).__name__ for name, task in net.tasks_.items()})
    return 0.0


@pytest.mark.parametrize("way", ["one by one", "stacked"])
@pytest.mark.parametrize("container", ["array", "matrix", "frame", "dict", "targets", "pipeline"])
def test_all_folds_train_the_type_of_the_whole(container, way):
    # only the last fold has the 21st value
    whole = np.append(np.arange(59) % 20, 20)
    y = {
        "array": whole,
        "matrix": np.column_stack([whole, whole]),
        "frame": pd.DataFrame({"a": whole, "b": whole % 3}),
        "dict": {"a": whole, "b": whole % 3},
        "targets": Targets(a=whole, b=whole % 3),
        "pipeline": pd.DataFrame({"a": whole, "b": X[:, 1]}),
    }[container]
    net, kinds = MultiTaskNetEstimator(max_epochs=1, random_state=0, n_members=1), []
    if container == "pipeline":
        net = make_pipeline(StandardScaler(), net)
    grid = {("multitasknetestimator__" if container == "pipeline" else "") + "learning_rate": [0.01, 0.02]}
    search = TaskWeightSearchCV(
        net, grid, cv=KFold(4), scoring=functools.partial(scores_kinds, kinds), refit=False, **WAYS[way]
    )
    with pytest.warns(TaskTypeWarning, match="integers with more than 20") as said:
        search.fit(X, y)
    assert len(said) == 1
    assert len(kinds) == 8
    assert all(kind == kinds[0] for kind in kinds)
    assert next(iter(kinds[0].values())) == "Regression"
    if container in ("frame", "dict", "targets"):
        assert kinds[0]["b"] == "Classification"


def test_what_is_stated_or_given_a_parameter_stays():
    y = pd.DataFrame({"a": np.arange(60) % 5, "b": X[:, 1]})
    net = MultiTaskNetEstimator({"a": "regression"}, max_epochs=1, random_state=0)
    search = TaskWeightSearchCV(net, {"tasks__b__loss": ["huber", "absolute_error"]}, cv=2).fit(X, y)
    assert search.best_estimator_.tasks_["a"].kind == "regression"
    assert search.best_estimator_.tasks_["b"].loss == search.best_params_["tasks__b__loss"]
    assert search.estimator.tasks == {"a": "regression"}
