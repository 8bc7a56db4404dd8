"""A search by samplers of Optuna: the scores of scikit-learn's search, and the trials of OptunaSearchCV."""

import pickle
import sys
import warnings

import numpy as np
import optuna
import pytest
from joblib import parallel_config
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState
from optuna_integration import OptunaSearchCV
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import Auxiliary, EarlyStopping, MultiTaskNetRegressor, Targets
from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.model_selection import MultiTaskOptunaSearchCV, _stack
from sklearn_mtl.trunks import MLP

from .test_search_conformance import (
    GRID,
    SCENARIOS,
    X,
    assert_alike,
    assert_same_results,
    look,
    outcome,
    regressor,
)

optuna.logging.set_verbosity(optuna.logging.WARNING)
U, V = X[:, 0] + X[:, 1] ** 2, X[:, 2]
Y = Targets(u=U, v=V)
RATES = {"learning_rate": FloatDistribution(1e-3, 1e-1, log=True)}
SPACE = {**RATES, "task_weights__u": FloatDistribution(0.1, 10, log=True)}


def search(distributions=SPACE, estimator=None, **options):
    defaults = {"n_trials": 6, "n_stacked": 3, "cv": KFold(2), "random_state": 0}
    return MultiTaskOptunaSearchCV(estimator or regressor(), distributions, **{**defaults, **options})


def held_out(**params):
    """Make a network that validates each of its epochs, and trains them all."""
    params = {"max_epochs": 6, "early_stopping": EarlyStopping(True, n_iter_no_change=6), **params}
    return MultiTaskNetRegressor(n_members=1, random_state=0, dtype="float64", trunk=MLP((8,)), **params)


class InOrder(BaseSampler):
    """Suggests the choices of each distribution in their order, by the number of the trial."""

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, space):
        return {}

    def sample_independent(self, study, trial, name, distribution):
        return distribution.choices[trial.number % len(distribution.choices)]


def in_order(estimator, grid, **options):
    choices = {name: CategoricalDistribution(values) for name, values in grid.items()}
    n_trials = max(len(values) for values in grid.values())
    return MultiTaskOptunaSearchCV(
        estimator, choices, n_trials=n_trials, n_stacked=n_trials, sampler=InOrder(), **options
    )


# -- scores and trials


@pytest.mark.parametrize("name", [name for name, case in SCENARIOS.items() if case[1] is GRID or "raises" in name])
def test_what_happens_is_what_happens_in_scikit_learn(name):
    case = SCENARIOS[name]
    expected, told = outcome(GridSearchCV, case)
    found, ours = outcome(in_order, case, stacked=True)
    if name == "scores without refit":
        assert "name the one to optimise by refit, or by objectives" in str(found)
        return
    assert ours == told
    if isinstance(expected, Exception):
        assert type(found) is type(expected)
        assert str(found)[:150] == str(expected)[:150]
        return
    assert isinstance(found, MultiTaskOptunaSearchCV), found
    assert found.cv_results_.pop("trial").tolist() == [0, 1]
    assert_same_results(found.cv_results_, expected.cv_results_)
    for method in ("predict", "predict_proba", "transform", "inverse_transform", "decision_function"):
        assert_alike(look(found, method), look(expected, method))
    for attribute in ("best_index_", "best_params_", "n_features_in_", "classes_", "n_splits_"):
        assert repr(look(found, attribute)) == repr(look(expected, attribute)), attribute
    if hasattr(expected, "best_score_"):
        np.testing.assert_allclose(found.best_score_, expected.best_score_, rtol=1e-6)


