"""Random weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ._base import Weighting, WeightingModule, count_present, softmax_present


class RandomWeighting(Weighting):
    r"""Draw new random weights in each step, as a baseline for other weightings [1]_.

    :math:`T \, softmax_t(z_t)` with standard normal :math:`z_t`, over the T tasks that have a label in the batch.
    Task weights multiply it.

    References
    ----------
    .. [1] Lin et al., "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task Learning",
       TMLR 2022.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(weighting="random_weighting")
    MultiTaskNetEstimator(weighting='random_weighting')
    """

    not_stackable = None

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        return _RandomWeighting()


class _RandomWeighting(WeightingModule):
    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        if self.draws is None:  # outside of training
            return torch.ones_like(losses)
        uniform = self.draws.like(losses).clamp(1e-6, 1 - 1e-6)
        return count_present(present) * softmax_present(torch.special.ndtri(uniform), present)
