import pytest

from sklearn_mtl import trunks
from sklearn_mtl.trunks import Trunk

from .cases import TRUNK_CASES
from .conformance import TrunkConformance


class TestExportedTrunks(TrunkConformance):
    @pytest.fixture(params=TRUNK_CASES.values(), ids=TRUNK_CASES.keys())
    def case(self, request):
        return request.param


def test_every_exported_trunk_has_a_case():
    exported = {getattr(trunks, name) for name in trunks.__all__}
    types = {item for item in exported if isinstance(item, type) and issubclass(item, Trunk) and item is not Trunk}
    assert types == {type(case.trunk) for case in TRUNK_CASES.values()}
