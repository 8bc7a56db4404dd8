"""Stacked networks whose modules have no member axis, mapped by `torch.func.vmap`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call, vmap

from ..architectures import Network, NetworkWrapper, Outputs
from ..trunks import Representation


class VmappedNetwork(NetworkWrapper):
    """A stacked network that maps the forward pass of one member over all members.

    Parameters
    ----------
    stacked : Network
        With parameters and buffers of shape (M, ...), from `stack_networks`.
    """

    def __init__(self, stacked: Network) -> None:
        super().__init__(stacked)

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        """Compute the outputs (M, B, K) of some tasks for inputs that all members share."""
        return self.for_members({name: values[None] for name, values in inputs.items()}, tasks)

    def for_members(self, inputs: Mapping[str, Tensor], tasks: Sequence[str]) -> Outputs:
        """Compute the outputs (M, B, K) of some tasks for inputs (M, B, ...), or shared inputs (1, B, ...)."""
        outputs, penalty = self._map(lambda network, batch: _as_tensors(network(batch, tasks)), inputs)
        return Outputs.of(outputs, *penalty)

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        """Compute the representations (M, B, D) of inputs that all members share."""
        shared = {name: values[None] for name, values in inputs.items()}
        return Representation(self._map(lambda network, batch: network.represent(batch).sample, shared))

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Return the state by the names of one network."""
        return self.network.state_dict(*args, **kwargs)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Load a state by the names of one network."""
        return self.network.load_state_dict(*args, **kwargs)

    def _map(self, compute: Callable[[Any, dict[str, Tensor]], Any], inputs: Mapping[str, Tensor]) -> Any:
        # functional_call modifies the modules while it runs, but other threads may predict with them
        network = self.network if self.training else _with_same_tensors(self.network)
        tensors = [*network.named_parameters(), *network.named_buffers()]
        state = {f"network.{name}": values for name, values in tensors}
        n_members = len(next(iter(state.values())))
        each = {name: values.expand(n_members, *values.shape[1:]) for name, values in inputs.items()}
        call = _Call(network, compute)
        return vmap(lambda tensors, batch: functional_call(call, tensors, (batch,)))(state, each)


def _as_tensors(outputs: Outputs) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Convert outputs to what vmap accepts: no other objects, and no None."""
    return dict(outputs), [] if outputs.penalty is None else [outputs.penalty]


def _with_same_tensors(network: nn.Module) -> nn.Module:
    tensors = [*network.parameters(), *network.buffers()]
    return copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})


class _Call(nn.Module):
    """A computation with a network as a module, whose tensors `functional_call` can replace."""

    def __init__(self, network: nn.Module, compute: Callable[[Any, dict[str, Tensor]], Any]) -> None:
        super().__init__()
        self.network = network
        self.compute = compute

    def forward(self, batch: dict[str, Tensor]) -> Any:
        return self.compute(self.network, batch)
