"""Outputs that become positive numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

#: smallest scale, in standard deviations of the target, and smallest dispersion: densities stay bounded
FLOOR = 1e-3
# an output of 0 means 1
OFFSET = float(np.log(np.expm1(1.0 - FLOOR)))


def positive_with_slope(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Convert outputs to numbers of at least `FLOOR`, 0 to 1; return also the derivative."""
    shifted = raw + OFFSET
    return softplus(shifted).add_(FLOOR), shifted.sigmoid_()


def positive_array(raw: np.ndarray) -> np.ndarray:
    """Do the same for an array, without the derivative."""
    return np.asarray(np.logaddexp(raw + OFFSET, 0.0) + FLOOR)


def raw_of_positive(values: np.ndarray) -> np.ndarray:
    """Return the outputs that `positive_array` converts to some numbers."""
    above = np.maximum(values - FLOOR, 1e-12)
    return np.asarray(above + np.log(-np.expm1(-above)) - OFFSET)


def in_full_precision(parameters: Tensor) -> Tensor:
    """Return outputs of at least float32: bfloat16 has too few digits for likelihoods."""
    return parameters.to(torch.promote_types(parameters.dtype, torch.float32))