def test_rounds_of_one_trial_are_those_of_optuna_search_cv():
    sampler = TPESampler(n_startup_trials=2, seed=0)
    ours = search(sampler=sampler, n_stacked=1).fit(X, Y)
    study = optuna.create_study(direction="maximize", sampler=TPESampler(n_startup_trials=2, seed=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is experimental, and uses what is deprecated
        theirs = OptunaSearchCV(regressor(), SPACE, cv=KFold(2), n_trials=6, study=study).fit(X, Y)
    for one, other in zip(ours.study_.trials, theirs.trials_, strict=True):
        assert one.params == pytest.approx(other.params, rel=1e-6)
        assert one.value == pytest.approx(other.value, rel=1e-6)
    assert ours.best_params_ == pytest.approx(theirs.best_params_, rel=1e-6)


def test_a_round_is_trained_as_one_stack_and_told_before_the_next():
    found = search(stacked=True, cv=KFold(3), n_trials=5).fit(X, Y)
    assert [(entry["n_fits"], entry["n_stacks"]) for entry in found.stack_report_] == [(9, 1), (6, 1)]
    assert found.cv_results_["trial"].tolist() == [0, 1, 2, 3, 4]
    values = [trial.value for trial in found.study_.trials]
    assert values == found.cv_results_["mean_test_score"].tolist()
    assert found.best_score_ == found.study_.best_value
    assert [trial.user_attrs["n_epochs"] for trial in found.study_.trials] == [6] * 5
    starts = [trial.datetime_start for trial in found.study_.trials]
    ends = [trial.datetime_complete for trial in found.study_.trials]
    assert max(starts[:3]) < min(ends[:3])
    assert max(ends[:3]) < min(starts[3:])


def test_fits_one_by_one_have_the_same_scores():
    stacked, alone = (search(stacked=way, n_trials=4).fit(X, Y) for way in (True, False))
    assert alone.stack_report_ == []
    assert alone.cv_results_["params"] == stacked.cv_results_["params"]
    for name in ("split0_test_score", "mean_test_tasks_u"):
        np.testing.assert_allclose(alone.cv_results_[name], stacked.cv_results_[name], rtol=1e-6)


def test_all_rounds_are_divided_among_the_processes():
    with parallel_config("threading"):
        found = search(stacked=True, n_jobs=2).fit(X, Y)
    assert [entry["n_stacks"] for entry in found.stack_report_] == [2, 2]
    expected = search().fit(X, Y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], expected, rtol=1e-7)


def test_the_same_seed_asks_the_same_trials():
    one, two, other = (search(random_state=seed).fit(X, Y).cv_results_["params"] for seed in (0, 0, 1))
    assert one == two
    assert one != other


def test_a_sampler_is_not_changed():
    sampler = RandomSampler(seed=0)
    one, two = (search(sampler=sampler).fit(X, Y).cv_results_["params"] for _ in range(2))
    assert one == two


def test_folds_are_drawn_once():
    found = search(cv=ShuffleSplit(2, random_state=np.random.RandomState(0)), n_trials=4, n_stacked=2)
    found.set_params(param_distributions={"learning_rate": CategoricalDistribution([0.01])}).fit(X, Y)
    assert len(set(found.cv_results_["split0_test_score"])) == 1


def test_a_pipeline_and_a_pickle():
    pipeline = make_pipeline(StandardScaler(), regressor())
    space = {"multitasknetregressor__learning_rate": RATES["learning_rate"]}
    found = search(space, pipeline, n_trials=2).fit(X, Y)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(X)["u"], found.predict(X)["u"])
    assert again.study_.best_value == found.best_score_
    assert clone(found).get_params(deep=False).keys() == found.get_params(deep=False).keys()


def test_other_candidates_of_the_front_are_fitted():
    found = search(objectives="tasks").fit(X, Y)
    best = int(np.argmax(found.cv_results_["mean_test_tasks_v"]))
    assert found.select(X, Y, maximize="v").learning_rate == found.cv_results_["params"][best]["learning_rate"]


# -- several objectives


def test_objectives_are_the_scores_of_the_tasks():
    found = search(objectives="tasks").fit(X, Y)
    assert [direction.name for direction in found.study_.directions] == ["MAXIMIZE"] * 2
    values = np.array([trial.values for trial in found.study_.trials])
    for column, task in enumerate(("u", "v")):
        np.testing.assert_array_equal(values[:, column], found.cv_results_[f"mean_test_tasks_{task}"])
    front = sorted(trial.number for trial in found.study_.best_trials)
    assert found.cv_results_["trial"][found.pareto_front_["index"]].tolist() == front
    assert found.best_params_ == found.cv_results_["params"][np.argmax(found.cv_results_["mean_test_score"])]


