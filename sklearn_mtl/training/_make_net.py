"""From parameters of an estimator to a net."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from ..config._optimizer import optimizer_params, takes
from ..model._blueprint import Blueprint
from ._net import MultiTaskNet
from .callbacks._callback_list import callbacks_to_run

# What a net takes beside the parameters of the estimator, and begins what it takes.
_TAKEN, _TAKEN_OF = "torch_load_kwargs", ("optimizer__", "callbacks__")
# What a parameter of the estimator is called that the optimiser calls otherwise.
_OURS = {"lr": "learning_rate"}


def make_net(
    module: nn.Module,
    criterion: nn.Module,
    blueprint: Blueprint,
    *,
    hyperparameters: Mapping[str, float],
    optimizer: str | type[torch.optim.Optimizer] = "adamw",
    callbacks: Iterable | None = None,
    net_params: Mapping[str, Any] | None = None,
    **params: Any,
) -> MultiTaskNet:
    """Make and initialise the net.

    Parameters
    ----------
    module, criterion : nn.Module
        Network and objective.
    blueprint : Blueprint
    hyperparameters : mapping of str to float
        Those of the optimiser that the estimator sets, as in `FitConfig`.
    optimizer : str or class, default="adamw"
        A name in ``OPTIMIZERS`` or a class of torch's.
    callbacks : iterable of skorch callbacks or None, default=None
    net_params : mapping or None, default=None
        Parameters of the optimiser and of callbacks, as skorch names them.
    **params : dict
        Further parameters of `MultiTaskNet`.

    Raises
    ------
    ValueError, TypeError
        If ``net_params`` sets what the estimator sets, or what has no effect, or a callback is none of skorch's,
        or the optimiser cannot be made.
    """
    extra = dict(net_params or {})
    _refuse(extra, hyperparameters)
    params |= optimizer_params(optimizer, hyperparameters, extra)
    unknown = _unknown_to(params["optimizer"], extra)
    if unknown:
        raise ValueError(f"net_params sets {unknown}, which {params['optimizer'].__name__} does not take.")
    params |= {"callbacks": callbacks_to_run(callbacks), "train_split": None}
    try:
        net = MultiTaskNet(module, criterion, blueprint=blueprint, **{**params, **extra}).initialize()
    except (TypeError, ValueError) as error:
        if extra:
            raise ValueError(f"net_params={extra!r} is not what skorch's NeuralNet takes: {error}") from error
        if not isinstance(optimizer, str):
            raise ValueError(f"optimizer={optimizer.__name__} cannot train this network: {error}") from error
        raise
    names = [name for name, _ in net.callbacks_]
    strange = [key for key in extra if key.startswith("callbacks__") and key.count("__") > 1]
    strange = [key for key in strange if key.split("__")[1] not in names]
    if strange:
        raise ValueError(f"net_params sets {strange}, but the callbacks are {names}.")
    return net


def _refuse(extra: Mapping[str, Any], hyperparameters: Mapping[str, float]) -> None:
    """Raise ValueError for what the estimator sets, and for what would have no effect.

    Raises
    ------
    ValueError
    """
    for name in hyperparameters:
        if f"optimizer__{name}" in extra:
            raise ValueError(
                f"net_params sets 'optimizer__{name}', which the parameter {_OURS.get(name, name)} of the "
                "estimator sets."
            )
    unknown = [name for name in extra if name != _TAKEN and not str(name).startswith(_TAKEN_OF)]
    if unknown:
        raise ValueError(
            f"net_params sets {unknown}, which has no effect here. It takes optimizer__<parameter>, "
            f"callbacks__<name>__<parameter> and {_TAKEN}; all else is set by parameters of the estimator."
        )


def _unknown_to(optimizer: type[torch.optim.Optimizer], extra: Mapping[str, Any]) -> list[str]:
    """Return the names of parameters that the class of an optimiser does not have."""
    prefix = "optimizer__"
    given = {name: name.removeprefix(prefix).partition("__")[0] for name in extra if name.startswith(prefix)}
    return [name for name, short in given.items() if short != "param_groups" and not takes(optimizer, short)]
