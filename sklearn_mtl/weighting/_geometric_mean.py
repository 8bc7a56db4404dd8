"""The geometric mean of the losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ._base import Weighting, WeightingModule

# Lower bound of a loss: below it the logarithm is not minimised any further.
SMALLEST = 1e-6


class GeometricMean(Weighting):
    r"""Minimise the sum of the logarithms of the losses, that is their geometric mean [1]_.

    The weight of a task is :math:`1 / L_t`, so that the units of the losses do not matter. Task weights multiply
    it: they are exponents of the losses in the product.

    References
    ----------
    .. [1] Chennupati et al., "MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss Strategy for
       Multi-Task Learning", CVPR Workshops 2019.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.weighting import GeometricMean
    >>> module = GeometricMean().build({"a": None, "b": None})
    >>> module(torch.tensor([0.5, 2.0]), torch.tensor([True, True]), None).tolist()
    [2.0, 0.5]
    """

    not_stackable = None

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        return _OneOverLoss()


class _OneOverLoss(WeightingModule):
    @torch.no_grad()
    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        return torch.where(present, 1 / losses.clamp(min=SMALLEST), 0.0)
