"""Independent component alignment."""

from __future__ import annotations

from ._gramian import GramianWeighting, Solver, torchjd


class AlignedMTL(GramianWeighting):
    r"""Scale the principal components of the gradients to equal length before adding them [1]_.

    Weights may be negative. Solved by TorchJD [2]_, which the extra "balancing" installs.

    Parameters
    ----------
    grad_at : {"representation", "trunk"}, default="representation"
        Where the gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.

    References
    ----------
    .. [1] Senushkin et al., "Independent Component Alignment for Multi-Task Learning", CVPR 2023.
    .. [2] TorchJD, https://torchjd.org.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.weighting import AlignedMTL
    >>> MultiTaskNetEstimator(weighting=AlignedMTL(every=10))
    MultiTaskNetEstimator(weighting=AlignedMTL(every=10))
    """

    def __init__(self, grad_at: str = "representation", every: int = 1) -> None:
        self.grad_at = grad_at
        self.every = every

    def solver(self) -> Solver:
        weighting = torchjd("AlignedMTLWeighting", self)
        return lambda gramian: len(gramian) * weighting(gramian)
