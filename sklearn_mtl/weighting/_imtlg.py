"""Impartial multi-task learning."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ._cone import lengths_and_cosines
from ._gramian import GramianWeighting, Solver


class IMTLG(GramianWeighting):
    r"""Step along a vector with the same component along each task's gradient [1]_.

    The weights sum to T, and may be negative: with the cosines C of the gradients they are
    :math:`C^{-1} 1`, divided by the lengths of the gradients.

    Parameters
    ----------
    grad_at : {"representation", "trunk"}, default="representation"
        Where the gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.

    References
    ----------
    .. [1] Liu et al., "Towards Impartial Multi-Task Learning", ICLR 2021.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.weighting import IMTLG
    >>> MultiTaskNetEstimator(weighting=IMTLG(every=10))
    MultiTaskNetEstimator(weighting=IMTLG(every=10))
    """

    def __init__(self, grad_at: str = "representation", every: int = 1) -> None:
        self.grad_at = grad_at
        self.every = every

    def solver(self) -> Solver:
        return imtlg


def imtlg(gramian: Tensor) -> Tensor:
    """Compute the weights of IMTL-G, times T, for a Gram matrix (T, T)."""
    lengths, cosines = lengths_and_cosines(gramian)
    n_tasks = len(lengths)
    # linearly dependent gradients share their weight
    least = 4 * n_tasks * np.finfo(cosines.dtype).eps
    values, vectors = np.linalg.eigh(cosines)
    kept = vectors[:, values > least * values[-1]]
    shares = (kept / values[values > least * values[-1]]) @ kept.sum(axis=0) * (lengths.min() / lengths)
    total = shares.sum()
    if abs(total) <= least * np.abs(shares).sum():  # no vector has a component along all of them
        return torch.zeros_like(gramian[0])
    return torch.from_numpy(shares * n_tasks / total)
