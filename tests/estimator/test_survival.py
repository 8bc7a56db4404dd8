import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from sklearn_mtl import MultiTaskNetEstimator, Targets, concatenate_task_sets, load_model, save_model
from sklearn_mtl.config import EarlyStopping
from sklearn_mtl.metrics import concordance_index, multitask_scorer
from sklearn_mtl.model_selection import MultiTaskStratifiedKFold, TaskWeightSearchCV
from sklearn_mtl.semi_supervised import SelfTrainingMultiTask
from sklearn_mtl.tasks import Survival
from sklearn_mtl.tasks._cox import breslow

RNG = np.random.default_rng(0)
ROWS = 160
X = RNG.normal(size=(ROWS, 3))
LIFE, END = RNG.exponential(np.exp(-1.5 * X[:, 0])), RNG.exponential(2.0, size=ROWS)
DEATH = np.zeros(ROWS, dtype=[("event", bool), ("time", float)])
DEATH["event"], DEATH["time"] = LIFE <= END, np.minimum(LIFE, END)
DEATH["time"][::9] = np.nan
Y = Targets(death=DEATH, size=X[:, 1] + 0.1 * RNG.normal(size=ROWS))
TIMES = [0.1, 0.4, 1.0]
ONE = {"n_members": 1, "max_epochs": 8, "learning_rate": 1e-2, "random_state": 0}
KINDS = {
    "one network": {},
    "deep ensemble": {"n_members": 2},
    "batch ensemble": {"n_members": 2, "ensemble": "batch"},
    "portfolio": {"ensemble": "portfolio", "n_members": 1},
    "stops early": {"early_stopping": True},
    "float64": {"dtype": "float64"},
    "one task per step": {"task_sampling": "round_robin"},
    "reads labels": {"label_inputs": True},
}


def network(loss="cox", **params):
    return MultiTaskNetEstimator(tasks={"death": Survival(loss=loss, n_intervals=6)}, **(ONE | params))


