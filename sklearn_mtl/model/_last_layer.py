"""Find the last layer that the tasks share, in the graph of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from ..architectures import Network


class LastSharedLayer:
    """The last layer that all tasks train.

    It is found by gradients, so it is correct for every architecture and trunk: a layer is shared if one of its
    entries has a nonzero gradient for each task. Tasks of images and of pixels, for instance, separate inside the
    trunk. If no layer is shared by all, it is the last one of those that most tasks train. The search is made
    in the first step, and repeated in steps 2, 4, 8, ... until all tasks had a gradient.
    """

    def __init__(self) -> None:
        self.parameters: list[nn.Parameter] = []
        self.n_seen = 0
        self.steps = 0
        self.next_look = 1

    def find(self, network: Network, losses: Tensor) -> list[nn.Parameter]:
        """Return the parameters of the layer.

        Parameters
        ----------
        network : Network
        losses : Tensor of shape (T,)
            With their graph, which is retained.
        """
        self.steps += 1
        if self.n_seen < len(losses) and self.steps == self.next_look:
            self.next_look *= 2
            self._look(network, losses)
        return self.parameters

    def _look(self, network: Network, losses: Tensor) -> None:
        layers = in_order_of_use(shared_layers(network), losses)
        # one task after the other, to keep only bools of its gradients
        learned = [_learned(loss, layers) for loss in losses.unbind(-1)] if layers else []
        learned = [of_task for of_task in learned if any(there.any() for there in of_task)]
        if len(learned) > self.n_seen:
            self.n_seen = len(learned)
            self.parameters = layers[_last_shared(learned)]


def _last_shared(learned: Sequence[Sequence[Tensor]]) -> int:
    """Return the position of the last layer that all tasks share, or that most tasks train.

    Parameters
    ----------
    learned : sequence of sequence of Tensor of bool
        Which entries have a nonzero gradient, by task and layer.
    """
    by_layer = list(zip(*learned, strict=True))
    shared = [bool(torch.stack(of_tasks).all(dim=0).any()) for of_tasks in by_layer]
    if any(shared):
        return max(position for position, is_shared in enumerate(shared) if is_shared)
    users = [sum(bool(there.any()) for there in of_tasks) for of_tasks in by_layer]
    return max(position for position, count in enumerate(users) if count == max(users))


def shared_layers(network: Network) -> list[list[nn.Parameter]]:
    """Return the parameters of each shared layer; a layer is a module with direct parameters."""
    shared = {id(parameter) for parameter in network.shared_parameters() if parameter.requires_grad}
    layers: list[list[nn.Parameter]] = []
    others: list[list[nn.Parameter]] = []
    for module in network.modules():
        own = [p for p in module.parameters(recurse=False) if id(p) in shared]
        if own:
            # modules that mix or normalise the results of layers do not count as layers
            maps = any(p.dim() > 1 for p in own) and next(module.children(), None) is None
            (layers if maps and "norm" not in type(module).__name__.lower() else others).append(own)
    return layers or others


def in_order_of_use(layers: Sequence[list[nn.Parameter]], losses: Tensor) -> list[list[nn.Parameter]]:
    """Sort layers by their first use in the graph of the losses; layers outside of the graph are left out.

    Layers are sorted by decreasing distance from the losses, along the longest path. The distance is that of the
    node that combines the parameters with the input, and in case of a tie that of the parameters. So views of the
    parameters do not matter, and a layer that is used twice counts by its first use.
    """
    number = {id(parameter): position for position, layer in enumerate(layers) for parameter in layer}
    meeting: dict[Node, tuple[int, int]] = {}
    places: dict[int, tuple[int, int]] = {}
    for node in _nodes_from(losses.grad_fn):
        met, distance = meeting.get(node, (0, 0))
        position = number.get(id(getattr(node, "variable", None)))
        if position is not None:
            places[position] = max(places.get(position, (0, 0)), (met, distance))
        inputs = [before for before, _ in node.next_functions if before is not None]
        here = (met if len(inputs) == 1 else distance, distance + 1)
        for before in inputs:
            known = meeting.get(before, (0, 0))
            meeting[before] = (max(known[0], here[0]), max(known[1], here[1]))
    return [layers[position] for position in sorted(places, key=lambda position: places[position], reverse=True)]


def _nodes_from(root: Node | None) -> list[Node]:
    """List the nodes of a graph, each before the nodes of its inputs."""
    done: list[Node] = []
    seen = set()
    stack = [(root, False)] if root is not None else []
    while stack:
        node, is_done = stack.pop()
        if is_done:
            done.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((before, False) for before, _ in node.next_functions if before is not None)
    return done[::-1]


def _learned(loss: Tensor, layers: Sequence[Sequence[nn.Parameter]]) -> list[Tensor]:
    """Return which entries of each layer have a nonzero gradient of a loss."""
    flat = [parameter for layer in layers for parameter in layer]
    gradients = iter(torch.autograd.grad(loss, flat, retain_graph=True, allow_unused=True))
    known = [[(next(gradients), parameter) for parameter in layer] for layer in layers]
    return [
        torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in layer]) != 0 for layer in known
    ]
