"""Multiple-gradient descent."""

from __future__ import annotations

from ._gramian import GramianWeighting, Solver, torchjd


class MGDA(GramianWeighting):
    r"""Descend along the shortest vector in the convex hull of the tasks' gradients [1]_, [2]_.

    It makes all tasks better at once, until none can be without harming another. Solved by TorchJD, which the
    extra "balancing" brings.

    Parameters
    ----------
    grad_at : {"representation", "trunk"}, default="representation"
        With respect to what gradients are taken; see `GramianWeighting`.
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
        weighting = torchjd("MGDAWeighting", self)
        return lambda gramian: len(gramian) * weighting(gramian)
