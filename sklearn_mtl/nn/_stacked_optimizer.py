"""Optimisers of stacked members, each with its own hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class StackedOptimizer(torch.optim.Optimizer):
    """SGD, Adam or AdamW over parameters (M, ...), with a learning rate and weight decay for each member.

    If they are equal for all members, the kernel of torch's fused optimiser is used; it is elementwise, so it
    equals M optimisers. Otherwise the step is computed here, with hyperparameters of shape (M, 1, ...).

    Parameters
    ----------
    kind : {"sgd", "adam", "adamw"}
    parameters : sequence of Tensor (M, ...)
    hyperparameters : mapping of str to Tensor of shape (M,)
        "lr" and "weight_decay".
    """

    betas = (0.9, 0.999)
    eps = 1e-8

    def __init__(self, kind: str, parameters: Sequence[Tensor], hyperparameters: Mapping[str, Tensor]) -> None:
        super().__init__(list(parameters), {"lr": float(hyperparameters["lr"][0])})
        self.kind = kind
        #: a number, or a tensor (M,), that multiplies the learning rates of the next step
        self.factor: Tensor | float = 1.0
        self.hyperparameters = dict(hyperparameters)
        self.steps = 0
        self.first: list[Tensor] = []
        self.second: list[Tensor] = []
        self._adopt(list(parameters))
        if kind != "sgd":
            self.first, self.second = ([torch.zeros_like(p) for p in parameters] for _ in range(2))

    def _adopt(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        self.uniform = all(bool((values == values[0]).all()) for values in self.hyperparameters.values())

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take the only parameter group; torch's own method would import `torch._dynamo`."""
        self.param_groups.append({**self.defaults, **param_group})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Remove the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def keep(self, kept: Tensor, parameters: Sequence[Tensor]) -> None:
        """Keep some of the members, with new tensors of their parameters."""
        self.hyperparameters = {name: values[kept] for name, values in self.hyperparameters.items()}
        self.first = [moment[kept] for moment in self.first]
        self.second = [moment[kept] for moment in self.second]
        self._adopt(list(parameters))

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update the parameters."""
        self.steps += 1
        factor = self.factor
        rate, decay = self.hyperparameters["lr"], self.hyperparameters["weight_decay"]
        trained = [i for i, parameter in enumerate(self.parameters) if parameter.grad is not None]
        if self.uniform and self.kind != "sgd" and not isinstance(factor, Tensor):
            self._fused_step(trained, float(rate[0]) * factor, float(decay[0]))
            return
        update: Callable[[int, Tensor, Tensor], None] = {
            "sgd": self._sgd, "adam": self._adam, "adamw": self._adamw,
        }[self.kind]  # fmt: skip
        for i in trained:
            shape = (-1,) + (1,) * (self.parameters[i].dim() - 1)
            update(i, (rate * factor).view(shape), decay.view(shape))

    step.hooked = True  # type: ignore[attr-defined]  # otherwise torch wraps it in its profiler

    def _fused_step(self, trained: list[int], learning_rate: float, weight_decay: float) -> None:
        pairs = [self._pair(i) for i in trained]
        step = torch._fused_adamw_ if self.kind == "adamw" else torch._fused_adam_
        counter = torch.tensor(float(self.steps), device=self.parameters[0].device)
        step(
            [parameter for parameter, _ in pairs],
            [grad for _, grad in pairs],
            [self.first[i] for i in trained],
            [self.second[i] for i in trained],
            [],
            [counter] * len(pairs),
            lr=learning_rate, beta1=self.betas[0], beta2=self.betas[1], weight_decay=weight_decay, eps=self.eps,
            amsgrad=False, maximize=False,
        )  # fmt: skip

    def _sgd(self, i: int, rate: Tensor, decay: Tensor) -> None:
        parameter, grad = self._pair(i)
        parameter.sub_(rate * (grad + decay * parameter))

    def _adam(self, i: int, rate: Tensor, decay: Tensor) -> None:
        parameter, grad = self._pair(i)
        self._adaptive(i, grad + decay * parameter, rate)

    def _adamw(self, i: int, rate: Tensor, decay: Tensor) -> None:
        parameter, grad = self._pair(i)
        parameter.mul_(1 - rate * decay)
        self._adaptive(i, grad, rate)

    def _adaptive(self, i: int, grad: Tensor, rate: Tensor) -> None:
        beta1, beta2 = self.betas
        self.first[i].lerp_(grad, 1 - beta1)
        self.second[i].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        scale = (self.second[i] / (1 - beta2**self.steps)).sqrt_().add_(self.eps)
        self.parameters[i].sub_(rate / (1 - beta1**self.steps) * self.first[i] / scale)

    def _pair(self, i: int) -> tuple[Tensor, Tensor]:
        grad = self.parameters[i].grad
        assert grad is not None
        return self.parameters[i], grad


def clip_members(parameters: Sequence[Tensor], largest: Tensor) -> None:
    """Scale the gradients of each member so that their norm is at most that member's largest.

    Parameters
    ----------
    parameters : sequence of Tensor (M, ...)
    largest : Tensor of shape (M,)
        Infinite for a member that is not clipped.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
    scale = (largest / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.view((-1,) + (1,) * (gradient.dim() - 1)))
