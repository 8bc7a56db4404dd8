"""Unconflicting projection of gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from ..utils._optional import import_optional
from ._gramian import GramianWeighting, Solver, torchjd

# What is added to the Gram matrix of gradients of one length, relative to its trace. In double precision so little
# will do; with TorchJD's 1e-4, of gradients of any length, those much shorter than others are not spared.
REGULARIZATION = 1e-8


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
        linalg = import_optional("torchjd.linalg", "balancing", type(self).__name__)
        projector = linalg.QuadprogProjector(reg_eps=REGULARIZATION)

        def upgrad(gramian: Tensor) -> Tensor:
            # the cone does not depend on the lengths of the gradients
            lengths = gramian.diagonal().sqrt()
            values, vectors = torch.linalg.eigh(gramian / torch.outer(lengths, lengths))
            # products in single precision may leave eigenvalues just below 0
            cosines = (vectors * values.clamp(min=0)) @ vectors.T
            return torchjd("UPGradWeighting", self, pref_vector=lengths, projector=projector)(cosines) / lengths

        return upgrad
