import pytest

from sklearn_mtl import weighting as weightings
from sklearn_mtl.testing import WeightingConformance
from sklearn_mtl.testing._weighting import random_losses
from sklearn_mtl.weighting import (
    FAMO,
    IMTLG,
    MGDA,
    STCH,
    AlignedMTL,
    CAGrad,
    DynamicWeightAverage,
    GeometricMean,
    GradNorm,
    GramianWeighting,
    NashMTL,
    PCGrad,
    RandomWeighting,
    Static,
    Uncertainty,
    UPGrad,
    Weighting,
)

WEIGHTINGS = {
    "static": Static(),
    "uncertainty": Uncertainty(),
    "geometric_mean": GeometricMean(),
    "dynamic_weight_average": DynamicWeightAverage(),
    "random_weighting": RandomWeighting(),
    "famo": FAMO(),
    "stch": STCH(),
    "grad_norm": GradNorm(),
    "pcgrad": PCGrad(),
    "cagrad": CAGrad(),
    "imtlg": IMTLG(),
    "aligned_mtl": AlignedMTL(),
    "nash_mtl": NashMTL(),
    "mgda": MGDA(),
    "upgrad": UPGrad(),
}


class TestExportedWeightings(WeightingConformance):
    def cases(self):
        return WEIGHTINGS


def test_every_exported_weighting_is_held_to_the_contract():
    exported = {getattr(weightings, name) for name in weightings.__all__}
    types = {
        item
        for item in exported
        if isinstance(item, type) and issubclass(item, Weighting) and item not in (Weighting, GramianWeighting)
    }
    assert types == {type(weighting) for weighting in WEIGHTINGS.values()}


@pytest.mark.parametrize("shorthand", WEIGHTINGS)
def test_shorthand_is_the_weighting_with_its_defaults(shorthand):
    resolved = weightings.resolve_weighting(shorthand)
    assert type(resolved) is type(WEIGHTINGS[shorthand])
    assert resolved.get_params() == type(resolved)().get_params()


@pytest.mark.parametrize("weighting", ["dynamic", None, Static])
def test_anything_else_is_refused_with_what_there_is(weighting):
    with pytest.raises(ValueError, match=r"weighting=.* should be a Weighting or one of \['aligned_mtl', "):
        weightings.resolve_weighting(weighting)


@pytest.mark.parametrize("seed", range(3))
def test_static_weights_are_one_whatever_the_losses(seed):
    module = Static().build(dict.fromkeys("abcd"))
    losses = random_losses(seed=seed)
    assert module(losses, losses > 0.5, None).tolist() == [1, 1, 1, 1]
