"""Multiple-gradient descent."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ._cone import UnitGradients, nonnegative_least_squares
from ._gramian import GramianWeighting, Solver


class MGDA(GramianWeighting):
    r"""Step along the shortest vector in the convex hull of the tasks' gradients [1]_, [2]_.

    It improves all tasks at once, until no task can improve without harm to another: along the direction :math:`d
    = \sum_t w_t g_t`, with w on the simplex, :math:`\langle g_t, d \rangle \ge \|d\|^2` for all t. The weights are
    :math:`T w`, with an exact solution of the quadratic problem.

    Parameters
    ----------
    grad_at : {"representation", "trunk"}, default="representation"
        Where the gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.

    References
    ----------
    .. [1] Désidéri, "Multiple-gradient Descent Algorithm (MGDA) for Multiobjective Optimization", Comptes Rendus
       Mathématique, 2012.
    .. [2] Sener and Koltun, "Multi-Task Learning as Multi-Objective Optimization", NeurIPS 2018.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.weighting import MGDA
    >>> MultiTaskNetEstimator(weighting=MGDA(every=10))
    MultiTaskNetEstimator(weighting=MGDA(every=10))
    """

    def __init__(self, grad_at: str = "representation", every: int = 1) -> None:
        self.grad_at = grad_at
        self.every = every

    def solver(self) -> Solver:
        return mgda


def mgda(gramian: Tensor) -> Tensor:
    r"""Compute the weights of MGDA, which sum to T, for a Gram matrix (T, T).

    The w >= 0 that minimise :math:`\|\sum_t w_t g_t\|^2 + (\sum_t w_t - s)^2` are proportional to the solution,
    for every s > 0. This is a least squares problem, which is solved for gradients of length 1.
    """
    lengths, vectors = UnitGradients.of(gramian)
    units = lengths.min() / lengths
    w = units * nonnegative_least_squares(np.vstack([vectors, units]), np.append(np.zeros(len(lengths)), 1.0))
    return torch.from_numpy(w * len(w) / w.sum())
