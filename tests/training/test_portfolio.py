"""Portfolios: recipes that are trained in turn, and weighted for each task by the rows that members held out."""

import pickle

import numpy as np
import pandas as pd
import pytest

from sklearn_mtl import DeepEnsemble, EarlyStopping, MultiTaskNetEstimator, Portfolio, load_model, save_model
from sklearn_mtl.architectures import Grouped
from sklearn_mtl.trunks import MLP

from .._helpers import inputs, mixed_targets

SMALL = MLP(hidden_sizes=(16,), scaling="standard")
RECIPES = {
    "shared": {"trunk": SMALL},
    "independent": {"trunk": SMALL, "architecture": "independent"},
    "linear": {"trunk": MLP(hidden_sizes=(), scaling="standard"), "learning_rate": 1e-2},
}


def portfolio(recipes=RECIPES, weighted=True, **params):
    defaults = {"n_members": 2, "max_epochs": 5, "random_state": 0}
    return MultiTaskNetEstimator(ensemble=Portfolio(recipes, weighted), **{**defaults, **params})


@pytest.fixture(scope="module")
def rows():
    X = inputs(200)
    return X, mixed_targets(X, missing=0.2)


@pytest.fixture(scope="module")
def fitted(rows):
    return portfolio().fit(*rows)


def test_weights_of_each_task_are_shares(fitted, rows):
    assert list(fitted.recipe_weights_) == fitted.task_names_
    for weights in fitted.recipe_weights_.values():
        assert list(weights) == list(RECIPES)
        assert min(weights.values()) > 0
        assert sum(weights.values()) == pytest.approx(1)


def test_predictions_are_weighted_means_of_the_recipes(fitted, rows):
    X, y = rows
    singles = {
        name: MultiTaskNetEstimator(**{"n_members": 2, "max_epochs": 5, "ensemble": "deep", **recipe}).set_params(
            random_state=_seed_of(fitted)
        )
        for name, recipe in RECIPES.items()
    }
    predicted = {name: net.fit(X, y).predict(X)["mass"] for name, net in singles.items()}
    expected = sum(fitted.recipe_weights_["mass"][name] * values for name, values in predicted.items())
    np.testing.assert_allclose(fitted.predict(X)["mass"], expected, rtol=1e-4)
    proba = {name: net.predict_proba(X)["sick"] for name, net in singles.items()}
    expected = sum(fitted.recipe_weights_["sick"][name] * values for name, values in proba.items())
    np.testing.assert_allclose(fitted.predict_proba(X)["sick"], expected, atol=1e-5)


def test_a_row_is_predicted_alike_wherever_it_stands(fitted, rows):
    X, _ = rows
    order = np.random.RandomState(3).permutation(len(X))
    whole, moved = fitted.predict_all(X), fitted.predict_all(X[order])
    for kind, again in zip(whole, moved, strict=True):
        for name in kind:
            np.testing.assert_array_equal(again[name], kind[name][order])


def _seed_of(fitted):
    """Return the random_state that all recipes got."""
    return np.random.RandomState(0).randint(np.iinfo(np.int32).max)


def test_members_of_equal_number_hold_out_the_same_rows_in_each_recipe(fitted):
    held = fitted.validation_rows_
    assert len(held) == 6
    for number in range(2):
        for other in held[number::2]:
            np.testing.assert_array_equal(held[number], other)


def test_the_recipe_that_predicts_a_task_gets_its_weight():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 4))
    y = {"line": X @ [1.0, -2.0, 0.5, 0.0], "bump": np.abs(X[:, 0]) + np.abs(X[:, 1])}
    recipes = {
        "linear": {"trunk": MLP(hidden_sizes=(), scaling="standard"), "learning_rate": 0.05},
        "net": {"trunk": MLP(hidden_sizes=(64, 64), scaling="standard", dropout=0.3), "learning_rate": 3e-3},
    }
    weights = portfolio(recipes, max_epochs=40).fit(X, y).recipe_weights_
    assert weights["line"]["linear"] > 0.8
    assert weights["bump"]["net"] > 0.8


def test_few_held_out_labels_keep_the_weights_nearly_equal(rows):
    X, y = rows
    scarce = {"mass": np.where(np.arange(len(X)) < 8, y["mass"], np.nan), "sick": y["sick"]}
    weights = portfolio().fit(X, scarce).recipe_weights_["mass"]
    assert max(weights.values()) <= 0.5


def test_without_weighting_all_recipes_count_the_same(rows):
    weights = portfolio(weighted=False).fit(*rows).recipe_weights_
    assert all(weight == pytest.approx(1 / 3) for of_task in weights.values() for weight in of_task.values())


def test_the_weight_of_shared_layers_is_that_of_the_recipes_that_share(fitted):
    for task, weights in fitted.recipe_weights_.items():
        assert fitted.shared_weights_[task] == pytest.approx(weights["shared"])


