"""Group lasso: tasks select the same features."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import torch
from torch import Tensor

from ..utils._params import Interval
from ._base import WeightPenalty


class GroupLasso(WeightPenalty):
    r"""The l2,1 norm of the heads' weights: a feature serves all tasks, or none [1]_, [2]_.

    :math:`\|W\|_{2,1} = \sum_d \sqrt{\sum_k W_{kd}^2}`, with a row k for each output of each task and a column d
    for each feature of the representation.

    Parameters
    ----------
    strength : float, default=1e-3
        Weight of the penalty in the objective.

    References
    ----------
    .. [1] Yuan and Lin, "Model Selection and Estimation in Regression with Grouped Variables", JRSS B, 2006.
    .. [2] Obozinski, Taskar and Jordan, "Joint Covariate Selection and Joint Subspace Selection for Multiple
       Classification Problems", Statistics and Computing, 2010.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.penalties import GroupLasso
    >>> float(GroupLasso().value({"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor([[4.0, 1.0]])}))
    6.0
    """

    _parameter_constraints: dict = {"strength": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, strength: float = 1e-3) -> None:
        self.strength = strength

    def value(self, weights: Mapping[str, Tensor]) -> Tensor:
        everything = torch.cat(list(weights.values()), dim=-2)
        return torch.linalg.vector_norm(everything, dim=-2).sum(dim=-1)
