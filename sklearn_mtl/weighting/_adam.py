"""Adam for the values that a weighting learns for each task."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TaskAdam(nn.Module):
    """Adam on one number per task [1]_, each with its own step count.

    A task without labels in a batch is not updated.

    Parameters
    ----------
    n_tasks : int
        T.
    learning_rate : float
    weight_decay : float, default=0.0
        Added to the gradient, as in the original Adam.

    References
    ----------
    .. [1] Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    """

    betas = (0.9, 0.999)
    eps = 1e-8

    first: Tensor
    second: Tensor
    decay1: Tensor
    decay2: Tensor

    def __init__(self, n_tasks: int, learning_rate: float, weight_decay: float = 0.0) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        for name in ("first", "second"):
            self.register_buffer(name, torch.zeros(n_tasks))
        for name in ("decay1", "decay2"):  # bias correction: the moments start at zero
            self.register_buffer(name, torch.ones(n_tasks))

    def step(self, values: Tensor, gradient: Tensor, present: Tensor | None) -> None:
        """Update values (..., T) in place by their gradient, for the present tasks; None means all."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * values
        here = 1.0 if present is None else present.to(values.dtype)
        share1, share2 = ((1 - beta) * here for beta in self.betas)
        self.first.lerp_(gradient, share1)
        self.second.lerp_(gradient.square(), share2)
        self.decay1.mul_(1 - share1)
        self.decay2.mul_(1 - share2)
        # a task that was never present has moments of 0 and a zero divisor
        bias1 = (1 - self.decay1).clamp_(min=1 - self.betas[0])
        bias2 = (1 - self.decay2).clamp_(min=1 - self.betas[1])
        scale = (self.second / bias2).sqrt_().add_(self.eps)
        step = self.first / scale.mul_(bias1)
        values.sub_(step if present is None else step * here, alpha=self.learning_rate)
