"""An ensemble of one network, whose members share the weights of the shared layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..architectures import Network, NetworkWrapper, Outputs
from ..nn._batch_linear import BatchLinear
from ..nn._layers import Linear
from ..nn._stacking import SideBySide
from ..trunks import Staged
from ..utils._random import Streams
from ._objective import Objective, TaskLosses


class BatchEnsembleNetwork(NetworkWrapper):
    """A network that computes the outputs (M, B, K) of M members in one pass.

    The members share the layers that the tasks share: each affine layer becomes a `BatchLinear`, and embeddings
    are common to all members. Each member has its own parameters of single tasks, such as their heads.

    Parameters
    ----------
    network : Network
        Provides the shared layers; it is modified.
    members : iterable of Network
        Networks of the same structure, which provide the parameters of single tasks.
    seeds : sequence of int
        Seed of the random signs of each member.
    """

    def __init__(self, network: Network, members: Iterable[Network], seeds: Sequence[int]) -> None:
        _share(network, members, seeds)
        super().__init__(network)

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        return self.network(inputs, tasks).with_mean_penalty()

    def forward_cut(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        return self.network.forward_cut(inputs, tasks).with_mean_penalty()

    def take_over(self, state: Mapping[str, Tensor]) -> None:
        self.network.take_over({name.removeprefix("network."): tensor for name, tensor in state.items()})


def why_not_shared(network: Network) -> str | None:
    """Return why members cannot share the shared layers of a network; None if they can."""
    parts = _parts_of(network)
    if parts.others:
        names = sorted({type(module).__name__ for module in parts.others})
        return f"its shared layers include {', '.join(names)}, but only affine layers and embeddings can be shared"
    return None if parts.layers else "its tasks share no layer"


class _Parts(NamedTuple):
    """Parts of a network.

    Parameters
    ----------
    layers : list of (str, Linear, bool)
        Path of each shared affine layer, the layer, and whether it is the first one of a body.
    own : list of (str, Module, str)
        Path and module of each parameter of a single task, and its name in the module.
    others : list of Module
        Shared modules that are neither affine layers nor embeddings.
    """

    layers: list[tuple[str, Linear, bool]]
    own: list[tuple[str, nn.Module, str]]
    others: list[nn.Module]


def _parts_of(network: Network) -> _Parts:
    shared = {id(parameter) for parameter in network.shared_parameters()}
    parts = _Parts([], [], [])
    is_first = True
    for path, module in network.named_modules():
        is_first |= isinstance(module, Staged)
        parameters = dict(module.named_parameters(recurse=False))
        if not any(id(parameter) in shared for parameter in parameters.values()):
            parts.own.extend((path, module, name) for name in parameters)
        elif type(module) is Linear:
            parts.layers.append((path, module, is_first))
            is_first = False
        elif not getattr(module, "shared_by_members", False):
            parts.others.append(module)
    return parts


def _share(network: Network, members: Iterable[Network], seeds: Sequence[int]) -> None:
    """Add vectors of the members to the shared layers of a network, and stack the parameters of single tasks."""
    layers, own, _ = _parts_of(network)
    values: list[list[Tensor]] = [[] for _ in own]
    for member in members:  # one after the other, to save memory
        modules = dict(member.named_modules())
        for (path, _, name), of_members in zip(own, values, strict=True):
            of_members.append(getattr(modules[path], name).detach())
    for (_, module, name), of_members in zip(own, values, strict=True):
        setattr(module, name, nn.Parameter(torch.stack(of_members)))
    # signs depend on the number of a layer, because its path depends on the other tasks
    for number, (path, linear, is_first) in enumerate(layers):
        generators = [Streams(seed).generator("signs", number) for seed in seeds] if is_first else None
        network.set_submodule(path, BatchLinear(linear, len(seeds), generators))
    for stack in network.modules():
        if isinstance(stack, SideBySide):
            stack.register_vectors()


class MeanObjective(Objective):
    """The objective of members that share weights: the mean over them of the loss of each task.

    The loss of each member is minimised, not the loss of their mean prediction.
    """

    def forward(self, outputs: Outputs, targets: Sequence[Tensor], weights: Sequence[Tensor | None]) -> TaskLosses:
        losses, mass = super().forward(outputs, targets, weights)
        return TaskLosses(losses.mean(dim=0), None if mass is None else mass.mean(dim=0))
