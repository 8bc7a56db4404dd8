from sklearn_mtl import trunks
from sklearn_mtl.testing import TrunkConformance
from sklearn_mtl.trunks import Trunk

from .cases import TRUNK_CASES


class TestExportedTrunks(TrunkConformance):
    def cases(self):
        return TRUNK_CASES


def test_every_exported_trunk_has_a_case():
    exported = {getattr(trunks, name) for name in trunks.__all__}
    types = {item for item in exported if isinstance(item, type) and issubclass(item, Trunk) and item is not Trunk}
    assert types == {type(case.trunk) for case in TRUNK_CASES.values()}
