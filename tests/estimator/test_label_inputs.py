"""Tasks read labels of other tasks that are known at prediction."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EpochScoring

from sklearn_mtl import MultiTaskNetEstimator, Portfolio, Targets, load_model, save_model
from sklearn_mtl.architectures import HardSharing, TaskGraph
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model, inputs, mixed_targets, net

X = inputs(120)
Y = mixed_targets(X, missing=0.2)
GIVEN = {"species": Y["species"], "mass": Y["mass"]}


def reading(**params):
    return net(label_inputs=True, learning_rate=0.01, **params)


def dependent(n_rows, seed):
    """Make a class, and a number that follows from X only together with it."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, 3))
    sign = rng.choice(["minus", "plus"], size=n_rows)
    level = np.where(sign == "plus", rows[:, 0], -rows[:, 0]) + 0.1 * rng.normal(size=n_rows)
    return rows, Targets(sign=sign, level=level, other=rows[:, 1] + rows[:, 2])


# -- what is learned


def test_a_known_label_helps_and_an_unknown_one_does_no_harm():
    params = {"max_epochs": 40, "learning_rate": 0.01, "batch_size": 32, "early_stopping": True}
    (rows, y), (others, true) = dependent(600, 0), dependent(600, 1)
    plain, fitted = net(**params).fit(rows, y), net(**params, label_inputs=True).fit(rows, y)
    alone = fitted.score_tasks(others, true)
    known = fitted.score_tasks(others, true, given={"sign": true["sign"]})
    assert known["level"] > 0.8 > 0.2 > alone["level"]
    assert known["sign"] == alone["sign"]
    for name, score in plain.score_tasks(others, true).items():
        assert alone[name] > score - 0.1
    assert fitted.score(others, true, given={"sign": true["sign"]}) > fitted.score(others, true)


# -- what is read


@pytest.mark.parametrize(
    "params", [{}, {"n_members": 2}, {"architecture": "mmoe"}, {"architecture": "independent"}]
)
def test_unknown_labels_are_as_none(params):
    fitted = reading(**params).fit(X, Y)
    unknown = {name: np.full(len(X), None) for name in Y}
    assert_same(fitted.predict(X, given=unknown), fitted.predict(X))
    assert_same(fitted.predict_proba(X, given=unknown), fitted.predict_proba(X))


@pytest.mark.parametrize("task", list(Y))
def test_a_label_is_read_by_all_tasks_but_its_own(task):
    fitted = reading().fit(X, Y)
    given, none = (fitted._model.outputs(X, list(Y), fitted, known) for known in ({task: Y[task]}, None))
    assert {name for name in Y if not np.array_equal(given[name], none[name])} == {*Y} - {task}


def test_a_row_reads_its_own_known_labels_only():
    fitted = reading().fit(X, Y)
    first = np.array([Y["species"][0] or "ape", *[None] * (len(X) - 1)], dtype=object)
    given, none = (fitted.predict(X, given=g)["mass"] for g in ({"species": first}, None))
    assert given[0] != none[0]
    np.testing.assert_array_equal(given[1:], none[1:])


@pytest.mark.parametrize("kind", [dict, Targets, pd.DataFrame])
def test_known_labels_come_in_any_container_with_names(kind):
    fitted = reading().fit(X, Y)
    assert_same(fitted.predict(X, given=kind(GIVEN)), fitted.predict(X, given=GIVEN))


def test_all_methods_agree():
    fitted = reading(n_members=2).fit(X, Y)
    labels, probabilities = fitted.predict_all(X, given=GIVEN)
    assert_same(labels, fitted.predict(X, given=GIVEN))
    assert_same(probabilities, fitted.predict_proba(X, given=GIVEN))
    assert (fitted.predict_std(X, given=GIVEN)["mass"] != fitted.predict_std(X)["size"][:, 0]).any()
    assert_same(fitted.predict(X, tasks=["sick"], given=GIVEN)["sick"], labels["sick"])


def test_few_rows_are_predicted_as_among_many():
    fitted = reading(trunk=MLP(hidden_sizes=(32,), scaling="standard")).fit(X, Y)
    few = {name: values[:2] for name, values in GIVEN.items()}
    assert_same(fitted.predict(X[:2], given=few)["mass"], fitted.predict(X, given=GIVEN)["mass"][:2])


def test_an_auxiliary_task_may_be_an_input_only():
    fitted = reading(auxiliary=["species"]).fit(X, Y)
    given = fitted.predict(X, given={"species": Y["species"]})
    assert "species" not in given
    assert (given["mass"] != fitted.predict(X)["mass"]).any()


def test_an_auxiliary_task_helps_as_an_input_where_nothing_is_shared():
    fitted = reading(auxiliary=["species"], architecture="independent").fit(X, Y)
    assert (fitted.predict(X, given={"species": Y["species"]})["mass"] != fitted.predict(X)["mass"]).any()


