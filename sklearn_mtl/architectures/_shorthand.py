"""Architectures by name."""

from __future__ import annotations

from ..utils._params import resolve_spec
from ._adatt import AdaTT
from ._base import Architecture
from ._cross_stitch import CrossStitch
from ._hard_sharing import HardSharing
from ._independent import Independent
from ._mmoe import MMoE
from ._ple import PLE
from ._subspaces import SubspaceSharing

_SHORTHAND = {
    "auto": HardSharing,
    "hard_sharing": HardSharing,
    "independent": Independent,
    "cross_stitch": CrossStitch,
    "subspace_sharing": SubspaceSharing,
    "mmoe": MMoE,
    "ple": PLE,
    "adatt": AdaTT,
}


def resolve_architecture(architecture: Architecture | str) -> Architecture:
    """Return the architecture for a shorthand like "hard_sharing"; return an architecture unchanged.

    "auto" is hard sharing, which the recommended recipes replace where they share otherwise.
    """
    return resolve_spec("architecture", architecture, Architecture, _SHORTHAND)
