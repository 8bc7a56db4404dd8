"""The optimiser, as an estimator names it and as torch makes it."""

from __future__ import annotations

import inspect
from typing import Any

import torch

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}


def optimizer_params(optimizer: str | type[torch.optim.Optimizer], weight_decay: float) -> dict[str, Any]:
    """Give the parameters of a net that make its optimiser.

    Raises
    ------
    ValueError
        If the class takes no weight decay, unless it is 0, or evaluates the loss several times in a step.
    """
    if isinstance(optimizer, str):  # these have fused kernels on every device
        decay = {"optimizer__weight_decay": weight_decay}
        return {"optimizer": OPTIMIZERS[optimizer], "optimizer__fused": True, **decay}
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ValueError(
            f"optimizer={optimizer.__name__} computes the loss several times in a step (it needs a closure), "
            "which is not supported; choose another optimizer, such as 'adamw'."
        )
    if takes(optimizer, "weight_decay"):
        return {"optimizer": optimizer, "optimizer__weight_decay": weight_decay}
    if weight_decay:
        raise ValueError(
            f"weight_decay={weight_decay}, but optimizer={optimizer.__name__} has no weight decay; set "
            "weight_decay=0."
        )
    return {"optimizer": optimizer}


def takes(optimizer: type[torch.optim.Optimizer], name: str) -> bool:
    """Tell whether the class of an optimiser can be made with a parameter."""
    parameters = inspect.signature(optimizer).parameters
    return name in parameters or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def step_of(optimizer: torch.optim.Optimizer) -> None:
    """Make a step; what torch says of gradients that an optimiser cannot take names the parameter.

    Raises
    ------
    ValueError
    """
    try:
        optimizer.step()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        name = type(optimizer).__name__
        raise ValueError(f"optimizer={name} cannot train this network: {error}") from error
