"""Conflict-averse gradient descent."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from ..utils._params import Interval
from ._gramian import GramianWeighting, Solver


class CAGrad(GramianWeighting):
    r"""Stay near the mean gradient, and improve the task that is worst off there [1]_.

    Among all d with :math:`\|d - g_0\| \le c \|g_0\|`, :math:`g_0` the mean gradient, it takes the one with the
    largest :math:`\min_t \langle g_t, d \rangle`. The weights are :math:`1 + T c \, (\|g_0\| / \|g_w\|) \, w`,
    where w on the simplex minimises :math:`\langle g_w, g_0 \rangle + c \|g_0\| \|g_w\|`,
    :math:`g_w = \sum_t w_t g_t`; scipy finds it. Gradients that are orthogonal and equally long have weights of
    1 + c.

    Parameters
    ----------
    c : float >= 0, default=0.5
        Radius around the mean gradient; 0 is plain summing.
    grad_at : {"representation", "trunk"}, default="representation"
        With respect to what gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.

    References
    ----------
    .. [1] Liu et al., "Conflict-Averse Gradient Descent for Multi-task Learning", NeurIPS 2021.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.weighting import CAGrad
    >>> MultiTaskNetEstimator(weighting=CAGrad(c=0.4))
    MultiTaskNetEstimator(weighting=CAGrad(c=0.4))
    """

    _parameter_constraints = {
        **GramianWeighting._parameter_constraints,
        "c": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, c: float = 0.5, grad_at: str = "representation", every: int = 1) -> None:
        self.c = c
        self.grad_at = grad_at
        self.every = every

    def solver(self) -> Solver:
        return lambda gramian: cagrad(gramian, self.c)


def cagrad(gramian: Tensor, c: float) -> Tensor:
    """Compute the weights of CAGrad, times T, for a Gram matrix (T, T)."""
    G = gramian.numpy()
    n_tasks = len(G)
    with_mean = G.mean(axis=1)
    radius = c * math.sqrt(max(with_mean.mean(), 0.0))
    if radius == 0:
        return torch.ones_like(gramian[0])

    def value_and_gradient(w: np.ndarray) -> tuple[float, np.ndarray]:
        Gw = G @ w
        norm = math.sqrt(max(w @ Gw, 1e-24))
        return w @ with_mean + radius * norm, with_mean + radius / norm * Gw

    w = minimize(
        value_and_gradient,
        np.full(n_tasks, 1 / n_tasks),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * n_tasks,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 200},
    ).x
    norm = math.sqrt(max(w @ G @ w, 0.0))
    # no direction makes all tasks better: the mean is as good as any
    return torch.from_numpy(1 + n_tasks * radius / norm * w) if norm > 1e-8 else torch.ones_like(gramian[0])
