import pytest

from sklearn_mtl import architectures
from sklearn_mtl.architectures import Architecture, HardSharing

from .conformance import ArchitectureConformance

ARCHITECTURES = {"hard_sharing": HardSharing()}


class TestExportedArchitectures(ArchitectureConformance):
    @pytest.fixture(params=ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
    def architecture(self, request):
        return request.param


def test_every_exported_architecture_is_held_to_the_contract():
    exported = {getattr(architectures, name) for name in architectures.__all__}
    types = {
        item
        for item in exported
        if isinstance(item, type) and issubclass(item, Architecture) and item is not Architecture
    }
    assert types == {type(architecture) for architecture in ARCHITECTURES.values()}


@pytest.mark.parametrize("shorthand", ARCHITECTURES)
def test_shorthand_is_the_architecture_with_its_defaults(shorthand):
    resolved = architectures.resolve_architecture(shorthand)
    assert type(resolved) is type(ARCHITECTURES[shorthand])
    assert resolved.get_params() == type(resolved)().get_params()


@pytest.mark.parametrize("architecture", ["soft", None, HardSharing])
def test_anything_else_is_refused_with_what_there_is(architecture):
    with pytest.raises(ValueError, match=r"architecture=.* should be a Architecture or one of \['hard_sharing'\]"):
        architectures.resolve_architecture(architecture)
