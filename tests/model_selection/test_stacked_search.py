"""A search with stacked training has the same scores as scikit-learn's search."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ParameterGrid,
    RandomizedSearchCV,
    ShuffleSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch.callbacks import Callback

from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator, Targets
from sklearn_mtl.metrics import make_multitask_scorer, multitask_scorer
from sklearn_mtl.model_selection import TaskWeightRandomSearchCV, TaskWeightSearchCV, task_weight_simplex
from sklearn_mtl.model_selection import _stack as stack
from sklearn_mtl.tasks import Classification
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, inputs, mixed_targets
from ..config.test_fit_config import OTHER
from ..model.test_vmapped import Foreign

FOLDER = os.environ.get("SKLEARN_MTL_DATA")
ROWS = 97  # folds of 33, 32 and 32 rows
X = inputs(ROWS)
Y = mixed_targets(X, missing=0.15)
CV = KFold(3)
WEIGHTS = {"task_weights__mass": [0.2, 3.0], "task_weights__sick": [0.5, 1.0]}
BATCH, EPOCHS, FRACTION = 8, 30, 0.2


def net(**params):
    """Make a network that takes more than 200 steps, with dropout, and restores its best epoch."""
    defaults = {
        "trunk": MLP(hidden_sizes=(10, 6), dropout=0.2, scaling="standard"),
        "dtype": "float64",
        "batch_size": BATCH,
        "max_epochs": EPOCHS,
        "early_stopping": EarlyStopping(True, n_iter_no_change=EPOCHS),
        "validation": FRACTION,
        "learning_rate": 5e-3,
        "random_state": 0,
    }
    return MultiTaskNetEstimator(**{**defaults, **params})


def short(**params):
    """Make a network for tests that do not depend on the length of the training."""
    return net(**{"batch_size": 16, "max_epochs": 4, **params})


def columns(search):
    return {name for name in search.cv_results_ if "_test_tasks_" not in name and not name.endswith("_time")}


def assert_same_scores(search, expected):
    """Compare all results of scikit-learn's search: parameters, scores of the folds, moments, ranks, the best."""
    assert columns(search) == columns(expected)
    for name in sorted(columns(expected)):
        ours, theirs = search.cv_results_[name], expected.cv_results_[name]
        if name.startswith("param"):
            assert list(map(repr, ours)) == list(map(repr, theirs)), name
        else:
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8, err_msg=name)
    assert hasattr(search, "best_index_") == hasattr(expected, "best_index_")
    if hasattr(expected, "best_index_"):
        assert search.best_index_ == expected.best_index_
        assert repr(search.best_params_) == repr(expected.best_params_)
        np.testing.assert_allclose(search.best_score_, expected.best_score_, rtol=0, atol=1e-8)


def stacked_fits(search):
    return sum(entry["n_fits"] for entry in search.stack_report_ if entry["stacked"])


def reasons(search):
    return [entry["reason"] for entry in search.stack_report_]


def both(estimator, grid, X=X, y=Y, fit_params=None, **options):
    """Search with stacked training and with scikit-learn; assert that all results are equal."""
    options = {"cv": CV, "refit": False, **options}
    fit_params = fit_params or {}
    search = TaskWeightSearchCV(estimator, grid, stacked=True, **options).fit(X, y, **fit_params)
    expected = GridSearchCV(estimator, grid, **options).fit(X, y, **fit_params)
    assert_same_scores(search, expected)
    return search


def all_fits(search):
    return len(search.cv_results_["params"]) * search.n_splits_


# -- the same scores, after more than 200 steps


