"""Adam and AdamW of torch with less work around the fused kernel, for small networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor


class _Lists(NamedTuple):
    """Arguments of a fused kernel, for the parameters that have gradients.

    Parameters
    ----------
    parameters, first, second : list of Tensor
        The parameters and their moments.
    steps : list of Tensor
        Number of steps of each parameter; the same tensor for all parameters if the numbers are equal.
    counters : list of Tensor
        The unique tensors of ``steps``.
    """

    parameters: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    steps: list[Tensor]
    counters: list[Tensor]


class _Lean:
    """Optimiser of one parameter group, which lists the tensors once.

    It calls the same kernel with the same arguments as torch, so results are equal to the bit. It has no profiler
    records and no hooks of steps, and avoids the import of `torch._dynamo`, which takes half a second.
    """

    param_groups: list[dict[str, Any]]
    state: Any
    kernel: Any
    _lists: _Lists | None = None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take the only parameter group."""
        defaults: Mapping[str, Any] = self.defaults  # type: ignore[attr-defined]
        self.param_groups.append({**defaults, **param_group, "params": list(param_group["params"])})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Remove the gradients."""
        for parameter in self.param_groups[0]["params"]:
            parameter.grad = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state of an optimiser."""
        super().load_state_dict(state_dict)  # type: ignore[misc]
        self._lists = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[misc]
        self._lists = None

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update the parameters."""
        (group,) = self.param_groups
        trained = [parameter for parameter in group["params"] if parameter.grad is not None]
        lists = self._lists
        if lists is None or [*map(id, lists.parameters)] != [*map(id, trained)]:
            lists = self._lists = self._listed(trained)
        beta1, beta2 = group["betas"]
        for counter in lists.counters:
            counter.add_(1)
        type(self).kernel(
            trained, [parameter.grad for parameter in trained], lists.first, lists.second, [], lists.steps,
            lr=group["lr"], beta1=beta1, beta2=beta2, weight_decay=group["weight_decay"], eps=group["eps"],
            amsgrad=False, maximize=False,
        )  # fmt: skip

    def _listed(self, trained: list[Tensor]) -> _Lists:
        for parameter in trained:
            if not self.state[parameter]:
                zeros = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
                step = torch.zeros((), dtype=torch.float32, device=parameter.device)
                self.state[parameter] = {"step": step, **zeros}
        states = [self.state[parameter] for parameter in trained]
        agree = len(trained) == len(self.state) and len({float(state["step"]) for state in states}) == 1
        for state in self.state.values():  # one counter if all parameters make the same steps
            state["step"] = states[0]["step"] if agree else state["step"].clone()
        first, second, steps = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
        return _Lists(trained, first, second, steps, list({id(step): step for step in steps}.values()))

    step.hooked = True  # type: ignore[attr-defined]  # otherwise torch wraps it in its profiler


class LeanAdamW(_Lean, torch.optim.AdamW):
    """`torch.optim.AdamW` of one parameter group."""

    kernel = staticmethod(torch._fused_adamw_)


class LeanAdam(_Lean, torch.optim.Adam):
    """`torch.optim.Adam` of one parameter group."""

    kernel = staticmethod(torch._fused_adam_)


#: replacements of the optimisers of these names, if no other parameters than `LEAN_PARAMS` are set
LEAN: dict[str, type[torch.optim.Optimizer]] = {"adamw": LeanAdamW, "adam": LeanAdam}
#: parameters of the estimator that they support
LEAN_PARAMS = {"optimizer__betas", "optimizer__eps"}
