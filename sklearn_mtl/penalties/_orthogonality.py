"""Orthogonality: tasks use different directions."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import torch
from torch import Tensor

from ..utils._params import Interval
from ._base import WeightPenalty


class Orthogonality(WeightPenalty):
    r"""Scalar products between the heads of different tasks: unrelated tasks use different directions [1]_.

    :math:`\sum_{s < t} \|W_s W_t^\top\|_F^2`, over pairs of tasks.

    Parameters
    ----------
    strength : float, default=1e-2
        Weight of the penalty in the objective.

    References
    ----------
    .. [1] Romera-Paredes et al., "Exploiting Unrelated Tasks in Multi-Task Learning", AISTATS 2012.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.penalties import Orthogonality
    >>> float(Orthogonality().value({"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor([[2.0, 1.0]])}))
    36.0
    """

    _parameter_constraints: dict = {"strength": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, strength: float = 1e-2) -> None:
        self.strength = strength

    def value(self, weights: Mapping[str, Tensor]) -> Tensor:
        everything = torch.cat(list(weights.values()), dim=-2)
        of_all = torch.matmul(everything, everything.transpose(-1, -2)).square().sum(dim=(-2, -1))
        of_one = [torch.matmul(w, w.transpose(-1, -2)).square().sum(dim=(-2, -1)) for w in weights.values()]
        return (of_all - torch.stack(of_one).sum(dim=0)) / 2
