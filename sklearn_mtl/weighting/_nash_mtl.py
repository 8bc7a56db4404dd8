"""Multi-task learning as a bargaining game."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ._gramian import GramianWeighting, Solver


class NashMTL(GramianWeighting):
    r"""Descend along the Nash bargaining solution of the tasks [1]_.

    The weights solve :math:`G \alpha = 1 / \alpha`: the direction that maximises the product of the tasks' gains.
    They minimise the convex :math:`\frac{1}{2} \alpha^\top G \alpha - \sum_t \log \alpha_t`, which a few steps of
    Newton's method do, and are scaled to sum to T, as the length of a step is the optimiser's business.

    Parameters
    ----------
    grad_at : {"representation", "trunk"}, default="representation"
        With respect to what gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.

    References
    ----------
    .. [1] Navon et al., "Multi-Task Learning as a Bargaining Game", ICML 2022.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.weighting import NashMTL
    >>> NashMTL().solver()(torch.tensor([[4.0, 0.0], [0.0, 1.0]], dtype=torch.float64)).round(decimals=3).tolist()
    [0.667, 1.333]
    """

    def __init__(self, grad_at: str = "representation", every: int = 1) -> None:
        self.grad_at = grad_at
        self.every = every

    def solver(self) -> Solver:
        return nash


def nash(gramian: Tensor, max_iterations: int = 100, tol: float = 1e-12) -> Tensor:
    """Solve G a = 1 / a for a > 0, scaled to sum to T, by damped Newton steps."""
    n_tasks = len(gramian)
    # the solution does not feel the lengths of the gradients, so that they can be 1
    lengths = np.sqrt(np.diag(gramian.numpy()))
    # gradients that cancel have no bargaining solution: a little of the identity bounds the weights
    G = gramian.numpy() / np.outer(lengths, lengths) + 1e-10 * np.eye(n_tasks)
    alpha = np.full(n_tasks, 1 / np.sqrt(n_tasks))
    for _ in range(max_iterations):
        residual = G @ alpha - 1 / alpha
        step = np.linalg.solve(G + np.diag(alpha**-2), residual)
        decrement = float(residual @ step)
        # the logarithm is self-concordant: this damping converges from everywhere
        alpha = alpha - step / (1 + np.sqrt(max(decrement, 0.0)))
        if decrement < tol:
            break
    alpha /= lengths
    return torch.from_numpy(alpha * n_tasks / alpha.sum())