@pytest.mark.slow
@pytest.mark.parametrize(
    "grid",
    [
        {"learning_rate": [1e-3, 2e-2], "task_weights__mass": [0.2, 3.0]},
        {"early_stopping__n_iter_no_change": [2, EPOCHS]},
        [{"trunk__dropout": [0.1], "weight_decay": [0.0]}, {"trunk__dropout": [0.6], "weight_decay": [0.3]}],
        [{"task_weights__mass": [0.2]}, {"learning_rate": [2e-2], "optimizer__clip_norm": [None, 0.5]}],
    ],
    ids=["rates and weights", "patience", "dropout and decay", "list of grids"],
)
def test_scores_are_those_of_scikit_learns_search(grid):
    fewest = min(len(train) for train, _ in CV.split(X))
    assert -(-round(fewest * (1 - FRACTION)) // BATCH) * EPOCHS >= 200
    search = both(net(), grid)
    assert stacked_fits(search) == all_fits(search)
    assert len(search.stack_report_) == 2  # the folds differ by a row
    assert reasons(search) == [None, None]


@pytest.mark.slow
# float32 has fewer digits than the comparison
@pytest.mark.parametrize("name", sorted({*OTHER} - {"dtype"}))
def test_every_parameter_is_a_candidate_with_the_scores_of_scikit_learns_search(name, tmp_path):
    starts = {"early_stopping": {"early_stopping": False}, "ensemble": {"n_members": 2}}
    estimator = short(**starts.get(name, {}))
    of_two_tasks = {"auxiliary": ["1"], "label_inputs": True}
    value = tmp_path if name == "checkpoint" else of_two_tasks.get(name, OTHER[name])
    y = 100 + 20 * (X[:, :2] if name in of_two_tasks else X[:, 1])
    both(estimator, {name: [getattr(estimator, name), value]}, y=y)


def test_several_metrics_and_refit():
    options = {"scoring": multitask_scorer, "return_train_score": True}
    search = both(net(), {"task_weights__mass": [0.2, 3.0]}, refit="mass_r2", **options)
    assert type(search.best_estimator_) is MultiTaskNetEstimator
    alone = net().set_params(**search.best_params_).fit(X, Y)
    assert_same(search.predict(X), alone.predict(X))


CHOSEN = {"sick": ["roc_auc", "average_precision"], "mass": "neg_median_absolute_error", "tags": "roc_auc"}


def test_chosen_metrics_have_the_values_of_scikit_learns_search():
    options = {"scoring": make_multitask_scorer(CHOSEN), "return_train_score": True}
    search = both(net(), {"task_weights__mass": [0.2, 3.0]}, refit="sick_roc_auc", **options)
    assert stacked_fits(search) == all_fits(search)
    # the first metric of a task is its score
    for task, name in (("sick", "roc_auc"), ("mass", "neg_median_absolute_error"), ("tags", "roc_auc")):
        for what in ("mean", "std"):
            columns = f"{what}_test_tasks_{task}", f"{what}_test_{task}_{name}"
            np.testing.assert_allclose(*(search.cv_results_[column] for column in columns))


@pytest.mark.parametrize("monitor", ["loss", "score"])
def test_metrics_of_candidates_stop_as_in_fits_alone(monitor):
    estimator = net(early_stopping=EarlyStopping(True, monitor, n_iter_no_change=2), learning_rate=0.05)
    metrics = [None, {"sick": "roc_auc"}, {"sick": "neg_log_loss", "mass": "neg_max_error"}]
    search = both(estimator, {"metrics": metrics})
    assert stacked_fits(search) == all_fits(search)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_an_unknown_metric_fails_its_candidate_only():
    grid = {"metrics": [{"sick": "roc_auc"}, {"mass": "roc_auc"}]}
    with pytest.warns(FitFailedWarning, match="it needs probabilities"):
        search = TaskWeightSearchCV(net(), grid, cv=CV, stacked=True, refit=False).fit(X, Y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]


@pytest.mark.slow
def test_weights_sampled_at_random():
    distributions = {"task_weights": task_weight_simplex(list(Y)), "learning_rate": [5e-3, 2e-2]}
    options = {"n_iter": 3, "cv": CV, "random_state": 3, "refit": False}
    search = TaskWeightRandomSearchCV(net(), distributions, stacked=True, **options).fit(X, Y)
    assert stacked_fits(search) == all_fits(search)
    assert search.random_state == 3
    assert_same_scores(search, RandomizedSearchCV(net(), distributions, **options).fit(X, Y))


# -- pipelines


class CountFits(TransformerMixin, BaseEstimator):
    """Passes rows on, and counts the fits of all its instances."""

    n_fits = 0

    def fit(self, X, y=None):
        type(self).n_fits += 1
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.mean_


def prefixed(grid):
    return {f"multitasknetestimator__{name}": values for name, values in grid.items()}


@pytest.mark.slow
def test_pipeline():
    search = both(make_pipeline(StandardScaler(), net()), prefixed({"task_weights__mass": [0.2, 3.0]}))
    assert stacked_fits(search) == all_fits(search)


def test_steps_before_the_last_are_fitted_once_per_fold():
    pipeline = make_pipeline(CountFits(), StandardScaler(), short())
    CountFits.n_fits = 0
    TaskWeightSearchCV(pipeline, prefixed(WEIGHTS), cv=CV, stacked=True, refit=False).fit(X, Y)
    assert CountFits.n_fits == 3
    TaskWeightSearchCV(pipeline, prefixed(WEIGHTS), cv=CV, stacked=True).fit(X, Y)
    assert CountFits.n_fits == 3 + 3 + 1  # and once for the best candidate on all rows


def test_parameters_of_the_steps_before_the_last():
    pipeline = make_pipeline(StandardScaler(), short(trunk=MLP(hidden_sizes=(10,))))
    grid = {**prefixed({"task_weights__mass": [0.2, 3.0]}), "standardscaler__with_std": [True, False]}
    search = both(pipeline, grid, X=X * [1.0, 20.0, 1.0, 0.1], refit=True)
    assert stacked_fits(search) == all_fits(search)
    assert search.best_estimator_[0].with_std == search.best_params_["standardscaler__with_std"]


def test_pipeline_inside_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), make_pipeline(CountFits(), short()))
    grid = {f"pipeline__multitasknetestimator__{name}": values for name, values in WEIGHTS.items()}
    CountFits.n_fits = 0
    search = both(pipeline, grid)
    assert stacked_fits(search) == all_fits(search)
    assert CountFits.n_fits == 3 + all_fits(search)  # of the search, and of scikit-learn's


