"""An ensemble of one network: members that share the weights of what tasks share."""

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

    What tasks share, the members share as well: an affine layer is a `BatchLinear`, and an embedding is one for
    all. What belongs to a task, such as its head, each member has for itself.

    Parameters
    ----------
    network : Network
        With what is shared; it is changed.
    members : iterable of Network
        Of the same structure, each with what is its own.
    seeds : sequence of int
        One for each member, which its signs come from.
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
        return f"what its tasks share are not only affine layers and embeddings, but also {', '.join(names)}"
    return None if parts.layers else "its tasks share no layer"


class _Parts(NamedTuple):
    """What a network consists of.

    Parameters
    ----------
    layers : list of (str, Linear, bool)
        The affine layers that tasks share, by path, each with whether it is the first one of a body.
    own : list of (str, Module, str)
        The parameters that belong to one task, by the path of their module and their name in it.
    others : list of Module
        What tasks share and is neither affine nor an embedding.
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
    """Add the members to a network: vectors to its shared layers; all other parameters are stacked."""
    layers, own, _ = _parts_of(network)
    values: list[list[Tensor]] = [[] for _ in own]
    for member in members:  # one after the other: all at once would take the memory of independent ones
        modules = dict(member.named_modules())
        for (path, _, name), of_members in zip(own, values, strict=True):
            of_members.append(getattr(modules[path], name).detach())
    for (_, module, name), of_members in zip(own, values, strict=True):
        setattr(module, name, nn.Parameter(torch.stack(of_members)))
    # a layer by its number: its path depends on the other tasks that there are
    for number, (path, linear, is_first) in enumerate(layers):
        generators = [Streams(seed).generator("signs", number) for seed in seeds] if is_first else None
        network.set_submodule(path, BatchLinear(linear, len(seeds), generators))
    for stack in network.modules():
        if isinstance(stack, SideBySide):
            stack.register_vectors()


class MeanObjective(Objective):
    """The objective of members that are one network: the mean over them of each task's loss.

    Each member learns to be good by itself, and not the mean of what they predict.
    """

    def forward(self, outputs: Outputs, targets: Sequence[Tensor], weights: Sequence[Tensor | None]) -> TaskLosses:
        losses, mass = super().forward(outputs, targets, weights)
        return TaskLosses(losses.mean(dim=0), None if mass is None else mass.mean(dim=0))
