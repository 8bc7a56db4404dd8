"""Trace norm: heads that span few directions."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import torch
from torch import Tensor

from ..utils._params import Interval
from ._base import WeightPenalty


class TraceNorm(WeightPenalty):
    r"""Sum of the singular values of the heads' weights: few directions serve all tasks [1]_, [2]_.

    :math:`\|W\|_* = \sum_i \sigma_i(W)`, where W is the vertical concatenation of the weights of all tasks.

    Parameters
    ----------
    strength : float, default=1e-3
        Weight of the penalty in the objective.

    References
    ----------
    .. [1] Argyriou, Evgeniou and Pontil, "Convex Multi-Task Feature Learning", Machine Learning, 2008.
    .. [2] Yang and Hospedales, "Trace Norm Regularised Deep Multi-Task Learning", ICLR Workshop 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.penalties import TraceNorm
    >>> float(TraceNorm().value({"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor([[0.0, 4.0]])}))
    7.0
    """

    _parameter_constraints: dict = {"strength": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, strength: float = 1e-3) -> None:
        self.strength = strength

    def value(self, weights: Mapping[str, Tensor]) -> Tensor:
        everything = torch.cat(list(weights.values()), dim=-2)
        # one member of a stack that diverges must not affect the others
        finite = torch.isfinite(everything).all(dim=(-2, -1))
        singular = torch.linalg.svdvals(torch.where(finite[..., None, None], everything, 0.0))
        return torch.where(finite, singular.sum(dim=-1), torch.nan)