# -- what is refused


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nope": Y["mass"]}, r"given names \['nope'\]; the network reads labels of"),
        ({"mass": Y["mass"][:3]}, "given has 3 rows, but X has 120"),
        ({"species": np.full(len(X), "dog")}, "given: task 'species'"),
        (Y["mass"], "given should name tasks"),
    ],
)
def test_wrong_labels_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        reading().fit(X, Y).predict(X, given=given)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_all", "score_tasks", "score"])
def test_a_network_that_reads_no_labels_refuses_them(method):
    arguments = (X, Y) if "score" in method else (X,)
    with pytest.raises(ValueError, match="label_inputs=False"):
        getattr(net().fit(X, Y), method)(*arguments, given=GIVEN)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"ensemble": "batch", "n_members": 2}, "does not work with ensemble='batch'"),
        ({"architecture": TaskGraph({"mass": ["sick"]})}, "does not work with TaskGraph"),
        ({"task_weights": dict.fromkeys([*Y][1:], 0)}, "label_inputs=True has no effect"),
    ],
)
def test_what_cannot_read_labels_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        reading(**params).fit(X, Y)


def test_a_task_of_weight_zero_is_not_read():
    fitted = reading(task_weights={"mass": 0}).fit(X, Y)
    with pytest.raises(ValueError, match="given names"):
        fitted.predict(X, given={"mass": Y["mass"]})


def test_another_value_requires_a_new_fit():
    fitted = net(warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"label_inputs=True.* new fit"):
        fitted.set_params(label_inputs=True).fit(X, Y)


# -- the rest of the estimator


def test_it_is_cloned_pickled_and_saved(tmp_path):
    fitted = reading(n_members=2).fit(X, Y)
    save_model(fitted, tmp_path / "model.mtl")
    for copied in (pickle.loads(pickle.dumps(fitted)), load_model(tmp_path / "model.mtl")):
        assert_same(copied.predict(X, given=GIVEN), fitted.predict(X, given=GIVEN))
    assert_same_model(clone(fitted).fit(X, Y), fitted)


def test_members_equal_single_fits():
    fitted = reading(n_members=2).fit(X, Y)
    single = reading(random_state=int(fitted.member_seeds_[1])).fit(X, Y)
    member = fitted._model.member_outputs(X, ["mass"], fitted, GIVEN)["mass"][1]
    np.testing.assert_array_equal(member, single._model.outputs(X, ["mass"], single, GIVEN)["mass"])


@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": True, "validation": 0.3},
        {"weighting": "pcgrad"},
        {"task_sampling": "proportional"},
        {"architecture": HardSharing(tower_sizes=(4,)), "penalties": ["representation_dropout"]},
        {"dtype": "float64", "n_members": 2, "early_stopping": True},
    ],
)
def test_it_works_with_other_parts(params):
    fitted = reading(**params).fit(X, Y)
    assert (fitted.predict(X, given=GIVEN)["size"] != fitted.predict(X)["size"]).any()


def test_sparse_rows_and_separate_validation_rows():
    rows = csr_matrix(X)
    fitted = reading(early_stopping=True).fit(rows, Y, X_val=rows, y_val=Y)
    assert fitted.n_iter_ > 0
    assert (fitted.predict(rows, given=GIVEN)["size"] != fitted.predict(rows)["size"]).any()


def test_rows_of_weight_zero_may_have_unknown_labels():
    species = Y["species"].copy()
    species[0] = "dog"
    weight = {"species": np.arange(len(X)) > 0}
    reading().fit(X, Targets({**Y, "species": species}), sample_weight=weight)


def test_training_goes_on_and_tasks_are_added():
    fitted = reading(warm_start=True).fit(X, Y).fit(X, Y).partial_fit(X, Y)
    before = fitted.predict(X, given=GIVEN)
    fitted.add_task("more", X, X[:, 0])
    after = fitted.predict(X, given=GIVEN)
    assert_same({name: after[name] for name in before}, dict(before))
    with pytest.raises(ValueError, match="given names"):
        fitted.predict(X, given={"more": X[:, 0]})


def test_callbacks_score_predictions_without_labels():
    scored = reading(callbacks=[EpochScoring(lambda net, X, y: net.score(X, y), name="mine", on_train=True)])
    scored.fit(X, Y)
    assert scored.history_["mine"].iloc[-1] == pytest.approx(scored.score(X, Y))


def test_a_default_estimator_trains_one_network():
    fitted = MultiTaskNetEstimator(label_inputs=True, max_epochs=2, random_state=0).fit(X, Y)
    assert not hasattr(fitted, "recipe_weights_")


def test_a_portfolio_of_named_recipes_reads_labels():
    recipes = {"one": {"learning_rate": 0.01}, "two": {"learning_rate": 0.02, "architecture": "independent"}}
    fitted = reading(ensemble=Portfolio(recipes), n_members=2).fit(X, Y)
    assert (fitted.predict(X, given=GIVEN)["size"] != fitted.predict(X)["size"]).any()


def test_a_view_and_a_pipeline_predict_without_labels():
    fitted = reading().fit(X, Y)
    np.testing.assert_array_equal(fitted.task_view("mass").predict(X), fitted.predict(X)["mass"])
    assert "mass" in make_pipeline(StandardScaler(), reading()).fit(X, Y).predict(X)