# -- groups


def test_weight_zero_is_a_group_of_its_own():
    search = both(short(), {"task_weights__mass": [0, 0.5, 2.0], "task_weights__sick": [0.3, 1.0]})
    assert stacked_fits(search) == all_fits(search)
    # with and without the task, and folds of two sizes
    assert sorted(entry["n_fits"] for entry in search.stack_report_) == [2, 4, 4, 8]


def test_structures_are_groups_of_their_own():
    search = both(short(), {"trunk__hidden_sizes": [(6,), (8, 4)], "batch_size": [8, 16]})
    assert len(search.stack_report_) == 2 * 2 * 2
    assert stacked_fits(search) == all_fits(search)


def test_label_smoothing_of_a_task():
    estimator = short(tasks={"species": Classification(), "mass": "regression"})
    search = both(estimator, {"tasks__species__label_smoothing": [0.0, 0.1, 0.3]})
    assert stacked_fits(search) == all_fits(search)


@pytest.mark.parametrize("max_members", [1, 2, 5])
def test_most_members_of_a_stack(max_members):
    options = {"cv": CV, "stacked": True, "refit": False}
    free = TaskWeightSearchCV(short(), WEIGHTS, **options).fit(X, Y)
    bounded = TaskWeightSearchCV(short(), WEIGHTS, max_members=max_members, **options).fit(X, Y)
    assert_same_scores(bounded, free)
    assert [entry["n_stacks"] for entry in free.stack_report_] == [1, 1]
    expected = [-(-entry["n_fits"] // max_members) for entry in bounded.stack_report_]
    assert [entry["n_stacks"] for entry in bounded.stack_report_] == expected


def test_memory_bounds_a_stack(monkeypatch):
    expected = TaskWeightSearchCV(short(), WEIGHTS, cv=CV, stacked=True).fit(X, Y)
    monkeypatch.setattr(stack, "MEMORY", 1)
    search = TaskWeightSearchCV(short(), WEIGHTS, cv=CV, stacked=True).fit(X, Y)
    assert [entry["n_stacks"] for entry in search.stack_report_] == [4, 8]
    assert_same_scores(search, expected)


@pytest.mark.slow
def test_two_processes():
    options = {"cv": CV, "stacked": True, "scoring": multitask_scorer, "refit": "score"}
    one = TaskWeightSearchCV(short(), WEIGHTS, **options).fit(X, Y)
    two = TaskWeightSearchCV(short(), WEIGHTS, n_jobs=2, **options).fit(X, Y)
    assert_same_scores(two, one)
    assert two.n_jobs == 2
    assert stacked_fits(two) == all_fits(two)
    # fits that are not stacked are distributed to the processes too
    grid = [WEIGHTS, {"callbacks": [[Callback()]]}]
    assert_same_scores(
        TaskWeightSearchCV(short(), grid, n_jobs=2, **options).fit(X, Y),
        TaskWeightSearchCV(short(), grid, **options).fit(X, Y),
    )


# -- folds, weights of rows and seeds


def test_folds_without_a_seed_are_drawn_once():
    class Folds(ShuffleSplit):
        drawn = []

        def split(self, X, y=None, groups=None):
            for train, test in super().split(X, y, groups):
                self.drawn.append((train, test))
                yield train, test

    cv = Folds(3, test_size=0.3)
    search = TaskWeightSearchCV(short(), WEIGHTS, cv=cv, stacked=True, refit=False).fit(X, Y)
    assert search.cv is cv
    assert len(Folds.drawn) == 3
    assert stacked_fits(search) == all_fits(search)
    expected = GridSearchCV(short(), WEIGHTS, cv=list(Folds.drawn), refit=False).fit(X, Y)
    assert_same_scores(search, expected)


def test_groups_choose_the_folds():
    groups = np.arange(ROWS) % 7
    search = both(short(), WEIGHTS, cv=GroupKFold(3), fit_params={"groups": groups})
    assert stacked_fits(search) == all_fits(search)


@pytest.mark.parametrize("by_task", [False, True], ids=["rows", "rows by task"])
def test_weights_of_rows(by_task):
    weight = np.linspace(0.1, 2.0, ROWS)
    weights = pd.DataFrame(dict.fromkeys(Y, weight) | {"mass": weight[::-1]}) if by_task else weight
    search = both(short(), WEIGHTS, fit_params={"sample_weight": weights})
    assert stacked_fits(search) == all_fits(search)


def test_candidates_without_a_seed_are_drawn_once():
    distributions = {"task_weights": task_weight_simplex(list(Y))}
    options = {"n_iter": 3, "cv": CV, "stacked": True, "refit": False}
    search = TaskWeightRandomSearchCV(short(), distributions, **options).fit(X, Y)
    assert search.random_state is None
    assert stacked_fits(search) == all_fits(search) == 9
    grid = [{name: [value] for name, value in params.items()} for params in search.cv_results_["params"]]
    assert_same_scores(search, GridSearchCV(short(), grid, cv=CV, refit=False).fit(X, Y))


def test_candidates_from_a_generator_are_those_of_scikit_learns_search():
    distributions = {"learning_rate": loguniform(1e-3, 1e-2)}
    ours, theirs = np.random.RandomState(5), np.random.RandomState(5)
    options = {"n_iter": 3, "cv": CV, "refit": False}
    search = TaskWeightRandomSearchCV(short(), distributions, random_state=ours, stacked=True, **options)
    expected = RandomizedSearchCV(short(), distributions, random_state=theirs, **options).fit(X, Y)
    assert_same_scores(search.fit(X, Y), expected)
    assert search.random_state is ours
    assert stacked_fits(search) == all_fits(search)
    assert ours.randint(1000) == theirs.randint(1000)  # both generators have the same state


def test_fits_without_a_seed_are_stacked_under_seeds_of_their_own():
    estimator = short(random_state=None)
    grid = {"learning_rate": [5e-3] * 2}
    search = TaskWeightSearchCV(estimator, grid, cv=CV, stacked=True, refit=False).fit(X, Y)
    assert stacked_fits(search) == 6
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_seeds_as_candidates():
    search = both(short(), {"random_state": [0, 1], "task_weights__mass": [0.5, 2.0]})
    assert stacked_fits(search) == all_fits(search)


# -- candidates that fail


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
@pytest.mark.parametrize("options", [{}, {"scoring": multitask_scorer}], ids=["one", "several"])
@pytest.mark.parametrize("error_score", [np.nan, -7.0])
def test_diverging_candidate_leaves_the_others_unharmed(options, error_score):
    grid = {"learning_rate": [5e-3, 1e200, 1e-2]}
    search = both(short(), grid, error_score=error_score, **options)
    assert stacked_fits(search) == all_fits(search)
    failed = np.isnan(search.cv_results_["mean_test_tasks_mass"])
    assert failed.tolist() == [False, True, False]


def test_diverging_candidate_raises_if_asked_to():
    grid = {"learning_rate": [5e-3, 1e200]}
    with pytest.raises(ArithmeticError):
        TaskWeightSearchCV(short(), grid, cv=CV, stacked=True, error_score="raise").fit(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
def test_candidate_that_cannot_be_fitted_fails_in_the_search():
    search = both(short(), {"learning_rate": [5e-3, -1.0], "task_weights__mass": [0.5, 2.0]})
    assert stacked_fits(search) == 6
    (reason,) = [entry["reason"] for entry in search.stack_report_ if not entry["stacked"]]
    assert "learning_rate" in reason


# -- fits that are not stacked


class OwnTrunk(MLP):
    """A custom trunk with unknown modules."""

    not_stackable = "its modules are its own"


NOT_STACKED = {
    "callbacks": ({"callbacks": [Callback()]}, "callbacks"),
    "net_params": ({"net_params": {"optimizer__eps": 1e-7}}, "net_params"),
    "optimizer": ({"optimizer": torch.optim.RMSprop}, "optimizer"),
    "trunk": ({"trunk": OwnTrunk(hidden_sizes=(6,))}, "its modules are its own"),
    "random_state": ({"random_state": np.random.RandomState(0)}, "random_state"),
}


@pytest.mark.parametrize(("params", "reason"), NOT_STACKED.values(), ids=NOT_STACKED)
def test_what_cannot_be_stacked_goes_one_by_one(params, reason):
    search = both(short(**params), {"learning_rate": [5e-3, 1e-2]})
    (entry,) = search.stack_report_
    assert reason in entry["reason"]
    assert entry == {"n_fits": 6, "stacked": False, "reason": entry["reason"], "n_stacks": 0, "seconds": 0.0}


def test_what_cannot_be_pickled_goes_one_by_one():
    pipeline = make_pipeline(FunctionTransformer(lambda X: X - 1.0), short())
    search = both(pipeline, prefixed(WEIGHTS))
    (reason,) = reasons(search)
    assert "cannot be pickled" in reason
    passed_on, called = FunctionTransformer(), FunctionTransformer(lambda X: X - 1.0)
    pipeline = make_pipeline(passed_on, short(trunk=MLP(hidden_sizes=(6,))))
    search = both(pipeline, {"functiontransformer": [passed_on, called]})
    assert stacked_fits(search) == 3


class Counted(StandardScaler):
    """A scaler that counts its fits."""

    n_fits = 0

    def fit(self, X, y=None, sample_weight=None):
        Counted.n_fits += 1
        return super().fit(X, y, sample_weight)


def test_steps_before_fits_that_cannot_be_stacked_are_not_fitted_in_advance():
    Counted.n_fits = 0
    pipeline = make_pipeline(Counted(), short(n_members=2, max_epochs=1))
    search = TaskWeightSearchCV(pipeline, prefixed({"learning_rate": [5e-3, 1e-2]}), cv=CV, stacked=True).fit(X, Y)
    assert not stacked_fits(search)
    assert Counted.n_fits == 2 * 3 + 1


def test_sparse_inputs_go_one_by_one():
    search = both(short(trunk=MLP(hidden_sizes=(6,))), {"learning_rate": [5e-3, 1e-2]}, X=csr_matrix(X))
    assert reasons(search) == ["a sparse X is converted to dense tensors batch by batch"]


def test_some_are_stacked_and_some_are_not():
    search = both(short(), {"optimizer": ["adam", "sgd", torch.optim.RMSprop], "learning_rate": [1e-3, 5e-3]})
    assert stacked_fits(search) == 12
    assert [reason for reason in reasons(search) if reason] == ["only optimizers known by name are stacked"]


def test_nothing_is_stacked_if_not_asked_to():
    search = TaskWeightSearchCV(short(), WEIGHTS, cv=CV, stacked=False, refit=False).fit(X, Y)
    assert search.stack_report_ == []
    assert_same_scores(search, GridSearchCV(short(), WEIGHTS, cv=CV, refit=False).fit(X, Y))


@pytest.mark.parametrize("reason", [None, "one by one is faster: by far"])
def test_auto_times_what_vmap_makes_of_other_modules(monkeypatch, reason):
    timed = []

    def pays(members, *args, **kwargs):
        timed.append(len(members))
        return reason

    monkeypatch.setattr(stack, "stacking_pays", pays)
    foreign = short(trunk=Foreign((8,), scaling="standard"))
    search = TaskWeightSearchCV(foreign, WEIGHTS, cv=CV, refit=False).fit(X, Y)
    assert reasons(search) == [reason, reason]
    assert stacked_fits(search) == (all_fits(search) if reason is None else 0)
    assert timed
    assert_same_scores(search, GridSearchCV(foreign, WEIGHTS, cv=CV, refit=False).fit(X, Y))


@pytest.mark.parametrize("bytes_of_cache", [10 * 2**20, 60_000, 1])
def test_auto_stacks_as_many_members_as_stay_in_the_cache(monkeypatch, bytes_of_cache):
    monkeypatch.setattr(stack, "CACHE", bytes_of_cache)
    monkeypatch.setattr(stack, "stacking_pays", None)  # nothing is timed
    search = TaskWeightSearchCV(short(), WEIGHTS, cv=CV, refit=False).fit(X, Y)
    assert stacked_fits(search) == (0 if bytes_of_cache == 1 else all_fits(search))
    assert_same_scores(search, GridSearchCV(short(), WEIGHTS, cv=CV, refit=False).fit(X, Y))


def test_auto_does_not_stack_a_single_fit():
    one = [(np.arange(60), np.arange(60, ROWS))]
    search = TaskWeightSearchCV(short(), {"learning_rate": [5e-3]}, cv=one, refit=False).fit(X, Y)
    assert reasons(search) == ["a single fit"]


# -- the search as an object


def test_search_keeps_its_own_parameters():
    estimator = short()
    search = TaskWeightSearchCV(estimator, WEIGHTS, cv=CV, stacked=True)
    before = search.get_params(deep=False)
    assert search.fit(X, Y) is search
    after = search.get_params(deep=False)
    assert before.keys() == after.keys()
    assert all(after[name] is value for name, value in before.items())
    assert not hasattr(estimator, "net_")
    copy = clone(search)
    assert not hasattr(copy, "cv_results_")
    assert_same_scores(copy.fit(X, Y), search)


def test_fitted_search_predicts_as_its_best_estimator():
    search = both(short(), WEIGHTS, refit=True)
    assert type(search.best_estimator_) is MultiTaskNetEstimator
    alone = short().set_params(**search.best_params_).fit(X, Y)
    assert_same(search.predict(X), alone.predict(X))
    assert search.score(X, Y) == alone.score(X, Y)


def test_columns_of_frames_reach_the_members():
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["kind"] = pd.Categorical(np.where(X[:, 0] > 0, "u", "v"))
    search = both(short(trunk="auto", n_members=1), WEIGHTS, X=frame, refit=True)
    assert stacked_fits(search) == all_fits(search)
    assert search.feature_names_in_.tolist() == [*"abcd", "kind"]


def test_scikit_learns_progress_bar(capsys):
    search = TaskWeightSearchCV(short(), WEIGHTS, cv=CV, stacked=True, refit=False)
    search.set_callbacks(ProgressBar()).fit(X, Y)
    assert "TaskWeightSearchCV" in capsys.readouterr().out
    assert_same_scores(search, TaskWeightSearchCV(short(), WEIGHTS, cv=CV, refit=False, stacked=False).fit(X, Y))
    assert stacked_fits(search) == all_fits(search)


def test_fit_times_are_shares_of_the_stacked_training():
    search = TaskWeightSearchCV(short(), WEIGHTS, cv=CV, stacked=True, refit=False).fit(X, Y)
    trained = sum(entry["seconds"] for entry in search.stack_report_)
    fitted = (search.cv_results_["mean_fit_time"] * search.n_splits_).sum()
    assert 0 < trained <= fitted


# -- real data, in float32

real_data = pytest.mark.skipif(FOLDER is None, reason="set SKLEARN_MTL_DATA to the folder of the public data sets")


def path_to(*parts):
    path = Path(FOLDER, *parts)
    if not path.exists():
        pytest.skip(f"the folder of SKLEARN_MTL_DATA has no {path.relative_to(FOLDER)}")
    return path


def adult(n_rows):
    """Read Adult: whether the income is high, and whether never married."""
    rows = pd.read_csv(path_to("adult", "census-income.data"), header=None, skipinitialspace=True, nrows=n_rows)
    y = Targets(income=(rows[14] == ">50K").to_numpy(), never_married=(rows[5] == "Never-married").to_numpy())
    inputs = rows.drop(columns=[5, 14])
    inputs.columns = [f"x{name}" for name in inputs.columns]
    text = inputs.select_dtypes(exclude="number").columns
    return inputs.astype(dict.fromkeys(text, "category")), y


def assert_close_means(estimator, grid, X, y, **fit_params):
    options = {"cv": fit_params.pop("cv"), "refit": False}
    search = TaskWeightSearchCV(estimator, grid, stacked=True, **options).fit(X, y, **fit_params)
    expected = GridSearchCV(estimator, grid, **options).fit(X, y, **fit_params)
    assert stacked_fits(search) == all_fits(search) == len(ParameterGrid(grid)) * 3
    ours, theirs = (s.cv_results_["mean_test_score"] for s in (search, expected))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-3)


@real_data
@pytest.mark.slow
def test_mean_scores_on_adult():
    X, y = adult(1500)
    estimator = MultiTaskNetEstimator(max_epochs=12, random_state=0, n_members=1)
    grid = {"task_weights__income": [0.3, 1.0, 3.0], "learning_rate": [1e-3, 3e-3]}
    assert_close_means(estimator, grid, X, y, cv=KFold(3))


@real_data
@pytest.mark.slow
def test_mean_scores_on_parkinsons_by_patient():
    rows = pd.read_csv(path_to("parkinsons_telemonitoring", "parkinsons_updrs.data"), sep="\t").iloc[::3]
    y = rows[["motor_UPDRS", "total_UPDRS"]]
    inputs = rows.drop(columns=["subject#", "motor_UPDRS", "total_UPDRS"])
    estimator = MultiTaskNetEstimator(max_epochs=5, early_stopping=False, random_state=0, n_members=1)
    grid = {"task_weights__motor_UPDRS": [0.3, 1.0, 3.0], "learning_rate": [1e-3, 3e-3]}
    assert_close_means(estimator, grid, inputs, y, cv=GroupKFold(3), groups=rows["subject#"].to_numpy())


@real_data
@pytest.mark.slow
def test_auc_of_adult_is_that_of_the_predictions_by_every_route():
    X, y = adult(1500)
    scorer = make_multitask_scorer({"income": ["roc_auc", "average_precision"], "never_married": "roc_auc"})
    estimator = MultiTaskNetEstimator(
        max_epochs=8,
        early_stopping=EarlyStopping(monitor="score"),
        metrics={"income": "roc_auc", "never_married": "roc_auc"},
        random_state=0,
        n_members=1,
    )
    grid, cv = {"task_weights__income": [0.3, 3.0]}, KFold(3)
    options = {"scoring": scorer, "refit": False, "cv": cv}
    searches = [
        GridSearchCV(estimator, grid, **options).fit(X, y),
        TaskWeightSearchCV(estimator, grid, stacked=True, **options).fit(X, y),
    ]
    assert stacked_fits(searches[1]) == all_fits(searches[1])
    for fold, (train, test) in enumerate(cv.split(X)):
        for number, weight in enumerate(grid["task_weights__income"]):
            fitted = clone(estimator).set_params(task_weights__income=weight).fit(X.iloc[train], y[train])
            proba = fitted.predict_proba(X.iloc[test])
            aucs = {name: roc_auc_score(y[name][test], proba[name][:, 1]) for name in y}
            assert fitted.score_tasks(X.iloc[test], y[test]) == pytest.approx(aucs, abs=1e-12)
            assert scorer(fitted, X.iloc[test], y[test])["income_roc_auc"] == pytest.approx(
                aucs["income"], abs=1e-12
            )
            for search, atol in zip(searches, (1e-12, 5e-3), strict=True):  # stacked fits are rounded otherwise
                for name, auc in aucs.items():
                    found = search.cv_results_[f"split{fold}_test_{name}_roc_auc"][number]
                    assert found == pytest.approx(auc, abs=atol)
            # early stopping has seen the AUC of the validation rows
            scores = fitted.history_[["valid_score__income", "valid_score__never_married"]].mean(axis=1)
            np.testing.assert_allclose(fitted.history_["valid_score"], scores)
            assert scores.max() > 0.8
