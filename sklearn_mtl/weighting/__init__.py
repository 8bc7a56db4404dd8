"""Weightings: combine the losses of several tasks into one step."""

from typing import Any

from ..utils._params import resolve_spec
from ._aligned_mtl import AlignedMTL
from ._base import StepRecord, Weighting, WeightingModule
from ._cagrad import CAGrad
from ._dynamic_weight_average import DynamicWeightAverage
from ._famo import FAMO
from ._geometric_mean import GeometricMean
from ._grad_norm import GradNorm
from ._gramian import GramianWeighting, UnsolvableError
from ._imtlg import IMTLG
from ._mgda import MGDA
from ._nash_mtl import NashMTL
from ._pcgrad import PCGrad
from ._random_weighting import RandomWeighting
from ._static import Static
from ._stch import STCH
from ._uncertainty import Uncertainty
from ._upgrad import UPGrad

__all__ = [
    "FAMO",
    "IMTLG",
    "MGDA",
    "STCH",
    "AlignedMTL",
    "CAGrad",
    "DynamicWeightAverage",
    "GeometricMean",
    "GradNorm",
    "GramianWeighting",
    "NashMTL",
    "PCGrad",
    "RandomWeighting",
    "Static",
    "StepRecord",
    "UPGrad",
    "Uncertainty",
    "UnsolvableError",
    "Weighting",
    "WeightingModule",
    "resolve_weighting",
]

_SHORTHAND = {
    "static": Static,
    "uncertainty": Uncertainty,
    "geometric_mean": GeometricMean,
    "dynamic_weight_average": DynamicWeightAverage,
    "random_weighting": RandomWeighting,
    "famo": FAMO,
    "stch": STCH,
    "grad_norm": GradNorm,
    "pcgrad": PCGrad,
    "cagrad": CAGrad,
    "imtlg": IMTLG,
    "aligned_mtl": AlignedMTL,
    "nash_mtl": NashMTL,
    "mgda": MGDA,
    "upgrad": UPGrad,
}


def resolve_weighting(weighting: Any) -> Weighting:
    """Return the weighting for a shorthand like "static"; return a weighting unchanged."""
    return resolve_spec("weighting", weighting, Weighting, _SHORTHAND)
