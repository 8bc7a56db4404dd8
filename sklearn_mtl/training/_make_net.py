"""Construction of the skorch net."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from ..config._optimizer import optimizer_params, takes
from ..model._blueprint import Blueprint
from ._net import MultiTaskNet
from .callbacks._callback_list import callbacks_to_run

# The entries that net_params may have: a name, and prefixes.
_TAKEN, _TAKEN_OF = "torch_load_kwargs", ("optimizer__", "callbacks__")
# Parameters of the estimator that have another name in the optimiser.
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
    """Build and initialise the net.

    Parameters
    ----------
    module, criterion : nn.Module
        Network and objective.
    blueprint : Blueprint
    hyperparameters : mapping of str to float
        Parameters of the optimiser that the estimator sets, as in `FitConfig`.
    optimizer : str or class, default="adamw"
        A name in ``OPTIMIZERS`` or a class of `torch.optim`.
    callbacks : iterable of skorch callbacks or None, default=None
    net_params : mapping or None, default=None
        Parameters of the optimiser and of callbacks, as skorch names them.
    **params : dict
        Further parameters of `MultiTaskNet`.

    Raises
    ------
    ValueError, TypeError
        If ``net_params`` has an entry that the estimator sets or that has no effect, a callback is not a skorch
        callback, or the optimiser cannot be built.
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
            raise ValueError(f"skorch's NeuralNet rejects net_params={extra!r}: {error}") from error
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
    """Raise ValueError for entries that the estimator sets, and for entries without effect."""
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
            f"callbacks__<name>__<parameter> and {_TAKEN}; everything else is set by parameters of the estimator."
        )


def _unknown_to(optimizer: type[torch.optim.Optimizer], extra: Mapping[str, Any]) -> list[str]:
    """Return the names of parameters that the class of an optimiser does not have."""
    prefix = "optimizer__"
    given = {name: name.removeprefix(prefix).partition("__")[0] for name in extra if name.startswith(prefix)}
    return [name for name, short in given.items() if short != "param_groups" and not takes(optimizer, short)]
