"""Weightings: how the losses of several tasks become one step."""

from typing import Any

from ..utils._params import resolve_spec
from ._base import StepRecord, Weighting, WeightingModule
from ._dynamic_weight_average import DynamicWeightAverage
from ._famo import FAMO
from ._geometric_mean import GeometricMean
from ._random_weighting import RandomWeighting
from ._static import Static
from ._stch import STCH
from ._uncertainty import Uncertainty

__all__ = [
    "FAMO",
    "STCH",
    "DynamicWeightAverage",
    "GeometricMean",
    "RandomWeighting",
    "Static",
    "StepRecord",
    "Uncertainty",
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
}


def resolve_weighting(weighting: Any) -> Weighting:
    """Turn a shorthand such as "static" into a weighting; a weighting stays what it is."""
    return resolve_spec("weighting", weighting, Weighting, _SHORTHAND)
