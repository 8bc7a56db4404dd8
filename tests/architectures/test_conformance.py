import pytest

from sklearn_mtl import architectures
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    Architecture,
    CrossStitch,
    Grouped,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
    TaskGraph,
)
from sklearn_mtl.testing import ArchitectureConformance

from .cases import X

CASES = {
    "hard_sharing": HardSharing(),
    "towers": HardSharing(tower_sizes=(5, 4)),
    "bypass": HardSharing(bypass_sizes=(5, 3), tower_sizes=(4,)),
    "independent": Independent(),
    "independent towers": Independent(tower_sizes=(5,)),
    "groups": Grouped([["species", "mass", "a.b"], ["forward"], ["type", "rate__2"]]),
    "pairs": Grouped([["species", "forward"], ["mass", "rate__2"], ["a.b", "type"]], tower_sizes=(5,)),
    "cross_stitch": CrossStitch(),
    "subspace_sharing": SubspaceSharing(),
    "column groups": SubspaceSharing(column_groups=[["a", "d"], [1, 2]], tower_sizes=(5,)),
    "mmoe": MMoE(),
    "sparse mmoe": MMoE(n_experts=3, top_k=2, temperature=0.5, load_balancing=0.1, tower_sizes=(5,)),
    "ple": PLE(),
    "ple of two levels": PLE(n_shared=2, n_specific=2, n_levels=2, load_balancing=0.1),
    "ple of three levels": PLE(n_levels=3, tower_sizes=(5,)),
    "adatt": AdaTT(),
    "adatt of two levels": AdaTT(n_experts=2, n_levels=2, tower_sizes=(5,)),
    "graph": TaskGraph({"mass": ["species", "a.b"], "forward": ["mass"]}),
    "stopped graph": TaskGraph({"mass": ["species"]}, stop_gradient=True, sharing=HardSharing(tower_sizes=(5,))),
    "attention": TaskGraph({"mass": ["species", "a.b"], "forward": ["mass"]}, transfer="attention"),
    "graph of experts": TaskGraph({"type": ["species"]}, transfer="attention", sharing=MMoE(n_experts=2)),
}
SHORTHANDS = ["hard_sharing", "independent", "cross_stitch", "subspace_sharing", "mmoe", "ple", "adatt"]


class TestExportedArchitectures(ArchitectureConformance):
    def cases(self):
        return CASES

    def inputs(self):
        return X

    def tasks_see_each_other(self, architecture):
        levels = getattr(architecture, "n_levels", 1)
        return levels > 1 or isinstance(architecture, CrossStitch | AdaTT | TaskGraph)


def test_every_exported_architecture_is_held_to_the_contract():
    exported = {getattr(architectures, name) for name in architectures.__all__}
    types = {
        item
        for item in exported
        if isinstance(item, type) and issubclass(item, Architecture) and item is not Architecture
    }
    assert types == {type(architecture) for architecture in CASES.values()}


@pytest.mark.parametrize("shorthand", SHORTHANDS)
def test_shorthand_is_the_architecture_with_its_defaults(shorthand):
    resolved = architectures.resolve_architecture(shorthand)
    assert type(resolved) is type(CASES[shorthand])
    assert resolved.get_params() == type(resolved)().get_params()


@pytest.mark.parametrize("architecture", ["soft", None, HardSharing])
def test_anything_else_is_refused_with_what_there_is(architecture):
    with pytest.raises(ValueError, match=r"architecture=.* should be a Architecture or one of \['adatt', "):
        architectures.resolve_architecture(architecture)