def test_groups_of_tasks_count_as_grouped_where_they_share(rows):
    groups = [["species", "sick"], ["mass"], ["size", "tags"]]
    recipes = {name: RECIPES[name] for name in ("shared", "independent")}
    recipes["grouped"] = {"trunk": SMALL, "architecture": Grouped(groups)}
    fitted = portfolio(recipes, max_epochs=2).fit(*rows)
    shares = fitted.task_shares_
    assert list(shares.columns) == ["shared", "grouped", "separate"]
    for task, weights in fitted.recipe_weights_.items():
        alone = task == "mass"
        expected = weights["shared"], 0 if alone else weights["grouped"], weights["independent"]
        assert shares.loc[task, ["shared", "grouped"]].tolist() == pytest.approx(expected[:2])
        assert shares.loc[task, "separate"] == pytest.approx(expected[2] + alone * weights["grouped"])
        assert fitted.shared_weights_[task] == pytest.approx(sum(expected[:2]))


def test_a_single_network_has_one_kind_of_sharing(rows):
    X, y = rows
    groups = [["species", "sick", "size", "tags"], ["mass"]]
    kinds = {"hard_sharing": "shared", "independent": "separate", Grouped(groups): "grouped"}
    for architecture, kind in kinds.items():
        net = MultiTaskNetEstimator(architecture=architecture, trunk=SMALL, max_epochs=1).fit(X, y)
        assert net.task_shares_.loc["sick", kind] == 1
    assert net.task_shares_.loc["mass", "separate"] == 1
    added = net.add_task("more", X, X[:, 0])
    assert added.task_shares_.loc["more", "shared"] == 1  # it reads the trunks of all groups


def test_a_fit_is_the_same_again(fitted, rows):
    again = portfolio().fit(*rows)
    assert again.recipe_weights_ == fitted.recipe_weights_
    np.testing.assert_array_equal(again.predict(rows[0])["mass"], fitted.predict(rows[0])["mass"])


def test_pickles_and_files_predict_the_same(fitted, rows, tmp_path):
    X = rows[0]
    save_model(fitted, tmp_path / "model")
    for copy in (pickle.loads(pickle.dumps(fitted)), load_model(tmp_path / "model")):
        assert copy.recipe_weights_ == fitted.recipe_weights_
        for task in ("mass", "size"):
            np.testing.assert_array_equal(copy.predict(X)[task], fitted.predict(X)[task])
        np.testing.assert_array_equal(copy.predict_proba(X)["species"], fitted.predict_proba(X)["species"])


def test_the_spread_is_that_of_all_members(fitted, rows):
    X = rows[0]
    members = fitted._model.member_outputs(X, ["mass"], fitted)["mass"]
    decoded = np.stack([fitted.tasks_["mass"].decode(member) for member in members])
    shares = np.repeat([weight / 2 for weight in fitted.recipe_weights_["mass"].values()], 2)
    mean = (shares[:, None] * decoded).sum(axis=0)
    expected = np.sqrt((shares[:, None] * (decoded - mean) ** 2).sum(axis=0))
    np.testing.assert_allclose(fitted.predict_std(X)["mass"], expected, rtol=1e-6)


def test_the_representation_is_that_of_all_members(fitted, rows):
    assert fitted.transform(rows[0]).shape == (200, len(fitted.get_feature_names_out()))


def test_the_history_names_recipe_and_member(fitted):
    history = fitted.history_
    assert set(history["recipe"]) == set(RECIPES)
    assert set(history["member"]) == {0, 1}
    assert len(history) == 5 * 6


def test_max_epochs_bounds_every_recipe(rows):
    recipes = {"short": {"trunk": SMALL, "max_epochs": 2}, "long": {"trunk": SMALL, "max_epochs": 50}}
    history = portfolio(recipes, max_epochs=3).fit(*rows).history_
    assert history.reset_index().groupby("recipe")["epoch"].max().to_dict() == {"short": 2, "long": 3}


def test_a_recipe_without_early_stopping_trains_all_epochs_and_is_weighted(rows):
    recipes = {"all": {"trunk": SMALL, "early_stopping": False}, "linear": RECIPES["linear"]}
    fitted = portfolio(recipes, early_stopping=EarlyStopping(n_iter_no_change=1)).fit(*rows)
    assert len(set(map(len, fitted.validation_rows_))) == 1
    epochs = fitted.history_.reset_index().groupby("recipe")["epoch"].max()
    assert epochs["all"] == 5
    assert max(fitted.recipe_weights_["mass"].values()) > 0.5


def test_separate_validation_rows_weigh_the_recipes(rows):
    X, y = rows
    fitted = portfolio().fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    assert fitted.validation_rows_ is None
    assert any(weight != pytest.approx(1 / 3) for weight in fitted.recipe_weights_["mass"].values())


def test_groups_are_held_out_as_a_whole(rows):
    X, y = rows
    groups = np.arange(200) // 4
    for held in portfolio().fit(X, y, groups=groups).validation_rows_:
        inside = np.isin(groups, groups[held])
        np.testing.assert_array_equal(np.flatnonzero(inside), held)


