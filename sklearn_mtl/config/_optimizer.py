"""The optimiser, with its learning rate schedule, gradient clipping and precision."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from numbers import Real
from typing import Any

import torch
from sklearn.base import BaseEstimator

from ..nn._lean_adam import LEAN, LEAN_PARAMS
from ..utils._params import Interval, StrOptions, SubclassOf
from ..utils._signature import parameters_of
from ._schedules import SCHEDULES

#: optimisers known by name; all have fused kernels on every device
OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}


class Optimizer(BaseEstimator):
    """An optimiser with its learning rate schedule, gradient clipping and precision.

    Learning rate and weight decay are parameters of the estimator.

    Parameters
    ----------
    algorithm : {"adamw", "adam", "sgd"} or class, default="adamw"
        The optimiser, by name or as a class of `torch.optim` that computes the loss once in a step. Its own
        parameters are set by ``net_params``, for instance ``{"optimizer__momentum": 0.9}``.
    schedule : {"auto", "constant", "cosine", "one_cycle"}, default="auto"
        How the learning rate changes during training. "constant" keeps it, "cosine" lowers it to 0 along a
        half cosine [1]_, "one_cycle" raises it over the first tenth of the steps and then lowers it [2]_. "auto"
        is "cosine" for a fit without early stopping, and "constant" with early stopping, with skorch's
        ``LRScheduler`` in ``callbacks``, for ``partial_fit`` and when ``warm_start`` continues a fit.
    clip_norm : float > 0 or None, default=None
        Maximum norm of the gradient of all parameters. None does not clip.
    mixed_precision : bool, default=False
        Whether to compute the steps in bfloat16 on a CUDA GPU. It has no effect on other devices.

    References
    ----------
    .. [1] Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.
    .. [2] Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates",
       2018.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator, Optimizer
    >>> MultiTaskNetEstimator(optimizer=Optimizer("sgd", schedule="cosine", clip_norm=1.0))
    MultiTaskNetEstimator(optimizer=Optimizer(algorithm='sgd', clip_norm=1.0,
                                              schedule='cosine'))
    """

    _parameter_constraints: dict = {
        "algorithm": [StrOptions(set(OPTIMIZERS)), SubclassOf(torch.optim.Optimizer)],
        "schedule": [StrOptions({"auto", *SCHEDULES})],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "mixed_precision": ["boolean"],
    }

    def __init__(
        self,
        algorithm: str | type[torch.optim.Optimizer] = "adamw",
        schedule: str = "auto",
        clip_norm: float | None = None,
        mixed_precision: bool = False,
    ) -> None:
        self.algorithm = algorithm
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.mixed_precision = mixed_precision


def resolve_optimizer(optimizer: Any) -> Optimizer:
    """Convert a name or a class to a spec; return a spec unchanged."""
    return optimizer if isinstance(optimizer, Optimizer) else Optimizer(optimizer)


def optimizer_params(
    algorithm: str | type[torch.optim.Optimizer],
    hyperparameters: Mapping[str, float],
    extra: Collection[str] = (),
) -> dict[str, Any]:
    """Return the parameters of a skorch net for its optimiser.

    Parameters
    ----------
    algorithm : str or class
    hyperparameters : mapping of str to float
        As in `FitConfig`, by the names of the optimiser.
    extra : collection of str, default=()
        Names of other parameters that the net gets.

    Raises
    ------
    ValueError
        If the class does not take a hyperparameter that is not 0, or evaluates the loss several times in a step.
    """
    params: dict[str, Any] = {
        name if name == "lr" else f"optimizer__{name}": value for name, value in hyperparameters.items()
    }
    if isinstance(algorithm, str):
        further = {name for name in extra if name.startswith("optimizer__")}
        lean = LEAN.get(algorithm) if further <= LEAN_PARAMS else None
        return {"optimizer": lean or OPTIMIZERS[algorithm], "optimizer__fused": True, **params}
    closure = inspect.signature(algorithm.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ValueError(
            f"optimizer={algorithm.__name__} computes the loss several times in a step (it needs a closure), "
            "which is not supported; choose another optimizer, such as 'adamw'."
        )
    for name, value in hyperparameters.items():
        if name == "lr" or takes(algorithm, name):
            continue
        if value:
            has_no = f"optimizer={algorithm.__name__} has no {name.replace('_', ' ')}"
            raise ValueError(f"{name}={value}, but {has_no}; set {name}=0.")
        del params[f"optimizer__{name}"]
    return {"optimizer": algorithm, **params}


def takes(algorithm: type[torch.optim.Optimizer], name: str) -> bool:
    """Return whether the class of an optimiser has a parameter of a name."""
    parameters = parameters_of(algorithm)
    return name in parameters or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def step_of(optimizer: torch.optim.Optimizer) -> None:
    """Update the parameters; raise ValueError with the name of the optimiser if torch rejects the gradients."""
    try:
        optimizer.step()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        name = type(optimizer).__name__
        raise ValueError(f"optimizer={name} cannot train this network: {error}") from error