def assert_has_own_baseline(net, rows=X, labels=DEATH):
    """Check that the baseline is that of Breslow for the risks that the network predicts for the rows of fit."""
    known = ~np.isnan(labels["time"])
    risk = net.predict_risk(rows, ["death"])["death"]
    _, log_hazard = breslow(risk[known], labels["time"][known], labels["event"][known], np.ones(known.sum()))
    np.testing.assert_allclose(net.tasks_["death"].log_baseline_, log_hazard, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", ["cox", "discrete_time"])
def test_risk_and_curves_of_every_kind_of_fit(kind, loss, tmp_path):
    net = network(loss, **KINDS[kind]).fit(X, Y)
    curves = net.predict_survival_function(X, TIMES)["death"]
    risk, known = net.predict_risk(X)["death"], ~np.isnan(DEATH["time"])
    assert curves.shape == (ROWS, 3)
    assert (np.diff(curves, axis=1) <= 0).all()
    assert ((curves >= 0) & (curves <= 1)).all()
    assert net.score_tasks(X, Y)["death"] == pytest.approx(concordance_index(DEATH[known], risk[known]))
    medians = net.predict(X)["death"]
    assert medians.shape == (ROWS,)
    assert np.isfinite(medians).all()
    assert net.metrics_of_tasks(X, Y)["death"]["neg_integrated_brier_score"] > -0.25
    if loss == "cox":
        assert_has_own_baseline(net)
    save_model(net, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_survival_function(X, TIMES)["death"], curves)
    np.testing.assert_array_equal(loaded.predict(X)["death"], medians)


@pytest.mark.parametrize("loss", ["cox", "discrete_time"])
def test_more_risk_is_an_earlier_death(loss):
    assert network(loss, max_epochs=30).fit(X, Y).score_tasks(X, Y)["death"] > 0.7


@pytest.mark.parametrize("loss", ["cox", "discrete_time"])
def test_stacked_fits_of_a_search_equal_separate_ones(loss):
    net = network(loss, max_epochs=3)
    search = TaskWeightSearchCV(net, {"learning_rate": [1e-3, 1e-2]}, cv=2, stacked=True).fit(X, Y)
    alone = TaskWeightSearchCV(net, {"learning_rate": [1e-3, 1e-2]}, cv=2, stacked=False).fit(X, Y)
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_allclose(search.cv_results_[key], alone.cv_results_[key], atol=1e-5)


def test_the_baseline_is_of_the_rows_that_were_added_last():
    net = MultiTaskNetEstimator(**ONE).fit(X, {"size": Y["size"]}).add_task("death", X, DEATH, task="survival")
    assert_has_own_baseline(net)
    several = MultiTaskNetEstimator(**(ONE | {"ensemble": "portfolio"})).fit(X, {"size": Y["size"]})
    assert_has_own_baseline(several.add_task("death", X, DEATH, task="survival"))
    batches = network().partial_fit(X, Y).partial_fit(X[:90], Y[:90])
    assert_has_own_baseline(batches, X[:90], DEATH[:90])


def test_rows_of_weight_zero_are_never_at_risk():
    weight = (np.arange(ROWS) % 2).astype(float)
    kept = weight > 0
    weighted, some = network().fit(X, Y, sample_weight=weight), network().fit(X[kept], Y[kept])
    task = some.tasks_["death"]
    np.testing.assert_array_equal(weighted.tasks_["death"].times_, task.times_)
    assert weighted.tasks_["death"].last_time_ == task.last_time_
    assert_has_own_baseline(some, X[kept], DEATH[kept])


@pytest.mark.parametrize("params", [ONE, {"max_epochs": 2, "random_state": 0}])
def test_a_structured_array_is_the_target_of_the_only_task(params):
    labels = DEATH[~np.isnan(DEATH["time"])]
    rows = X[~np.isnan(DEATH["time"])]
    net = MultiTaskNetEstimator(tasks={"death": Survival()}, **params).fit(rows, labels)
    in_mapping = MultiTaskNetEstimator(tasks={"death": Survival()}, **params).fit(rows, {"death": labels})
    np.testing.assert_array_equal(net.predict(rows), in_mapping.predict(rows)["death"])
    assert net.score(rows, labels) == in_mapping.score(rows, {"death": labels})
    assert cross_val_score(net.set_params(max_epochs=1), rows, labels, cv=2).shape == (2,)
    # as before, fields are tasks where tasks name them, or no task is named
    for tasks in (None, {"event": "classification"}, {"event__class_weight": "balanced"}):
        assert list(MultiTaskNetEstimator(tasks=tasks, **ONE).fit(rows, labels).tasks_) == ["event", "time"]


@pytest.mark.parametrize("few", [True, False])
def test_validation_rows_without_an_event_are_said(few):
    labels = np.zeros(40, dtype=DEATH.dtype)
    labels["time"], labels["event"][: 1 if few else 20] = np.arange(1, 41), True
    net = network(early_stopping=True, max_epochs=2)
    censored = np.column_stack([np.arange(1.0, 11.0), np.zeros(10)])
    given = {} if few else {"X_val": X[40:50], "y_val": {"death": censored}}
    with pytest.warns(UserWarning, match="the validation rows have no event of 'death'"):
        net.fit(X[:40], {"death": labels}, **given)


def test_history_has_the_concordance():
    net = network(early_stopping=EarlyStopping(monitor="score"), metrics={"death": "concordance_index"}).fit(X, Y)
    assert net.history_["valid_score__death"].between(0, 1).all()


def test_curves_need_a_baseline_and_are_no_metric_in_training():
    with pytest.raises(ValueError, match="neg_integrated_brier_score"):
        network(metrics={"death": "neg_integrated_brier_score"}).fit(X, Y)
    net = network("discrete_time", metrics={"death": "neg_integrated_brier_score"}).fit(X, Y)
    assert -0.25 < net.score_tasks(X, Y)["death"] < 0
    assert multitask_scorer(network().fit(X, Y), X, Y)["death_neg_integrated_brier_score"] < 0


def test_only_tasks_of_survival_have_a_risk():
    net = network().fit(X, Y)
    assert list(net.predict_risk(X)) == ["death"]
    for predict in (net.predict_risk, net.predict_survival_function):
        with pytest.raises(ValueError, match=r"\['size'\] are no tasks of Survival"):
            predict(X, tasks=["size"])
    assert not hasattr(MultiTaskNetEstimator(**ONE).fit(X, {"size": Y["size"]}), "predict_risk")
    with pytest.raises(ValueError, match="finite numbers of at least 0"):
        net.predict_survival_function(X, times=[-1.0])


def test_the_spread_of_an_ensemble_is_that_of_intervals_only():
    assert list(network(n_members=2).fit(X, Y).predict_std(X)) == ["size"]
    assert list(network("discrete_time", n_members=2).fit(X, Y).predict_std(X)) == ["death", "size"]


def test_competing_risks_are_tasks_that_censor_each_other():
    cause = np.where(DEATH["event"], RNG.integers(1, 3, size=ROWS), 0)
    causes = {}
    for number, name in ((1, "heart"), (2, "lung")):
        causes[name] = DEATH.copy()
        causes[name]["event"] = cause == number
    net = MultiTaskNetEstimator(tasks=dict.fromkeys(causes, "survival"), **ONE).fit(X, causes)
    assert list(net.predict_survival_function(X, TIMES)) == ["heart", "lung"]


def test_rows_of_different_studies():
    rows, y = concatenate_task_sets({"death": (X, DEATH), "size": (X[:40], Y["size"][:40])})
    net = network().fit(rows, y)
    assert_has_own_baseline(net)


def test_folds_are_stratified_by_the_event():
    event = DEATH["event"] & ~np.isnan(DEATH["time"])
    counts = [event[test].sum() for _, test in MultiTaskStratifiedKFold(4).split(X, Targets(death=DEATH))]
    assert max(counts) - min(counts) <= 1


def test_survival_beside_a_task_that_is_taught():
    partly = Y._with("size", np.where(np.arange(ROWS) % 2, np.nan, Y["size"]))
    with pytest.warns(UserWarning, match="'death' gets no pseudo-labels: .* or is censored"):
        taught = SelfTrainingMultiTask(network(n_members=2, max_epochs=2)).fit(X, partly)
    risk = taught.predict_risk(X)["death"]
    np.testing.assert_array_equal(risk, taught.estimator_.predict_risk(X)["death"])
    assert taught.predict_survival_function(X, TIMES)["death"].shape == (ROWS, 3)
