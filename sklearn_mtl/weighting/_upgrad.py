"""Unconflicting projection of gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ._cone import UnitGradients, nonnegative_least_squares
from ._gramian import GramianWeighting, Solver


class UPGrad(GramianWeighting):
    r"""Project each task's gradient so that it harms no other task, and sum the projections [1]_.

    Each gradient is projected onto the dual cone of all of them,
    :math:`\{d : \langle g_t, d \rangle \ge 0 \; \forall t\}`.

    Parameters
    ----------
    grad_at : {"representation", "trunk"}, default="representation"
        Where the gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.

    References
    ----------
    .. [1] Quinton and Rey, "Jacobian Descent for Multi-Objective Optimization", 2024.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.weighting import UPGrad
    >>> MultiTaskNetEstimator(weighting=UPGrad(every=10))
    MultiTaskNetEstimator(weighting=UPGrad(every=10))
    """

    def __init__(self, grad_at: str = "representation", every: int = 1) -> None:
        self.grad_at = grad_at
        self.every = every

    def solver(self) -> Solver:
        return upgrad


def upgrad(gramian: Tensor) -> Tensor:
    """Compute the weights of UPGrad, times T, for a Gram matrix (T, T)."""
    lengths, vectors = UnitGradients.of(gramian)
    # the cone does not depend on the lengths of the gradients
    projected = [
        length * (unit + nonnegative_least_squares(vectors, -vector))
        for length, unit, vector in zip(lengths, np.eye(len(lengths)), vectors.T, strict=True)
    ]
    return torch.from_numpy(np.sum(projected, axis=0) / lengths)
