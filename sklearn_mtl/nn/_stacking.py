"""Stacking of modules of one structure into one module whose parameters have a leading axis."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ._layers import Dropout


def stack_networks(networks: Sequence[nn.Module], members: Sequence[int]) -> Any:
    """Stack networks: every parameter and buffer gets a leading member axis.

    Parameters
    ----------
    networks : sequence of nn.Module
        Networks of one structure, in the same mode.
    members : sequence of int
        For each of the M members, the position of its initial network.

    Returns
    -------
    nn.Module
        A network like the first one, with tensors of shape (M, ...).
    """
    # the tensors are replaced below, so copying them would waste memory
    tensors = [*networks[0].parameters(), *networks[0].buffers()]
    stacked = copy.deepcopy(networks[0], {id(tensor): tensor for tensor in tensors})
    index = None if list(members) == list(range(len(networks))) else torch.tensor(members)
    modules = [dict(network.named_modules()) for network in networks]
    for path, module in stacked.named_modules():
        twins = [by_path[path] for by_path in modules]
        for name, parameter in module._parameters.items():
            if parameter is not None:
                values = torch.stack([twin._parameters[name].detach() for twin in twins])
                values = values if index is None else values[index]
                module._parameters[name] = nn.Parameter(values, requires_grad=parameter.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                values = torch.stack([twin._buffers[name] for twin in twins])
                module._buffers[name] = values if index is None else values[index]
        if isinstance(module, Dropout):
            first = next(stacked.parameters())
            module.p = per_member([twins[member].p for member in members], first.dtype, first.device)
    return stacked


def keep_members(network: nn.Module, kept: Tensor) -> None:
    """Drop all members of a stacked network except those at the given positions."""
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(parameter.detach()[kept], parameter.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffer[kept]
        if isinstance(module, Dropout) and isinstance(module.p, Tensor):
            module.p = module.p[kept]


def member_state(network: nn.Module, member: int) -> dict[str, Tensor]:
    """Return the state dict of one member of a stacked network."""
    return {name: tensor[member].clone() for name, tensor in network.state_dict().items()}


def per_member(values: Sequence[Any], dtype: torch.dtype, device: torch.device) -> Any:
    """Return a hyperparameter as one number if it is equal for all members, otherwise as a tensor (M, 1, 1)."""
    if all(value == values[0] for value in values):
        return values[0]
    return torch.tensor([float(value) for value in values], dtype=dtype, device=device)[:, None, None]


def structure_of(network: nn.Module) -> tuple:
    """Return the structure that stacked networks share: modules, and names and shapes of their tensors."""
    modules = tuple((path, type(module)) for path, module in network.named_modules())
    shapes = tuple((name, tuple(tensor.shape)) for name, tensor in network.state_dict().items())
    return modules, shapes


def has_member_axis(spec: Any) -> bool:
    """Return whether a trunk or an architecture declares that all its modules support leading axes."""
    # a subclass may build other modules, so it does not inherit the declaration
    return "member_axis" in vars(type(spec)) and bool(spec.member_axis)


class SideBySide(nn.Module):
    """Stack of modules of one structure, of which a subset can be computed.

    Parameters
    ----------
    modules : sequence of nn.Module
        Modules that support parameters (..., E, *shape) and inputs (..., E, B, W), or (..., 1, B, W) if shared.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        # with duplicates, because a layer may occur in two places
        tensors = [
            *modules[0].named_parameters(remove_duplicate=False), *modules[0].named_buffers(remove_duplicate=False)
        ]  # fmt: skip
        self.dims = {name: tensor.dim() for name, tensor in tensors}
        self.stacked = stack_networks(modules, range(len(modules)))

    def register_vectors(self) -> None:
        """Register vectors that were added to the layers."""
        self.dims = {**{name: 1 for name, _ in self.stacked.named_parameters()}, **self.dims}

    def forward(self, x: Any, chosen: Tensor | None = None) -> Any:
        """Compute all modules, or those at the chosen positions."""
        return (self.stacked if chosen is None else self._only(self.stacked, chosen, ""))(x)

    def _only(self, module: nn.Module, chosen: Tensor, prefix: str) -> nn.Module:
        """Copy a module with the chosen entries of the axis; the module itself is not changed."""
        part = copy.copy(module)
        for kind in ("_parameters", "_buffers"):
            part.__dict__[kind] = {
                name: None if values is None else self._pick(values, chosen, prefix + name)
                for name, values in getattr(module, kind).items()
            }
        part.__dict__["_modules"] = {
            name: None if child is None else self._only(child, chosen, f"{prefix}{name}.")
            for name, child in module._modules.items()
        }
        return part

    def _pick(self, values: Tensor, chosen: Tensor, name: str) -> Tensor:
        # counted from the end, because member axes may come first
        return values.index_select(-1 - self.dims[name], chosen.to(values.device))
