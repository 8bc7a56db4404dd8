"""When to stop, and which epoch was the best."""

from __future__ import annotations

import math

from torch import Tensor, nn


class Patience:
    """Watches one value per epoch, and says whether it is the best so far and when to give up.

    Parameters
    ----------
    patience : int
        Epochs without an improvement after which to stop.
    tol : float, default=0.0
        How much smaller a value must be to count as an improvement.
    """

    def __init__(self, patience: int, tol: float = 0.0) -> None:
        self.patience = patience
        self.tol = tol
        self.best = math.inf
        self.epoch = 0
        self.waited = 0

    def improves(self, value: float, epoch: int) -> bool:
        """Take the value of an epoch, smaller is better; return whether it is the best, or the first."""
        value = math.inf if math.isnan(value) else value
        better = value < self.best - self.tol or self.epoch == 0
        if better:
            self.best, self.epoch, self.waited = value, epoch, 0
        else:
            self.waited += 1
        return better

    @property
    def is_over(self) -> bool:
        """Whether to stop."""
        return self.waited >= self.patience


class BestEpoch(Patience):
    """Keeps the weights of the best epoch."""

    def __init__(self, patience: int, tol: float = 0.0) -> None:
        super().__init__(patience, tol)
        self.weights: dict[str, Tensor] = {}

    def update(self, value: float, epoch: int, network: nn.Module) -> bool:
        """Take the value of an epoch, smaller is better; return whether to stop."""
        if self.improves(value, epoch):
            self.weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        return self.is_over

    def restore(self, network: nn.Module) -> None:
        """Put the weights of the best epoch back."""
        if self.weights and self.waited:
            network.load_state_dict(self.weights)
