"""The parameter ``penalties`` of the estimator."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_mtl.penalties import GroupLasso, Orthogonality, RepresentationDropout, TraceNorm, WeightPenalty

from .._helpers import assert_same, assert_same_model, inputs, mixed_targets, net, weights_of

X = inputs()
Y = mixed_targets(X)


def estimator():
    return net(penalties=[TraceNorm(strength=0.1), "group_lasso", RepresentationDropout(p=0.2)])


def test_penalties_are_listed_by_name():
    params = estimator().get_params()
    nested = {name: value for name, value in params.items() if name.startswith("penalties__")}
    assert set(nested) == {
        "penalties__trace_norm",
        "penalties__trace_norm__strength",
        "penalties__group_lasso",
        "penalties__representation_dropout",
        "penalties__representation_dropout__p",
    }
    assert nested["penalties__trace_norm__strength"] == 0.1
    assert nested["penalties__representation_dropout__p"] == 0.2
    assert nested["penalties__group_lasso"] == "group_lasso"


@pytest.mark.parametrize("deep", [True, False])
def test_without_penalties_there_is_only_the_sequence(deep):
    assert [name for name in net().get_params(deep=deep) if name.startswith("penalties")] == ["penalties"]
    assert net().penalties == ()


@pytest.mark.parametrize("given", [list, tuple])
def test_the_sequence_of_the_caller_is_never_written_to(given):
    mine = given([TraceNorm(strength=0.1), "group_lasso"])
    first, before = mine[0], given(mine)
    changed = net(penalties=mine).set_params(
        penalties__trace_norm__strength=0.5, penalties__group_lasso__strength=0.7
    )
    assert changed.penalties[0].strength == 0.5
    assert isinstance(changed.penalties[1], GroupLasso)
    assert changed.penalties[1].strength == 0.7
    assert mine == before
    assert mine[0] is first
    assert first.strength == 0.1
    changed.fit(X, Y)
    assert (first.strength, mine[1]) == (0.1, "group_lasso")


def test_an_entry_can_be_replaced():
    mine = estimator().set_params(penalties__trace_norm=TraceNorm(0.7), penalties__group_lasso=Orthogonality(0.3))
    assert [type(penalty) for penalty in mine.penalties] == [TraceNorm, Orthogonality, RepresentationDropout]
    assert mine.get_params()["penalties__orthogonality__strength"] == 0.3


def test_the_whole_is_set_before_what_is_inside():
    mine = net().set_params(penalties__trace_norm__strength=0.3, penalties=["trace_norm"])
    assert mine.penalties[0].strength == 0.3


@pytest.mark.parametrize(
    "name", ["penalties__orthogonality__strength", "penalties__trace_norm__p", "penalties__x"]
)
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=name.split("__")[-1]):
        estimator().set_params(**{name: 0.1})


def test_clone_and_pickle():
    mine = estimator()
    for other in (clone(mine), pickle.loads(pickle.dumps(mine))):
        assert repr(other) == repr(mine)
        assert other.penalties[0] is not mine.penalties[0]
        assert other.get_params()["penalties__trace_norm__strength"] == 0.1


def test_fitted_estimator_keeps_what_it_was_given():
    mine = [TraceNorm(strength=0.1), "group_lasso"]
    fitted = net(penalties=mine).fit(X, Y)
    assert fitted.penalties is mine
    assert_same(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))
    assert_same_model(clone(fitted).fit(X, Y), fitted)


def test_shorthand_is_the_penalty_with_its_defaults():
    assert_same_model(net(penalties=["trace_norm"]).fit(X, Y), net(penalties=[TraceNorm()]).fit(X, Y))


def test_a_change_after_the_fit_waits_for_the_next():
    penalty = TraceNorm(strength=0.1)
    fitted = net(penalties=[penalty]).fit(X, Y)
    penalty.strength = 9.0
    assert fitted._model.blueprint.penalties[0].strength == 0.1


@pytest.mark.parametrize(
    ("penalties", "match"),
    [
        ("trace_norm", r"'penalties' parameter .* must be an instance of 'list' or an instance of 'tuple'"),
        (TraceNorm(), r"'penalties' parameter .* must be an instance of 'list'"),
        (None, r"'penalties' parameter .* must be an instance of 'list'"),
        ({"trace_norm": 0.1}, r"'penalties' parameter .* must be an instance of 'list'"),
        (["ridge"], r"penalties='ridge' should be a Penalty or one of \['group_lasso', "),
        ([TraceNorm], r"penalties=<class .* should be a Penalty"),
        ([None], r"penalties=None should be a Penalty"),
        (["trace_norm", TraceNorm()], r"a class more than once: \['trace_norm', 'trace_norm'\]"),
        ([TraceNorm(strength=-0.1)], r"'strength' parameter of TraceNorm must be a float in the range"),
        ([GroupLasso(strength="much")], r"'strength' parameter of GroupLasso"),
        ([Orthogonality(strength=float("nan"))], r"'strength' parameter of Orthogonality"),
        ([TraceNorm(strength=float("inf"))], r"'strength' parameter of TraceNorm"),
        ([RepresentationDropout(p=1.0)], r"'p' parameter of RepresentationDropout must be a float in the range"),
        ([RepresentationDropout(p=-0.1)], r"'p' parameter of RepresentationDropout"),
    ],
    ids=["text", "one", "None", "mapping", "unknown", "class", "None inside", "twice", "negative", "no number",
         "nan", "infinite", "everything dropped", "negative share"],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_fit(penalties, match):
    wrong = net(penalties=penalties)
    wrong.get_params()
    with pytest.raises(ValueError, match=match):
        clone(wrong).fit(X, Y)


def test_no_penalties_in_any_sequence():
    assert_same_model(net(penalties=[]).fit(X, Y), net().fit(X, Y))


def test_order_of_penalties_does_not_matter():
    several = [TraceNorm(0.1), RepresentationDropout(0.2), Orthogonality(0.1)]
    one, other = (net(penalties=order, dtype="float64").fit(X, Y) for order in (several, several[::-1]))
    weights, others = weights_of(one), weights_of(other)
    for name, values in weights.items():
        np.testing.assert_allclose(values, others[name], rtol=0, atol=1e-10, err_msg=name)


class SumOfSquares(WeightPenalty):
    """A custom penalty without parameter constraints."""

    def __init__(self, strength=0.1):
        self.strength = strength

    def value(self, weights):
        return sum(weight.square().sum(dim=(-2, -1)) for weight in weights.values())


def test_a_penalty_of_ones_own():
    estimator = net(penalties=[SumOfSquares(), "trace_norm"], max_epochs=20, learning_rate=0.02)
    squares = []
    for strength in (0.0, 0.1, 10.0):
        estimator.set_params(penalties__sum_of_squares__strength=strength).fit(X, Y)
        squares.append(SumOfSquares().value(estimator.net_.module_.head_weights()).item())
    assert squares[0] > 1.2 * squares[1] > 1.2 * squares[2]


# -- searches


def test_search_over_strengths():
    grid = {"penalties__trace_norm__strength": [0.0, 10.0], "penalties__representation_dropout__p": [0.0, 0.5]}
    search = GridSearchCV(estimator(), grid, cv=KFold(2)).fit(X, Y)
    results = search.cv_results_
    assert np.isfinite(results["mean_test_score"]).all()
    assert len(set(results["mean_test_score"])) == 4
    best = search.best_estimator_.get_params()
    assert all(best[name] == value for name, value in search.best_params_.items())


def test_search_over_whole_lists():
    lists = [[], ["trace_norm"], [TraceNorm(1.0), GroupLasso(1.0)], (Orthogonality(10.0),)]
    search = GridSearchCV(net(dtype="float64"), {"penalties": lists}, cv=KFold(2)).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    for index, penalties in enumerate(lists):
        alone = GridSearchCV(net(dtype="float64", penalties=penalties), {}, cv=KFold(2)).fit(X, Y)
        assert search.cv_results_["mean_test_score"][index] == alone.cv_results_["mean_test_score"][0]


def test_search_over_an_entry():
    grid = {"penalties__trace_norm": [TraceNorm(0.1), Orthogonality(0.1)]}
    search = GridSearchCV(net(penalties=["trace_norm"]), grid, cv=KFold(2), refit=False).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
