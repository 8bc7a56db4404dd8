"""Adding a task to a fitted network: the existing part is unchanged, and the new task learns."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_mtl import EarlyStopping, MultiTaskNetClassifier, MultiTaskNetRegressor, Targets
from sklearn_mtl.architectures import PLE, AdaTT, CrossStitch, Grouped, HardSharing, Independent, MMoE, TaskGraph
from sklearn_mtl.exceptions import SingleClassWarning
from sklearn_mtl.penalties import RepresentationDropout, TraceNorm
from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, inputs, net, weights_of

X = inputs(150)
Y = Targets(number=X[:, 0] + X[:, 1], label=X[:, 2] > 0)
EASY = 2 * X[:, 0] - X[:, 1] + 3
DEEP = MLP(hidden_sizes=(16, 12), dropout=0.3, scaling="standard")


def fitted(X=X, y=Y, **params):
    return net(**{"max_epochs": 4, **params}).fit(X, y)


def outputs(estimator, X=X, tasks=tuple(Y)):
    return estimator._model.outputs(X, list(tasks), estimator)


def assert_equal_outputs(one, other):
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


ARCHITECTURES = {
    "hard_sharing": HardSharing(tower_sizes=(5,), bypass_sizes=(3,)),
    "independent": Independent(),
    "groups": Grouped([["number", "label"]]),
    "groups of one": Grouped([["label"], ["number"]]),
    "cross_stitch": CrossStitch(),
    "mmoe": MMoE(n_experts=3, load_balancing=0.1),
    "ple": PLE(n_levels=2),
    "adatt": AdaTT(),
    "graph": TaskGraph({"number": ["label"]}),
}


# -- the existing network


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_the_other_tasks_predict_exactly_what_they_did(architecture):
    estimator = fitted(architecture=architecture, trunk=DEEP, penalties=["trace_norm", "representation_dropout"])
    before, weights, represented = outputs(estimator), weights_of(estimator), estimator.transform(X)
    assert estimator.add_task("new", X, EASY) is estimator
    assert_equal_outputs(before, outputs(estimator))
    assert_equal_outputs(before, {name: outputs(estimator, tasks=[*Y, "new"])[name] for name in Y})
    np.testing.assert_array_equal(estimator.transform(X), represented)
    now = weights_of(estimator)
    for name, values in weights.items():
        np.testing.assert_array_equal(now[f"network.{name}"], values, err_msg=name)
    assert estimator.task_names_ == ["number", "label", "new"]
    assert list(estimator.tasks_) == estimator.task_names_


@pytest.mark.parametrize("freeze", [True, False])
def test_dropout_does_not_reach_the_representation_of_a_frozen_network(freeze):
    learned = []
    for dropout in (0.0, 0.8):
        estimator = fitted(trunk=clone(DEEP))
        estimator.set_params(trunk__dropout=dropout)
        estimator._model.blueprint.trunk.dropout = dropout
        learned.append(outputs(estimator.add_task("new", X, EASY, freeze=freeze), tasks=["new"])["new"])
    assert np.array_equal(*learned) is freeze


def test_history_goes_on():
    estimator = fitted(max_epochs=3)
    before = estimator.history_
    estimator.set_params(max_epochs=5).add_task("new", X, EASY)
    assert list(estimator.history_.index) == list(range(1, 9))
    assert estimator.n_iter_ == 8
    pd.testing.assert_frame_equal(estimator.history_.loc[:3, before.columns], before)
    new, old = estimator.history_["train_loss__new"], estimator.history_["train_loss__number"]
    assert new.isna().tolist() == [True] * 3 + [False] * 5
    assert old.isna().tolist() == [False] * 3 + [True] * 5
    assert new.loc[4:].is_monotonic_decreasing


def test_parameters_of_the_estimator_stay():
    weights, tasks = {"number": 2.0}, {"label": Classification()}
    estimator = fitted(task_weights=weights, tasks=tasks)
    before = estimator.get_params()
    estimator.add_task("new", X, EASY)
    assert str(estimator.get_params()) == str(before)
    assert (estimator.task_weights, estimator.tasks) == (weights, tasks)
    assert set(tasks) == {"label"}


def test_a_failed_attempt_changes_nothing():
    estimator = fitted()
    before, names = weights_of(estimator), list(vars(estimator))
    with pytest.raises(ValueError, match="task 'new'"):
        estimator.add_task("new", X, EASY, task="classification")
    assert list(vars(estimator)) == names
    assert_equal_outputs(weights_of(estimator), before)
    assert estimator.task_names_ == ["number", "label"]


def test_a_copy_is_not_touched():
    import copy

    estimator = fitted()
    shallow = copy.copy(estimator)
    estimator.add_task("new", X, EASY)
    assert shallow.task_names_ == ["number", "label"]
    assert set(shallow.predict(X)) == {"number", "label"}


# -- the new task


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_the_new_task_learns(architecture):
    trunk = MLP((32,), scaling="standard")
    estimator = fitted(architecture=architecture, trunk=trunk, max_epochs=10, learning_rate=1e-2)
    estimator.set_params(max_epochs=80, learning_rate=5e-2, batch_size=50).add_task("new", X, EASY)
    scores = estimator.score_tasks(X, Targets({**Y, "new": EASY}))
    assert scores["new"] > 0.9
    assert estimator.score(X, Targets({**Y, "new": EASY})) == pytest.approx(np.mean(list(scores.values())))


def test_the_head_of_a_new_task_reads_the_representation():
    estimator = fitted(dtype="float64").add_task("new", X, EASY)
    product = estimator.net_.module_.further.products[0]
    expected = estimator.transform(X) @ product.weight.detach().numpy().T + product.bias.detach().numpy()
    np.testing.assert_allclose(outputs(estimator, tasks=["new"])["new"], expected, atol=1e-12)


def test_only_the_rows_of_the_new_task_are_needed():
    other = inputs(40, seed=5)
    estimator = fitted().set_params(max_epochs=200, learning_rate=3e-2, batch_size=8)
    estimator.add_task("new", other, other[:, 0])
    assert estimator.predict(X)["new"].shape == (150,)
    assert (
        estimator.score_tasks(other, Targets(number=X[:40, 0], label=X[:40, 0] > 0, new=other[:, 0]))["new"] > 0.8
    )


@pytest.mark.parametrize(
    ("y", "task", "kind"),
    [
        (np.array(["u", "v", "w"], dtype=object)[X[:, :3].argmax(axis=1)], None, "classification"),
        (X[:, 0] > 0, None, "classification"),
        (X[:, :2], None, "regression"),
        ((X > 0).astype(int), None, "classification"),
        ((X[:, 0] > 0).astype(float), "regression", "regression"),
        (EASY, Regression(loss="huber", epsilon=0.5), "regression"),
        (pd.Series(EASY, name="other"), None, "regression"),
        (list(EASY), None, "regression"),
    ],
    ids=["text", "bool", "two numbers", "labels", "given as text", "given", "series", "list"],
)
def test_new_tasks_of_every_kind(y, task, kind):
    estimator = fitted().add_task("new", X, y, task=task)
    assert estimator.tasks_["new"].kind == kind
    predicted = estimator.predict(X)["new"]
    assert np.asarray(predicted).shape == np.asarray(y).shape
    if isinstance(task, Regression):
        assert estimator.tasks_["new"].loss == "huber"
        assert estimator.tasks_["new"] is not task
        assert not hasattr(task, "n_outputs_")
    if kind == "classification" and np.ndim(y) == 1:
        assert set(estimator.predict_proba(X)) == {"label", "new"}
        assert list(estimator.classes_["new"]) == sorted(set(y))


def test_missing_labels_are_left_out():
    y = np.where(np.arange(150) % 3 == 0, np.nan, EASY)
    known = ~np.isnan(y)
    partly = fitted(dtype="float64").set_params(batch_size=150).add_task("new", X, y)
    fewer = fitted(dtype="float64").set_params(batch_size=100).add_task("new", X[known], y[known])
    np.testing.assert_allclose(
        outputs(partly, tasks=["new"])["new"], outputs(fewer, tasks=["new"])["new"], atol=1e-10
    )


def test_rows_of_weight_zero_are_left_out():
    weight = (np.arange(150) % 3 > 0).astype(float)
    weighted = fitted(dtype="float64").set_params(batch_size=150).add_task("new", X, EASY, sample_weight=weight)
    fewer = fitted(dtype="float64").set_params(batch_size=100)
    fewer.add_task("new", X[weight > 0], EASY[weight > 0])
    np.testing.assert_allclose(
        outputs(weighted, tasks=["new"])["new"], outputs(fewer, tasks=["new"])["new"], atol=1e-10
    )


def test_sample_weights_matter():
    heavy = fitted().add_task("new", X, EASY, sample_weight=np.where(X[:, 0] > 0, 10.0, 0.1))
    assert not np.allclose(heavy.predict(X)["new"], fitted().add_task("new", X, EASY).predict(X)["new"])


def test_it_stops_early_and_restores_the_best_epoch():
    estimator = fitted(max_epochs=2).set_params(
        max_epochs=200, early_stopping=EarlyStopping(True, n_iter_no_change=3), learning_rate=0.3, batch_size=16
    )
    before = outputs(estimator)
    estimator.add_task("new", X, EASY)
    history = estimator.history_
    assert 5 <= estimator.n_iter_ < 202
    losses = history["valid_loss__new"].loc[3:]
    assert losses.idxmin() == estimator.n_iter_ - 3
    assert history["valid_loss"].loc[:2].isna().all()
    assert_equal_outputs(before, outputs(estimator))


def test_what_went_before_does_not_count_in_early_stopping():
    """The best loss of the earlier tasks does not matter for the new task."""
    estimator = fitted(max_epochs=30, learning_rate=3e-2, early_stopping=True)
    hopeless = np.random.default_rng(0).normal(size=150)
    estimator.set_params(max_epochs=6, early_stopping__n_iter_no_change=6, learning_rate=1e-3)
    estimator.add_task("new", X, hopeless)
    start = estimator.n_iter_ - 6
    losses = estimator.history_["valid_loss__new"].iloc[start:]
    assert losses.notna().all()


def test_the_same_seed_gives_the_same_task():
    one, other = (fitted(trunk=DEEP).add_task("new", X, EASY) for _ in range(2))
    assert_equal_outputs(weights_of(one), weights_of(other))


def test_a_task_added_is_not_one_fitted_together():
    added = fitted().add_task("new", X, EASY)
    together = fitted(y=Targets({**Y, "new": EASY}))
    assert not np.allclose(added.predict(X)["number"], together.predict(X)["number"])


# -- further tasks


@pytest.mark.parametrize("freeze", [True, False])
def test_a_second_task(freeze):
    estimator = fitted(trunk=DEEP).add_task("new", X, EASY)
    before = outputs(estimator, tasks=[*Y, "new"])
    estimator.add_task("newer", X, X[:, 3] > 0, freeze=freeze)
    after = outputs(estimator, tasks=[*Y, "new"])
    assert estimator.task_names_ == ["number", "label", "new", "newer"]
    assert estimator._model.blueprint.added == ("new", "newer")
    for name in before:
        assert np.array_equal(before[name], after[name]) is freeze
    assert_same(estimator.predict(X, tasks=["newer", "label"]), Targets({n: estimator.predict(X)[n] for n in
                                                                        ("label", "newer")}))  # fmt: skip


def test_a_task_beside_one_that_is_idle():
    estimator = fitted(task_weights={"label": 0})
    before = outputs(estimator)
    estimator.add_task("new", X, EASY)
    assert_equal_outputs(before, outputs(estimator))
    assert set(estimator.predict(X)) == {"number", "label", "new"}


# -- not frozen


def test_without_freezing_the_trunk_goes_on_to_learn():
    estimator = fitted(trunk=DEEP)
    before, history = weights_of(estimator), estimator.history_
    estimator.add_task("new", X, EASY, freeze=False)
    now = weights_of(estimator)
    changed = {name for name, values in before.items() if not np.array_equal(values, now[f"network.{name}"])}
    # what the new task does not use gets no gradient, and so no weight decay either
    assert changed == {name for name in before if name.startswith("sharing.body")}
    assert len(estimator.history_) == len(history) + 4
    again = pickle.loads(pickle.dumps(estimator))
    assert_same(again.predict(X), estimator.predict(X))


def test_without_freezing_the_new_task_learns_what_the_trunk_did_not_know():
    target = X[:, 3] ** 2
    scores = {}
    for freeze in (True, False):
        estimator = fitted(trunk=MLP((16,), scaling="standard"), max_epochs=30)
        estimator.set_params(max_epochs=80, learning_rate=2e-2, batch_size=50).add_task(
            "new", X, target, freeze=freeze
        )
        scores[freeze] = estimator.score_tasks(X, Targets({**Y, "new": target}))["new"]
    assert scores[False] > scores[True] + 0.1


# -- the kind of predictions


def test_a_single_target_becomes_a_mapping():
    estimator = MultiTaskNetRegressor(max_epochs=2, random_state=0, n_members=1).fit(X, Y["number"])
    estimator.add_task("new", X, EASY)
    predicted = estimator.predict(X)
    assert isinstance(predicted, Targets)
    assert list(predicted) == ["y", "new"]


def test_a_matrix_becomes_a_mapping():
    estimator = MultiTaskNetClassifier(max_epochs=2, random_state=0, n_members=1).fit(
        X, (X[:, :2] > 0).astype(int)
    )
    estimator.add_task("new", X, X[:, 2] > 0)
    assert isinstance(estimator.predict(X), Targets)
    assert list(estimator.predict(X)) == list(estimator.predict_proba(X)) == ["0", "1", "new"]
    assert list(estimator.classes_) == ["0", "1", "new"]


def test_a_frame_stays_a_frame_with_one_column_more():
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(150) * 2)
    y = pd.DataFrame({"number": Y["number"], "label": Y["label"]}, index=frame.index)
    estimator = fitted(frame, y).add_task("new", frame, pd.Series(EASY, index=frame.index))
    predicted = estimator.predict(frame)
    assert isinstance(predicted, pd.DataFrame)
    assert list(predicted.columns) == ["number", "label", "new"]
    assert predicted.index.equals(frame.index)
    assert list(estimator.predict(frame, tasks=["new"]).columns) == ["new"]


def test_a_polars_frame_stays_one():
    frame = pl.DataFrame(X, schema=list("abcd"))
    y = pl.DataFrame({"number": Y["number"], "label": Y["label"]})
    estimator = fitted(frame, y).add_task("new", frame, pl.Series(EASY))
    assert isinstance(estimator.predict(frame), pl.DataFrame)
    assert estimator.predict(frame).columns == ["number", "label", "new"]


def test_structured_arrays_become_mappings():
    y = np.empty(150, dtype=[("number", float), ("label", bool)])
    y["number"], y["label"] = Y["number"], Y["label"]
    assert list(fitted(y=y).add_task("new", X, EASY).predict(X)) == ["number", "label", "new"]


def test_a_dict_stays_a_mapping():
    estimator = fitted(y={"number": Y["number"]}).add_task("new", X, EASY)
    assert isinstance(estimator.predict(X), Targets)
    assert list(estimator.predict(X)) == ["number", "new"]


# -- afterwards


@pytest.mark.parametrize("freeze", [True, False])
def test_a_pickle_predicts_and_goes_on_alike(freeze):
    estimator = fitted(trunk=DEEP).add_task("new", X, EASY, freeze=freeze)
    again = pickle.loads(pickle.dumps(estimator))
    assert_same(again.predict(X), estimator.predict(X))
    assert_same(again.transform(X), estimator.transform(X))
    pd.testing.assert_frame_equal(again.history_, estimator.history_)
    one, other = (e.add_task("newer", X, X[:, 3] > 0) for e in (estimator, again))
    assert_same(one.predict(X), other.predict(X))


def test_a_clone_knows_nothing_of_it():
    estimator = clone(fitted().add_task("new", X, EASY)).fit(X, Y)
    assert estimator.task_names_ == ["number", "label"]


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_all_tasks_can_be_trained_afterwards(how):
    estimator = fitted(trunk=DEEP).add_task("new", X, EASY)
    everything = Targets({**Y, "new": EASY})
    before = weights_of(estimator)
    if how == "warm_start":
        estimator.set_params(warm_start=True, max_epochs=2).fit(X, everything)
    else:
        estimator.partial_fit(X, everything).partial_fit(X, everything)
    assert estimator.n_iter_ == 10
    assert estimator.task_names_ == ["number", "label", "new"]
    assert estimator.history_.loc[9:, ["train_loss__number", "train_loss__new"]].notna().all(axis=None)
    now = weights_of(estimator)
    assert list(now) == list(before)
    changed = {name for name, values in before.items() if not np.array_equal(values, now[name])}
    assert changed == {name for name, p in estimator.net_.module_.named_parameters()}


def test_going_on_needs_the_labels_of_all_tasks():
    estimator = fitted().add_task("new", X, EASY).set_params(warm_start=True)
    with pytest.raises(ValueError, match="new"):
        estimator.fit(X, Y)


def test_penalties_are_those_of_the_first_tasks():
    penalties = [TraceNorm(0.1), RepresentationDropout(0.2)]
    estimator = fitted(penalties=penalties).add_task("new", X, EASY)
    everything = Targets({**Y, "new": EASY})
    estimator.set_params(warm_start=True, max_epochs=1).fit(X, everything)
    assert np.isfinite(estimator.score(X, everything))


# -- errors


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("number", {}, r"name='number' should be a str other than the names of the tasks \['number', 'label'\]"),
        (3, {}, "name=3 should be a str"),
        ("new", {"X": X[:, :3]}, "X has 3 features, but MLP is expecting 4|X has 3 features"),
        ("new", {"X": X[:50]}, "inconsistent numbers of samples"),
        ("new", {"y": np.full(150, np.nan)}, "task 'new'"),
        ("new", {"y": np.r_[EASY[1:], np.inf]}, "task 'new'"),
        ("new", {"task": "multilabel"}, "task 'new'"),
        ("new", {"task": "nothing"}, "nothing"),
        ("new", {"task": 3}, "3"),
        ("new", {"sample_weight": np.ones(3)}, "sample_weight|inconsistent"),
        ("new", {"sample_weight": -np.ones(150)}, "sample_weight"),
    ],
    ids=[
        "existing name", "no text", "too few columns", "other rows", "no labels", "infinite", "wrong task",
        "unknown task", "no task", "too few weights", "negative weights",
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_name(name, params, message):
    arguments = {"X": X, "y": EASY, **params}
    with pytest.raises((ValueError, TypeError), match=message):
        fitted().add_task(name, **arguments)


def test_a_name_that_was_added_is_taken():
    with pytest.raises(ValueError, match="name='new' should be a str other than"):
        fitted().add_task("new", X, EASY).add_task("new", X, EASY)


def test_what_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        net().add_task("new", X, EASY)


def test_companions_take_tasks_of_their_kind_only():
    regressor = MultiTaskNetRegressor(max_epochs=1, random_state=0, n_members=1).fit(X, Y["number"])
    with pytest.raises(ValueError, match=r"task 'new': .* is not a regression task"):
        regressor.add_task("new", X, EASY, task=Classification())
    classifier = MultiTaskNetClassifier(max_epochs=1, random_state=0, n_members=1).fit(X, Y["label"])
    with pytest.raises(ValueError, match="task 'new'"):
        classifier.add_task("new", X, EASY, task="regression")


def test_other_names_of_columns_are_refused():
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator = fitted(frame, Y)
    with pytest.raises(ValueError, match="feature names"):
        estimator.add_task("new", frame.rename(columns={"a": "z"}), EASY)


def test_a_single_class_is_warned_of():
    with pytest.warns(SingleClassWarning, match="task 'new'"):
        fitted().add_task("new", X, np.ones(150, dtype=int))


def test_the_generator_of_torch_is_not_touched():
    before = torch.get_rng_state()
    fitted(trunk=DEEP).add_task("new", X, EASY)
    assert torch.equal(torch.get_rng_state(), before)
