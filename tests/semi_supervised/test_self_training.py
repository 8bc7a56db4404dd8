"""What self-training learns, and when it leaves the plain fit as it is."""

import numpy as np
import pytest

from sklearn_mtl import Targets
from sklearn_mtl.semi_supervised import SelfTrainingMultiTask
from sklearn_mtl.tasks import Classification, Ordinal

from .._helpers import assert_same, assert_same_model, column, inputs, mixed_targets, net
from ._data import clusters, inputs_of_two_classes, learner, without

X, Y, WHOLE = clusters()


def test_pseudo_labels_that_help_are_taught(taught):
    plain = net(max_epochs=10, batch_size=16).fit(X, Y)
    of_kind = taught.rounds_.query("task == 'kind'")
    assert of_kind["accepted"].tolist() == [True]
    gain = of_kind["loss_before"] - of_kind["loss_after"]
    assert (gain > of_kind["standard_error"]).all()
    assert np.abs(plain.predict_proba(X)["kind"] - taught.predict_proba(X)["kind"]).max() > 1e-3


def test_weights_are_below_those_of_real_labels(taught):
    accepted = taught.rounds_.query("accepted")
    assert (accepted["mean_weight"] <= 0.5).all()
    assert (accepted["mean_weight"] >= 0.5 * 0.6).all()


def test_without_a_missing_label_it_is_the_plain_fit_to_the_bit():
    fitted = learner().fit(X, WHOLE)
    assert_same_model(fitted.estimator_, net(max_epochs=6, batch_size=16).fit(X, WHOLE))
    assert (fitted.n_iter_, fitted.termination_condition_) == (0, "all_labeled")
    assert fitted.labels_added_ == {"kind": 0, "mass": 0}
    assert fitted.rounds_.empty


@pytest.mark.parametrize("threshold", [0.5, 0.9], ids=["all predictions", "certain ones"])
@pytest.mark.parametrize("seed", range(2))
def test_labels_of_noise_leave_the_plain_fit(threshold, seed):
    kind = np.random.default_rng(seed).integers(0, 2, size=len(X)).astype(float)
    y = Targets(kind=without(kind, every=2), mass=X[:, 0])
    fitted = learner(max_epochs=10, threshold=threshold).fit(X, y)
    assert fitted.termination_condition_ == ("no_gain" if threshold == 0.5 else "no_change")
    assert fitted.labels_added_ == {"kind": 0, "mass": 0}
    assert_same_model(fitted.estimator_, net(max_epochs=10, batch_size=16).fit(X, y))


def test_a_margin_that_no_round_can_reach_leaves_the_plain_fit():
    fitted = learner(max_epochs=10, margin=1e6).fit(X, Y)
    assert_same_model(fitted.estimator_, net(max_epochs=10, batch_size=16).fit(X, Y))


def test_no_certain_prediction_leaves_the_plain_fit():
    fitted = learner(threshold=1.0).fit(X, Y)
    assert (fitted.n_iter_, fitted.termination_condition_) == (0, "no_change")
    assert_same_model(fitted.estimator_, net(max_epochs=6, batch_size=16).fit(X, Y))


def test_the_same_seed_gives_the_same_fit(taught):
    again = learner(max_epochs=10).fit(X, Y)
    assert_same_model(again.estimator_, taught.estimator_)
    assert again.rounds_.equals(taught.rounds_)


def test_without_a_seed_all_fits_have_one():
    fitted = learner(random_state=None).fit(X, Y)
    assert isinstance(fitted.estimator_.random_state, int)
    assert fitted.estimator.random_state is None


def test_rows_without_any_label_are_used():
    rows = np.arange(len(X)) % 5 != 0
    mass = WHOLE["mass"].copy()
    mass[rows] = np.nan
    with pytest.warns(UserWarning, match="'mass' gets no pseudo-labels: one network"):
        fitted = learner(max_epochs=10).fit(X, Targets(kind=Y["kind"], mass=mass))
    assert fitted.labels_added_["kind"] > 0
    assert fitted.labels_added_["mass"] == 0


def test_rounds_go_on_as_long_as_they_help():
    fitted = learner(max_epochs=10, max_iter=3, margin=0.0).fit(X, Y)
    of_kind = fitted.rounds_.query("task == 'kind'")
    assert of_kind["round"].tolist() == list(range(1, fitted.n_iter_ + 1))
    assert of_kind["accepted"].iloc[:-1].all()
    assert fitted.n_iter_ > 1


def test_numbers_are_taught_where_an_ensemble_agrees():
    X, kind = inputs_of_two_classes()
    y = Targets(kind=kind, mass=without(50.0 + 10.0 * X[:, 0]))
    fitted = learner(max_epochs=10, n_members=3, ensemble="deep", threshold=0.7, margin=0.0).fit(X, y)
    of_mass = fitted.rounds_.query("task == 'mass'").iloc[0]
    assert of_mass["n_labels"] > 0
    assert 0.35 <= of_mass["mean_weight"] <= 0.5


