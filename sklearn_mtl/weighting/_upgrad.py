"""Unconflicting projection of gradients."""

from __future__ import annotations

from ._gramian import GramianWeighting, Solver, torchjd


class UPGrad(GramianWeighting):
    r"""Project each task's gradient so that it harms no other task, and add them [1]_.

    Each gradient is projected onto the dual cone of all of them. Solved by TorchJD [2]_, which the extra
    "balancing" brings.

    Parameters
    ----------
    grad_at : {"representation", "trunk"}, default="representation"
        With respect to what gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.

    References
    ----------
    .. [1] Quinton and Rey, "Jacobian Descent for Multi-Objective Optimization", 2024.
    .. [2] TorchJD, https://torchjd.org.

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
        weighting = torchjd("UPGradWeighting", self)
        return lambda gramian: len(gramian) * weighting(gramian)
