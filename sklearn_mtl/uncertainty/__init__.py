"""Intervals and sets with a guaranteed coverage, calibrated probabilities, and selective prediction."""

from ._calibrated import CalibratedMultiTask
from ._conformal import ConformalMultiTask
from ._selective import selective_curve

__all__ = ["CalibratedMultiTask", "ConformalMultiTask", "selective_curve"]
