import pytest
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_mtl import penalties
from sklearn_mtl.penalties import (
    GroupLasso,
    Orthogonality,
    Penalty,
    RepresentationDropout,
    TraceNorm,
    WeightPenalty,
    penalty_name,
    resolve_penalties,
    resolve_penalty,
)
from sklearn_mtl.testing import PenaltyConformance, WeightPenaltyConformance

from .._helpers import inputs, net

ON_WEIGHTS = {
    "trace_norm": TraceNorm(0.3),
    "group_lasso": GroupLasso(0.3),
    "orthogonality": Orthogonality(0.3),
}
OTHERS = {"representation_dropout": RepresentationDropout(0.3)}
CASES = ON_WEIGHTS | OTHERS


class TestExportedWeightPenalties(WeightPenaltyConformance):
    def cases(self):
        return ON_WEIGHTS


class TestOtherExportedPenalties(PenaltyConformance):
    def cases(self):
        return OTHERS


def test_every_exported_penalty_is_held_to_the_contract():
    exported = {getattr(penalties, name) for name in penalties.__all__}
    types = {item for item in exported if isinstance(item, type) and issubclass(item, Penalty)}
    assert types - {Penalty, WeightPenalty} == {type(penalty) for penalty in CASES.values()}
    assert all(isinstance(penalty, WeightPenalty) for penalty in ON_WEIGHTS.values())
    assert not any(isinstance(penalty, WeightPenalty) for penalty in OTHERS.values())


@pytest.mark.parametrize("shorthand", CASES)
def test_shorthand_is_the_penalty_with_its_defaults(shorthand):
    resolved = resolve_penalty(shorthand)
    assert type(resolved) is type(CASES[shorthand])
    assert resolved.get_params() == type(resolved)().get_params()
    assert penalty_name(resolved) == penalty_name(shorthand) == shorthand


@pytest.mark.parametrize("penalty", ["ridge", None, TraceNorm, 0.1], ids=str)
def test_anything_else_is_refused_with_what_there_is(penalty):
    with pytest.raises(ValueError, match=r"penalties=.* should be a Penalty or one of \['group_lasso', "):
        resolve_penalty(penalty)
    with pytest.raises(ValueError, match=r"penalties=.* should be a Penalty or one of \['group_lasso', "):
        net(penalties=[penalty]).fit(inputs(), inputs())


@pytest.mark.parametrize("given", ["trace_norm", TraceNorm()], ids=["text", "penalty"])
def test_a_penalty_that_is_in_no_sequence_is_refused(given):
    with pytest.raises(ValueError, match=r"penalties=.* should be a sequence of penalties"):
        resolve_penalties(given)
    with pytest.raises(InvalidParameterError, match="The 'penalties' parameter of MultiTaskNetEstimator must be"):
        net(penalties=given).fit(inputs(), inputs())


@pytest.mark.parametrize(
    "given",
    [[TraceNorm(), TraceNorm(0.1)], ["trace_norm", "trace_norm"], ("group_lasso", "trace_norm", TraceNorm())],
    ids=["specs", "texts", "both"],
)
def test_two_of_one_kind_are_refused(given):
    with pytest.raises(ValueError, match=r"penalties contains a class more than once: \['"):
        net(penalties=given).fit(inputs(), inputs())


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (TraceNorm(-1.0), "The 'strength' parameter of TraceNorm"),
        (GroupLasso("much"), "The 'strength' parameter of GroupLasso"),
        (Orthogonality(None), "The 'strength' parameter of Orthogonality"),
        (RepresentationDropout(1.0), "The 'p' parameter of RepresentationDropout"),
        (RepresentationDropout(-0.1), "The 'p' parameter of RepresentationDropout"),
    ],
    ids=repr,
)
def test_wrong_hyperparameters_are_refused_by_fit(penalty, message):
    with pytest.raises(InvalidParameterError, match=message):
        net(penalties=[penalty]).fit(inputs(), inputs())