def test_auxiliary_tasks_are_no_objectives():
    found = search(estimator=regressor(auxiliary=Auxiliary(["v"])), objectives="tasks", n_trials=2).fit(X, Y)
    assert len(found.study_.directions) == 1
    assert [trial.value for trial in found.study_.trials] == found.cv_results_["mean_test_tasks_u"].tolist()


def test_objectives_are_metrics_of_the_scoring():
    objectives = ["u_neg_mean_absolute_error", "v"]
    found = search(objectives=objectives, scoring=multitask_scorer, refit="v_r2", n_trials=3).fit(X, Y)
    values = np.array([trial.values for trial in found.study_.trials])
    np.testing.assert_array_equal(values[:, 0], found.cv_results_["mean_test_u_neg_mean_absolute_error"])
    np.testing.assert_array_equal(values[:, 1], found.cv_results_["mean_test_v_r2"])
    assert found.best_index_ == np.argmax(found.cv_results_["mean_test_v_r2"])


def test_the_metric_of_refit_is_the_objective():
    found = search(scoring=["r2", "neg_mean_squared_error"], refit="neg_mean_squared_error", n_trials=3).fit(X, Y)
    assert [trial.value for trial in found.study_.trials] == (
        found.cv_results_["mean_test_neg_mean_squared_error"].tolist()
    )


# -- failures


def test_trials_that_fail_are_failed_in_the_study():
    space = {"learning_rate": CategoricalDistribution([-1.0, 0.01])}
    with pytest.warns(FitFailedWarning, match="2 fits failed"), pytest.warns(UserWarning, match="non-finite"):
        found = search(space, sampler=InOrder(), n_trials=2).fit(X, Y)
    assert [trial.state for trial in found.study_.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [True, False]


def test_a_later_round_without_a_success_is_left_out():
    space = {"learning_rate": CategoricalDistribution([0.01, -1.0])}
    with pytest.warns(UserWarning, match=r"The trials \[1\] failed: \nAll the 2 fits failed"):
        found = search(space, sampler=InOrder(), n_trials=3, n_stacked=1).fit(X, Y)
    states = [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]
    assert [trial.state for trial in found.study_.trials] == states
    assert found.cv_results_["trial"].tolist() == [0, 2]


# -- a storage


class Scorer:
    """The score of the estimator, interrupted as by Ctrl-C after some calls; its digest is that of its class."""

    left = None

    def __call__(self, estimator, X, y):
        if Scorer.left is not None:
            Scorer.left -= 1
            if Scorer.left < 0:
                raise KeyboardInterrupt
        return estimator.score(X, y)


@pytest.mark.parametrize(
    ("after", "pruner"), [(9, None), (2, None), (7, optuna.pruners.PercentilePruner(50, n_startup_trials=1))]
)
def test_a_search_that_is_resumed_ends_like_one_that_was_not_interrupted(tmp_path, monkeypatch, after, pruner):
    options = {"scoring": Scorer(), "n_trials": 9, "pruner": pruner}
    whole = search(SPACE, held_out(), **options, storage=f"sqlite:///{tmp_path}/whole.db").fit(X, Y)
    stopped = search(SPACE, held_out(), **options, storage=f"sqlite:///{tmp_path}/stopped.db")
    monkeypatch.setattr(Scorer, "left", after)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X, Y)
    monkeypatch.setattr(Scorer, "left", None)
    n_stored = len(optuna.load_study(storage=stopped.storage, study_name=whole.study_.study_name).trials)
    assert n_stored == (3 if after > 6 else 0)  # rounds of three trials and six scores
    fits = count_fits(monkeypatch)
    stopped.fit(X, Y)
    assert stopped.cv_results_["params"] == whole.cv_results_["params"]
    for name in ("split0_test_score", "mean_test_score", "mean_test_tasks_u"):
        np.testing.assert_allclose(stopped.cv_results_[name], whole.cv_results_[name], rtol=1e-6)
    assert stopped.best_params_ == whole.best_params_
    if pruner is None:
        assert sum(fits) == {2: 18, 9: 12}[after]  # the rounds, of six fits each, that had not ended


def count_fits(monkeypatch):
    """Count the members of the stacks that are trained."""
    fits, train = [], _stack.train_stacked
    monkeypatch.setattr(
        _stack, "train_stacked", lambda members, *more: (fits.append(len(members)), train(members, *more))[1]
    )
    return fits


