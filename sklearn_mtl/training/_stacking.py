"""Networks of one structure as one network whose parameters have a member axis."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..tasks import Task
from ..utils._layers import Dropout


def stack_networks(networks: Sequence[nn.Module], members: Sequence[int]) -> Any:
    """Put networks side by side: every parameter and buffer gets a leading member axis.

    Parameters
    ----------
    networks : sequence of nn.Module
        Of one structure, in the same mode.
    members : sequence of int
        For each of the M members the position of the network that it starts from.

    Returns
    -------
    nn.Module
        A network like the first one, with tensors of shape (M, ...).
    """
    stacked = copy.deepcopy(networks[0])
    index = torch.tensor(members)
    first = next(stacked.parameters())
    modules = [dict(network.named_modules()) for network in networks]
    for path, module in stacked.named_modules():
        twins = [by_path[path] for by_path in modules]
        for name, parameter in module._parameters.items():
            if parameter is not None:
                values = torch.stack([twin._parameters[name].detach() for twin in twins])
                module._parameters[name] = nn.Parameter(values[index])
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.stack([twin._buffers[name] for twin in twins])[index]
        if isinstance(module, Dropout):
            module.p = per_member([twins[member].p for member in members], first.dtype, first.device)
    return stacked


def keep_members(network: nn.Module, kept: Tensor) -> None:
    """Drop all members of a stacked network but those whose positions are given."""
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(parameter.detach()[kept])
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffer[kept]
        if isinstance(module, Dropout) and isinstance(module.p, Tensor):
            module.p = module.p[kept]


def member_state(network: nn.Module, member: int) -> dict[str, Tensor]:
    """Give the state dict of one member of a stacked network."""
    return {name: tensor[member].clone() for name, tensor in network.state_dict().items()}


def per_member(values: Sequence[Any], dtype: torch.dtype, device: torch.device) -> Any:
    """Give a hyperparameter as one number if all members agree, otherwise as a tensor (M, 1, 1)."""
    if all(value == values[0] for value in values):
        return values[0]
    return torch.tensor([float(value) for value in values], dtype=dtype, device=device)[:, None, None]


def stack_tasks(tasks: Sequence[Task], dtype: torch.dtype, device: torch.device) -> Task:
    """Give a task whose loss has the hyperparameters of each member's task.

    Parameters
    ----------
    tasks : sequence of Task
        The same task of M members, fitted; they differ in `Task.stackable_params` at most.
    dtype : torch.dtype
    device : torch.device
        Of the hyperparameters.
    """
    stacked = copy.copy(tasks[0])
    for name in stacked.stackable_params:
        setattr(stacked, name, per_member([getattr(task, name) for task in tasks], dtype, device))
    return stacked


def structure_of(network: nn.Module) -> tuple:
    """Give what networks must have in common to be stacked: modules, and names and shapes of their tensors."""
    modules = tuple((path, type(module)) for path, module in network.named_modules())
    shapes = tuple((name, tuple(tensor.shape)) for name, tensor in network.state_dict().items())
    return modules, shapes
