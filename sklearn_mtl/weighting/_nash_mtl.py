"""Multi-task learning as a bargaining game."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._base import WeightingModule
from ._cone import lengths_and_cosines
from ._gramian import GramianModule, GramianWeighting, Solver

# Added to the cosines of the gradients: bounds the weights of gradients that cancel by the inverse of its root.
SMALLEST = 1e-10
MAX_ITERATIONS = 100
TOLERANCE = 1e-12


class NashMTL(GramianWeighting):
    r"""Step along the Nash bargaining solution of the tasks [1]_.

    The weights are the :math:`\alpha > 0` with :math:`G \alpha = 1 / \alpha`: the direction that maximises the
    product of the tasks' gains. They minimise the convex :math:`\frac{1}{2} \alpha^\top G \alpha - \sum_t \log
    \alpha_t`, which takes a few steps of Newton's method.

    The weights have the inverse unit of the gradients, so the direction always has the length :math:`\sqrt{T}`: a
    task that is alone in a batch has the weight 1 over the length of its gradient.

    Parameters
    ----------
    grad_at : {"representation", "trunk"}, default="representation"
        Where the gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.
    normalize : bool, default=False
        Whether to scale the weights to sum to T. They then no longer grow as the gradients become short, and a
        task whose gradient is much shorter than others takes most of the sum.

    References
    ----------
    .. [1] Navon et al., "Multi-Task Learning as a Bargaining Game", ICML 2022.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.weighting import NashMTL
    >>> NashMTL().solver()(torch.tensor([[4.0, 0.0], [0.0, 1.0]], dtype=torch.float64)).round(decimals=3).tolist()
    [0.5, 1.0]
    """

    _parameter_constraints = {**GramianWeighting._parameter_constraints, "normalize": ["boolean"]}

    # default for models that were saved before this parameter existed
    normalize: bool = False

    def __init__(self, grad_at: str = "representation", every: int = 1, normalize: bool = False) -> None:
        self.grad_at = grad_at
        self.every = every
        self.normalize = normalize

    def solver(self) -> Solver:
        return nash

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        return _NashMTL(len(tasks), self.solver(), self.every, self.normalize)


class _NashMTL(GramianModule):
    def __init__(self, n_tasks: int, solver: Solver, every: int, normalize: bool) -> None:
        super().__init__(n_tasks, solver, every)
        self.normalize = normalize

    def _solution(self, gramian: Tensor, precision: float) -> Tensor:
        weights = self.solver(gramian)
        return weights * (len(weights) / weights.sum()) if self.normalize else weights


def nash(gramian: Tensor) -> Tensor:
    """Solve G a = 1 / a for a > 0."""
    # the direction does not depend on the lengths of the gradients, so they are set to 1
    lengths, cosines = lengths_and_cosines(gramian)
    # gradients that cancel have no bargaining solution: a little of the identity bounds the weights
    ridge = SMALLEST * np.eye(len(lengths))
    alpha = _newton(cosines + ridge)
    if alpha is None:  # products in single precision may have negative eigenvalues
        values, vectors = np.linalg.eigh(cosines)
        alpha = _newton((vectors * values.clip(min=0)) @ vectors.T + ridge)
    if alpha is None:
        raise np.linalg.LinAlgError("the bargaining solution was not found")
    return torch.from_numpy(alpha / lengths)


def _newton(G: np.ndarray) -> np.ndarray | None:
    """Solve G a = 1 / a by damped Newton steps; None if they do not converge."""
    alpha = np.full(len(G), 1 / np.sqrt(len(G)))
    for _ in range(MAX_ITERATIONS):
        residual = G @ alpha - 1 / alpha
        step = np.linalg.solve(G + np.diag(alpha**-2), residual)
        decrement = float(residual @ step)
        # the logarithm is self-concordant: this damping converges from everywhere
        alpha = alpha - step / (1 + np.sqrt(max(decrement, 0.0)))
        if decrement < TOLERANCE:
            break
    # 0 or less if G is not positive definite: the steps are then meaningless
    solved = (alpha > 0).all() and np.abs(alpha * (G @ alpha) - 1).max() < 1e-4
    return alpha if solved else None
