"""Adam for what a weighting learns about the tasks."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TaskAdam(nn.Module):
    """Adam on one number per task [1]_, each with its own count of steps.

    A task that is absent from a batch is left as it is.

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
    steps: Tensor

    def __init__(self, n_tasks: int, learning_rate: float, weight_decay: float = 0.0) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        for name in ("first", "second", "steps"):
            self.register_buffer(name, torch.zeros(n_tasks))

    def step(self, values: Tensor, gradient: Tensor, present: Tensor) -> None:
        """Descend a gradient (..., T) of values (..., T), in place, for the tasks that are present."""
        beta1, beta2 = self.betas
        here = present.to(values.dtype)
        if self.weight_decay:
            gradient = gradient + self.weight_decay * values
        self.steps.add_(here)
        self.first.lerp_(gradient, (1 - beta1) * here)
        self.second.lerp_(gradient.square(), (1 - beta2) * here)
        steps = self.steps.clamp(min=1)
        scale = (self.second / (1 - beta2**steps)).sqrt_().add_(self.eps)
        values.sub_(self.learning_rate * here * self.first / (1 - beta1**steps) / scale)