def test_a_finished_search_is_read_and_one_of_more_trials_continued(tmp_path, monkeypatch):
    storage = f"sqlite:///{tmp_path}/study.db"
    first = search(storage=storage, n_trials=3).fit(X, Y)
    fits = count_fits(monkeypatch)
    again = search(storage=storage, n_trials=3).fit(X, Y)
    assert fits == []
    for name in ("split1_test_score", "mean_test_tasks_v", "mean_fit_time", "trial"):
        np.testing.assert_array_equal(again.cv_results_[name], first.cv_results_[name])
    more = search(storage=storage, n_trials=6).fit(X, Y)
    assert sum(fits) == 6
    assert more.cv_results_["params"] == search(n_trials=6).fit(X, Y).cv_results_["params"]


def test_a_changed_search_is_another_study(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    one = search(storage=storage, n_trials=1).fit(X, Y)
    two = search(storage=storage, n_trials=1).fit(X[:50], Targets(u=U[:50], v=V[:50]))
    assert one.study_.study_name != two.study_.study_name
    search(storage=storage, study_name="mine", n_trials=1).fit(X, Y)
    changed = search(storage=storage, study_name="mine", n_trials=1, cv=KFold(3))
    with pytest.raises(ValueError, match="study_name='mine' is in the storage with trials of another search"):
        changed.fit(X, Y)


def test_trials_that_have_not_ended_are_refused(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    found = search(storage=storage, study_name="mine", n_trials=1).fit(X, Y)
    found.study_.enqueue_trial({"learning_rate": 0.02})
    with pytest.raises(ValueError, match="study_name='mine' has trials in the storage that have not ended"):
        search(storage=storage, study_name="mine", n_trials=2).fit(X, Y)


@pytest.mark.parametrize("storage", ["nowhere", "sqlite:////no/such/folder/study.db"])
def test_a_storage_that_cannot_be_opened(storage):
    with pytest.raises(OSError, match="storage cannot be opened"):
        search(storage=storage).fit(X, Y)


def test_a_storage_that_cannot_be_written(tmp_path, monkeypatch):
    def full(self, trials):
        if self._study_id and trials and trials[0].number == 3:
            raise optuna.exceptions.StorageInternalError("the disk is full")
        return add_trials(self, trials)

    add_trials = optuna.study.Study.add_trials
    monkeypatch.setattr(optuna.study.Study, "add_trials", full)
    storage = f"sqlite:///{tmp_path}/study.db"
    with pytest.raises(OSError, match=r"storage cannot be written\. StorageInternalError: the disk is full"):
        search(storage=storage, study_name="mine").fit(X, Y)
    assert len(optuna.load_study(storage=storage, study_name="mine").trials) == 3


# -- pruning


class Below(optuna.pruners.BasePruner):
    """Prunes trials of a learning rate below a limit, after some steps."""

    def __init__(self, limit, step):
        self.limit, self.step = limit, step

    def prune(self, study, trial):
        return trial.params["learning_rate"] < self.limit and trial.last_step >= self.step


@pytest.mark.parametrize("step", [0, 2, 5, 8])
def test_a_pruned_trial_leaves_its_stack_and_the_others_are_as_without(step):
    everything = search(SPACE, held_out()).fit(X, Y)
    rates = np.array([params["learning_rate"] for params in everything.cv_results_["params"][:3]])
    limit = float(np.median(rates)) * 1.0001
    found = search(SPACE, held_out(), n_trials=3, pruner=Below(limit, step)).fit(X, Y)
    pruned = rates < limit
    states = [trial.state == TrialState.PRUNED for trial in found.study_.trials]
    assert states == pruned.tolist()
    epochs = [trial.user_attrs["n_epochs"] for trial in found.study_.trials]
    assert epochs == [step + 1 if gone else 12 for gone in pruned]
    kept = np.flatnonzero(~pruned)
    assert found.cv_results_["trial"].tolist() == kept.tolist()
    for name in ("split0_test_score", "split1_test_score", "mean_test_tasks_v"):
        np.testing.assert_allclose(found.cv_results_[name], everything.cv_results_[name][kept], rtol=1e-7)


@pytest.mark.parametrize(("monitor", "sign"), [("loss", -1), ("score", 1)])
def test_the_steps_of_a_trial_are_the_validation_of_its_fits(monitor, sign):
    net = held_out(early_stopping=EarlyStopping(True, monitor=monitor, n_iter_no_change=6))
    found = search(SPACE, net, n_trials=2, pruner=optuna.pruners.NopPruner()).fit(X, Y)
    for trial in found.study_.trials:
        reported = [trial.intermediate_values[step] for step in range(12)]
        for fold, (train, _) in enumerate(KFold(2).split(X)):
            alone = clone(net).set_params(**trial.params).fit(X[train], Y[train])
            values = sign * alone.history_[f"valid_{monitor}"].to_numpy()
            np.testing.assert_allclose(reported[6 * fold : 6 * fold + 6], values, rtol=1e-6)


def test_fits_that_cannot_be_stacked_are_not_pruned():
    net = held_out(net_params={"optimizer__eps": 1e-7})
    with pytest.warns(UserWarning, match="2 fits are trained one by one and are not pruned: net_params change"):
        found = search(SPACE, net, n_trials=2, pruner=Below(1.0, 0)).fit(X, Y)
    assert all(trial.state == TrialState.COMPLETE for trial in found.study_.trials)


def test_folds_without_a_single_survivor():
    with pytest.raises(ValueError, match=r"has pruned all 6 trials, so none has a score"):
        search(SPACE, held_out(), pruner=Below(1.0, 1)).fit(X, Y)


# -- what is refused


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"param_distributions": {}}, TypeError, "should be a dict of at least one distribution"),
        (
            {"param_distributions": {"learning_rate": [0.1]}},
            TypeError,
            r"\['learning_rate'\]=\[0.1\] should be a dist",
        ),
        ({"param_distributions": {"depth": RATES["learning_rate"]}}, ValueError, "Invalid parameter 'depth'"),
        ({"sampler": "tpe"}, TypeError, "sampler='tpe' should be a sampler of Optuna"),
        ({"pruner": "median"}, TypeError, "pruner='median' should be a pruner of Optuna"),
        ({"pruner": Below(0, 0)}, ValueError, "these hold out none; set early_stopping=True"),
        ({"pruner": Below(0, 0), "objectives": "tasks"}, ValueError, "Optuna prunes no trials of 2 objectives"),
        ({"pruner": Below(0, 0), "stacked": False}, ValueError, "which stacked=False excludes"),
        ({"pruner": Below(0, 0), "n_jobs": 2}, ValueError, "n_jobs=2 means several; pass n_jobs=None"),
        ({"objectives": []}, ValueError, "should be different names"),
        ({"objectives": ["u", "u"]}, ValueError, "should be different names"),
        ({"objectives": ["u", "w"]}, ValueError, r"objectives=\['u', 'w'\] should be different ones of"),
        ({"objectives": "all"}, ValueError, "The 'objectives' parameter"),
        ({"n_trials": 0}, ValueError, "The 'n_trials' parameter"),
        ({"n_stacked": 0}, ValueError, "The 'n_stacked' parameter"),
    ],
)
def test_what_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        search(n_trials=2).set_params(**options).fit(X, Y)


def test_choices_that_a_storage_cannot_hold_are_refused(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        space = {"trunk__hidden_sizes": CategoricalDistribution([(8,), (16,)])}
    net = regressor(trunk=MLP())
    assert len(search(space, net, n_trials=2).fit(X, Y).cv_results_["trial"]) == 2
    with pytest.raises(ValueError, match=r"\['trunk__hidden_sizes'\] has choices that a storage cannot hold"):
        search(space, net, storage=f"sqlite:///{tmp_path}/study.db").fit(X, Y)


def test_parameters_without_a_digest_cannot_be_stored(tmp_path):
    with pytest.raises(ValueError, match="storage cannot be used"):
        search(scoring=lambda *given: 0.0, storage=f"sqlite:///{tmp_path}/study.db").fit(X, Y)


def test_without_optuna_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"MultiTaskOptunaSearchCV needs optuna; .*sklearn-mtl\[optuna\]"):
        search().fit(X, Y)
