"""Dropout of the representation, separately for each task."""

from __future__ import annotations

from numbers import Real

from torch import nn

from ..nn._layers import Dropout
from ..utils._params import Interval
from ._base import Penalty


class RepresentationDropout(Penalty):
    """Drop entries of the representation at random, separately for each task [1]_.

    Dropout inside the trunk drops a unit for all tasks at once. Here each task has its own mask, so that no task
    relies on single units.

    Parameters
    ----------
    p : float in [0, 1), default=0.1
        Probability of dropping an entry.

    References
    ----------
    .. [1] Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.penalties import RepresentationDropout
    >>> MultiTaskNetEstimator(penalties=[RepresentationDropout(p=0.2)])
    MultiTaskNetEstimator(penalties=[RepresentationDropout(p=0.2)])
    """

    stackable_params = ("p",)

    _parameter_constraints: dict = {"p": [Interval(Real, 0, 1, closed="left")]}

    def __init__(self, p: float = 0.1) -> None:
        self.p = p

    def noise(self) -> nn.Module | None:
        # without noise the fit draws no masks, so the other masks equal those of a fit without this penalty
        return Dropout(self.p) if self.p else None