def test_labels_of_weight_zero_do_not_weigh_the_recipes(rows):
    X, y = rows
    few = (np.arange(200) < 8).astype(float)
    weights = portfolio().fit(X, y, sample_weight=pd.DataFrame({name: few if name == "mass" else 1 for name in y}))
    assert max(weights.recipe_weights_["mass"].values()) <= 0.5
    assert max(weights.recipe_weights_["sick"].values()) > 0.5


def test_an_interrupted_weighing_keeps_all_recipes_with_equal_weights(rows, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_mtl.training._portfolio.recipe_weights", interrupt)
    fitted = portfolio()
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(*rows)
    assert list(fitted.recipe_weights_["mass"].values()) == pytest.approx([1 / 3] * 3)


def test_frames_keep_their_index_and_columns():
    frame = pd.DataFrame(inputs(60), columns=list("abcd"), index=np.arange(60) + 7)
    y = pd.DataFrame({"sum": frame.sum(axis=1), "first": frame["a"] > 0})
    predicted = portfolio().fit(frame, y).predict(frame)
    assert list(predicted.columns) == ["sum", "first"]
    pd.testing.assert_index_equal(predicted.index, frame.index)


def test_sentences_have_portfolios_too():
    rng = np.random.default_rng(0)
    sentences = [list(rng.choice(list("abcde"), size=size)) for size in rng.integers(2, 6, size=60)]
    y = {
        "tags": [[word in "ab" for word in one] for one in sentences],
        "long": [len(one) > 3 for one in sentences],
    }
    y["tags"] = [["yes" if tag else "no" for tag in one] for one in y["tags"]]
    recipes = {"one": {"learning_rate": 1e-2}, "two": {"learning_rate": 1e-3}}
    fitted = portfolio(recipes, max_epochs=3).fit(sentences, y)
    assert [len(tags) for tags in fitted.predict(sentences)["tags"]] == list(map(len, sentences))
    assert sum(fitted.recipe_weights_["tags"].values()) == pytest.approx(1)


def test_training_continues_in_each_recipe(rows):
    X, y = rows
    fitted = portfolio(warm_start=True).fit(X, y)
    before = len(fitted.history_)
    assert len(fitted.fit(X, y).history_) > before
    weights = fitted.recipe_weights_
    assert fitted.partial_fit(X, y).recipe_weights_ == weights


def test_an_added_task_has_equal_weights(rows):
    X, y = rows
    fitted = portfolio().fit(X, y)
    before = fitted.predict(X)["mass"]
    fitted.add_task("sum", X, X.sum(axis=1))
    assert list(fitted.recipe_weights_["sum"].values()) == pytest.approx([1 / 3] * 3)
    np.testing.assert_array_equal(fitted.predict(X)["mass"], before)


def test_other_recipes_do_not_continue(rows):
    fitted = portfolio(warm_start=True).fit(*rows)
    with pytest.raises(ValueError, match="does not have the recipes"):
        fitted.set_params(ensemble=Portfolio({"other": {"trunk": SMALL}})).fit(*rows)


@pytest.mark.parametrize(
    ("recipes", "message"),
    [
        ({}, "at least one recipe"),
        ({"a": {"device": "cpu"}}, r"recipe 'a' of Portfolio sets \['device'\]"),
        ({"a": {"max_epochs": 0}}, "max_epochs"),
    ],
)
def test_wrong_recipes_are_refused(rows, recipes, message):
    with pytest.raises(ValueError, match=message):
        portfolio(recipes).fit(*rows)


def test_recipes_that_are_no_mappings_are_refused(rows):
    with pytest.raises(TypeError, match="mapping of str to a mapping"):
        portfolio({"a": SMALL}).fit(*rows)


def test_an_interrupted_fit_keeps_the_recipes_with_a_finished_epoch(rows):
    from skorch.callbacks import Callback

    class Interrupt(Callback):
        seen = 0

        def on_epoch_end(self, net, **kwargs):
            Interrupt.seen += 1
            if Interrupt.seen == 8:
                raise KeyboardInterrupt

    fitted = portfolio(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(*rows)
    assert list(fitted.recipe_weights_["mass"]) == ["shared", "independent"]
    assert np.isfinite(fitted.predict(rows[0])["mass"]).all()


def test_gates_of_a_portfolio_are_refused(rows):
    recipes = {"mmoe": {"architecture": "mmoe", "trunk": SMALL}, "linear": RECIPES["linear"]}
    fitted = portfolio(recipes, architecture="mmoe").fit(*rows)
    with pytest.raises(ValueError, match="one architecture"):
        fitted.gate_weights(rows[0])


def test_a_spec_is_a_parameter_by_name():
    estimator = MultiTaskNetEstimator(ensemble="portfolio").set_params(ensemble__weighted=False)
    assert estimator.ensemble.weighted is False
    assert not isinstance(estimator.ensemble, DeepEnsemble)
