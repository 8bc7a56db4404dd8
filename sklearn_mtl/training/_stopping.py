"""When to stop, and which epoch was the best."""

from __future__ import annotations

import math

from torch import Tensor, nn


class BestEpoch:
    """Watches one value per epoch, keeps the weights of the best one, and says when to give up.

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
        self.weights: dict[str, Tensor] = {}

    def update(self, value: float, epoch: int, network: nn.Module) -> bool:
        """Take the value of an epoch, smaller is better; return whether to stop."""
        value = math.inf if math.isnan(value) else value
        if value < self.best - self.tol or not self.weights:
            self.best, self.epoch, self.waited = value, epoch, 0
            self.weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self, network: nn.Module) -> None:
        """Put the weights of the best epoch back."""
        if self.weights and self.waited:
            network.load_state_dict(self.weights)
