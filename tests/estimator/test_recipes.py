"""What an estimator trains whose trunk, architecture and ensemble are not named."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklearn_mtl import (
    EarlyStopping,
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    MultiTaskNetRegressor,
    Portfolio,
    recommended_recipes,
)
from sklearn_mtl.estimator._recipes import recipes_of_fit
from sklearn_mtl.utils._same import same

X = np.random.default_rng(0).normal(size=(120, 4))
Y = {"sum": X.sum(axis=1), "sign": np.where(X[:, 0] > 0, "plus", "minus")}


def recipes(X=X, y=Y, **params):
    return list(recipes_of_fit(MultiTaskNetEstimator(**params), X, y, None))


def test_a_table_gets_the_recommended_recipes():
    fitted = MultiTaskNetEstimator(max_epochs=2, random_state=0).fit(X, Y)
    assert list(fitted.recipe_weights_["sum"]) == recipes()
    assert set(fitted.history_.index) == {1, 2}
    assert fitted.score_tasks(X, Y).keys() == Y.keys()


@pytest.mark.parametrize(
    "params",
    [
        {"trunk": "mlp"},
        {"architecture": "hard_sharing"},
        {"n_members": 1},
        {"ensemble": "deep"},
        {"weighting": "uncertainty"},
        {"optimizer": "sgd"},
        {"penalties": ["trace_norm"]},
        {"task_sampling": "round_robin"},
        {"warm_start": True},
        {"net_params": {"optimizer__betas": (0.9, 0.99)}},
    ],
    ids=lambda params: next(iter(params)),
)
def test_whoever_names_a_part_of_one_training_gets_exactly_that(params):
    assert recipes(**params) == [""]


@pytest.mark.parametrize(
    "params",
    [
        {"checkpoint": "folder"},
        {"max_epochs": 3},
        {"task_weights": {"sum": 2.0}},
        {"random_state": 1},
        {"metrics": {"sum": "r2"}},
    ],
)
def test_other_parameters_leave_the_recommendation(params):
    assert len(recipes(**params)) > 1


def test_what_is_set_is_for_all_recipes():
    found = recipes_of_fit(MultiTaskNetEstimator(learning_rate=0.5, early_stopping=True), X, Y, None)
    assert all("learning_rate" not in recipe and "early_stopping" not in recipe for recipe in found.values())


def test_a_rule_that_leaves_open_when_to_stop_is_that_of_all_recipes():
    stopping = EarlyStopping(monitor="score", n_iter_no_change=5)
    configs = MultiTaskNetEstimator(early_stopping=stopping)._configs(X, Y, None)
    default = MultiTaskNetEstimator()._configs(X, Y, None)
    assert list(configs) == list(default)
    found = [config.early_stopping for config in configs.values()]
    assert [each.when for each in found] == [config.early_stopping.when for config in default.values()]
    assert [each.when for each in found if each.is_off] == [False]
    assert {(each.monitor, each.n_iter_no_change) for each in found} == {("score", 5)}


@pytest.mark.parametrize("when", [True, False, "per_task"])
def test_whoever_says_when_to_stop_says_it_for_all_recipes(when):
    for stopping in (when, EarlyStopping(when, n_iter_no_change=5)):
        configs = MultiTaskNetEstimator(early_stopping=stopping)._configs(X, Y, None)
        assert {config.early_stopping.when for config in configs.values()} == {when}
        assert len(configs) > 1


def test_a_rule_of_defaults_trains_what_no_rule_does():
    named = MultiTaskNetEstimator(max_epochs=2, random_state=3, early_stopping=EarlyStopping()).fit(X, Y)
    default = MultiTaskNetEstimator(max_epochs=2, random_state=3).fit(X, Y)
    assert default.recipe_weights_ == named.recipe_weights_
    np.testing.assert_array_equal(default.predict(X)["sum"], named.predict(X)["sum"])


def test_a_recipe_says_when_to_stop_or_has_a_rule_of_its_own():
    recipes = {
        "all": {"early_stopping": False},
        "own": {"early_stopping": EarlyStopping(n_iter_no_change=2)},
        "as ever": {"learning_rate": 0.5},
    }
    stopping = EarlyStopping(True, "score", 7)
    configs = MultiTaskNetEstimator(ensemble=Portfolio(recipes), early_stopping=stopping)._configs(X, Y, None)
    rules = {name: config.early_stopping for name, config in configs.items()}
    assert same(rules["all"], EarlyStopping(False, "score", 7))
    assert same(rules["own"], EarlyStopping("auto", "loss", 2))
    assert same(rules["as ever"], stopping)


def test_a_subclass_that_sets_a_trunk_gets_exactly_that():
    class Small(MultiTaskNetEstimator):
        def __init__(self, max_epochs=2):
            super().__init__(trunk="mlp", max_epochs=max_epochs)

    assert list(recipes_of_fit(Small(), X, Y, None)) == [""]


def test_what_is_set_is_for_all_recipes_of_a_portfolio_by_name():
    found = recipes_of_fit(MultiTaskNetEstimator(ensemble="portfolio", n_members=2, learning_rate=0.5), X, Y, None)
    assert len(found) > 1
    assert all("n_members" not in recipe and "learning_rate" not in recipe for recipe in found.values())


@pytest.mark.parametrize("rows", [None, [["a", "b"], ["b"]] * 60, np.zeros((120, 1, 8, 8), np.float32)])
def test_recommended_recipes_by_name_are_for_tables(rows):
    with pytest.raises(ValueError, match="recommended for a table"):
        recipes_of_fit(MultiTaskNetEstimator(ensemble="portfolio"), rows, Y, None)


def test_changes_of_a_recommended_recipe_are_the_callers_own():
    recommended_recipes(500, 4, 2)["shared"]["trunk"].set_params(dropout=0.9)
    assert recommended_recipes(500, 4, 2)["shared"]["trunk"].dropout == 0.2


def test_one_network_is_trained_for_other_inputs():
    images = np.random.default_rng(0).normal(size=(20, 1, 8, 8)).astype(np.float32)
    assert recipes(images, {"a": np.arange(20) % 2}) == [""]
    assert recipes([["a", "b"], ["b"]] * 10, {"a": [0, 1] * 10}) == [""]


def test_a_named_ensemble_has_eight_members_unless_they_are_counted():
    (recipe,) = recipes_of_fit(MultiTaskNetEstimator(ensemble="deep"), X, Y, None).values()
    assert recipe == {"n_members": 8}
    (recipe,) = recipes_of_fit(MultiTaskNetEstimator(ensemble="deep", n_members=3), X, Y, None).values()
    assert recipe == {}


@pytest.mark.parametrize("n_rows", [20, 1_000, 1_001, 5_000, 20_000])
@pytest.mark.parametrize("n_tasks", [1, 3, 200])
def test_every_table_has_shared_and_linear_recipes(n_rows, n_tasks):
    found = recommended_recipes(n_rows, 10, n_tasks)
    assert {"shared", "shared, without bins", "linear"} <= set(found)
    assert (n_tasks == 3 and n_rows <= 10_000) == ("independent, without bins" in found)


def test_wide_tables_of_several_tasks_have_no_independent_networks():
    assert "independent, without bins" in recommended_recipes(500, 2_000, 3)
    assert "independent, without bins" not in recommended_recipes(500, 2_001, 3)


def test_the_recommendation_depends_on_tasks_and_not_on_their_container():
    both = [Y, pd.DataFrame(Y), np.column_stack([Y["sum"], X[:, 0]])]
    assert len({tuple(recipes(y=y)) for y in both}) == 1
    assert "independent, without bins" in recipes()
    assert "independent, without bins" not in recipes(y=Y["sum"])


def test_the_default_is_the_portfolio_of_the_recommended_recipes():
    spec = Portfolio(recommended_recipes(*X.shape, len(Y)))
    named = MultiTaskNetEstimator(ensemble=spec, max_epochs=2, random_state=3).fit(X, Y)
    default = MultiTaskNetEstimator(max_epochs=2, random_state=3).fit(X, Y)
    assert default.recipe_weights_ == named.recipe_weights_
    np.testing.assert_array_equal(default.predict(X)["sum"], named.predict(X)["sum"])


def test_classifiers_and_regressors_have_the_same_recommendation():
    assert MultiTaskNetClassifier(max_epochs=1).fit(X, Y["sign"]).recipe_weights_
    assert MultiTaskNetRegressor(max_epochs=1).fit(X, Y["sum"]).recipe_weights_


def test_a_recommended_fit_is_the_same_again_and_after_clone():
    net = MultiTaskNetEstimator(max_epochs=2, random_state=3)
    first, second = net.fit(X, Y).predict(X), clone(net).fit(X, Y).predict(X)
    np.testing.assert_array_equal(first["sum"], second["sum"])


def test_batches_train_one_network_and_continue_what_was_fitted():
    assert not hasattr(MultiTaskNetEstimator(random_state=0).partial_fit(X, Y), "recipe_weights_")
    fitted = MultiTaskNetEstimator(max_epochs=2, random_state=0).fit(X, Y)
    weights = fitted.recipe_weights_
    assert fitted.partial_fit(X, Y).recipe_weights_ == weights
    fitted.add_task("first", X, X[:, 0])
    assert fitted.predict(X)["first"].shape == (120,)


def test_predictions_of_one_row_equal_those_among_others():
    fitted = MultiTaskNetEstimator(max_epochs=2, random_state=0).fit(X, Y)
    np.testing.assert_allclose(fitted.predict(X[:1])["sum"], fitted.predict(X)["sum"][:1], rtol=1e-6)