def test_every_kind_of_task_of_rows():
    X = inputs(60)
    y = mixed_targets(X)
    rows = np.arange(60) % 4 != 0
    gone = {name: values.copy() for name, values in y.items()}
    for values in gone.values():
        values[rows] = None if values.dtype == object else np.nan
    fitted = learner(n_members=2, ensemble="deep", max_epochs=4, threshold=0.5, n_folds=2, margin=0.0)
    fitted.fit(X, Targets(gone))
    assert set(fitted.rounds_["task"]) == set(y)
    assert np.isfinite(fitted.rounds_[["loss_before", "loss_after", "standard_error"]]).all().all()
    assert fitted.score(X, y) > -1


def test_ranks_and_sets_are_taught():
    X, kind = inputs_of_two_classes(n_rows=60)
    rank = without((kind + (X[:, 1] > 1.5)).astype(float), every=3)
    sets = column([{"a", "b"} if one else {"a"} for one in kind])
    sets[np.arange(60) % 3 != 0] = None
    estimator = {"tasks": {"rank": Ordinal(), "sets": "multilabel"}, "max_epochs": 4}
    fitted = learner(threshold=0.4, **estimator).fit(X, Targets(rank=rank, sets=sets))
    assert (fitted.rounds_["n_labels"] > 0).all()
    assert fitted.predict(X)["sets"].dtype == object


def test_probabilities_as_labels_get_none():
    X, kind = inputs_of_two_classes(n_rows=40)
    soft = np.column_stack([1 - kind, kind])
    soft[::2] = np.nan
    with pytest.warns(UserWarning, match="'soft' gets no pseudo-labels"):
        fitted = learner(tasks={"soft": Classification()}).fit(X, {"soft": soft, "mass": X[:, 0]})
    assert fitted.termination_condition_ == "no_change"


def test_too_few_labels_are_told():
    kind = np.full(len(X), np.nan)
    kind[:2] = [0.0, 1.0]
    with pytest.warns(UserWarning, match="'kind' gets no pseudo-labels: it has fewer labelled rows"):
        fitted = learner(n_folds=3).fit(X, Targets(kind=kind, mass=X[:, 0]))
    assert_same_model(fitted.estimator_, net(max_epochs=6, batch_size=16).fit(X, Targets(kind=kind, mass=X[:, 0])))


def test_a_task_of_few_labels_does_not_stop_the_others():
    few = np.full(len(X), np.nan)
    few[:2] = [0.0, 1.0]
    with pytest.warns(UserWarning, match="'few' gets no pseudo-labels"):
        fitted = learner(max_epochs=10).fit(X, Targets(**Y, few=few))
    assert (fitted.rounds_.query("task == 'kind'")["n_labels"] > 0).all()


def test_labels_that_no_fold_can_hold_out_are_told():
    kind, few = np.full((2, len(X)), np.nan)
    kind[:3], few[:2] = [0.0, 1.0, 0.0], [0.0, 1.0]
    unheld = pytest.warns(UserWarning, match="in rows that the folds cannot hold out")
    with pytest.warns(UserWarning, match="'few' gets no pseudo-labels"), unheld:
        fitted = learner(n_folds=3).fit(X, Targets(kind=kind, few=few, mass=X[:, 0]))
    assert fitted.termination_condition_ == "no_change"


def test_a_task_of_weight_zero_is_left_alone():
    fitted = learner(task_weights={"kind": 0.0}).fit(X, Y)
    assert fitted.termination_condition_ == "all_labeled"


def test_weights_of_rows_count_for_their_pseudo_labels(taught):
    """Unlabelled rows of weight 0 are as if they did not exist for the task; then nothing is taught."""
    labelled = np.array([label is not None for label in Y["kind"]])
    weight = Targets(kind=labelled.astype(float), mass=np.ones(len(X)))
    fitted = learner(max_epochs=10, margin=0.0).fit(X, Y, sample_weight=weight)
    plain = net(max_epochs=10, batch_size=16).fit(X, Y, sample_weight=weight)
    assert fitted.termination_condition_ == "no_gain"
    assert_same(fitted.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"checkpoint": "folder"}, "checkpoint='folder'"),
        ({"warm_start": True}, "warm_start=True"),
    ],
)
def test_networks_that_do_not_begin_anew_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        learner(**params).fit(X, Y)


@pytest.mark.parametrize(
    "params",
    [{"threshold": 0.0}, {"pseudo_weight": 1.0}, {"max_iter": 0}, {"n_folds": 1}, {"margin": -1.0}],
)
def test_parameters_are_checked(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        SelfTrainingMultiTask(net(), **params).fit(X, Y)
