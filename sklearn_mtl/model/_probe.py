"""Test whether `torch.func.vmap` supports modules without a member axis."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..data._dataset import Batch
from ..nn._layers import DrawsAtRandom, Dropout
from ..nn._stacking import stack_networks
from ..utils._memory import first_line
from ..utils._random import Streams
from ._blueprint import Blueprint
from ._vmapped import VmappedNetwork


def why_not_vmapped(blueprint: Blueprint, batch: Batch) -> str | None:
    """Compare the outputs and gradients of two stacked networks with those of each alone, on a batch.

    Parameters
    ----------
    blueprint : Blueprint
        Its trunk or architecture has modules that do not support a member axis.
    batch : Batch
        Some training rows.

    Returns
    -------
    str or None
        Why they cannot be mapped; None if they can.
    """
    seeds = [blueprint.seed, Streams(blueprint.seed).derive("probe")]
    networks = [blueprint.one_network(seed) for seed in seeds]
    random = [m for m in networks[0].modules() if isinstance(m, DrawsAtRandom) and m.draws_at_random]
    if random:
        what = "dropout" if any(isinstance(module, Dropout) for module in random) else "a module"
        return f"{what} inside of it draws random numbers for one network only"
    try:
        mapped = VmappedNetwork(stack_networks(networks, [0, 1]))
        outputs = mapped(batch.inputs, blueprint.active)
        torch.cat([outputs[name].flatten() for name in blueprint.active]).square().sum().backward()
        gradients = dict(mapped.network.named_parameters())
        for member, network in enumerate(networks):
            alone = network(batch.inputs, blueprint.active)
            torch.cat([alone[name].flatten() for name in blueprint.active]).square().sum().backward()
            pairs = [(outputs[name][member], alone[name]) for name in blueprint.active]
            pairs += [
                (_gradient(gradients[name])[member], _gradient(parameter))
                for name, parameter in network.named_parameters()
            ]
            if not all(torch.allclose(one, other, rtol=1e-4, atol=1e-5) for one, other in pairs):
                return "torch.func.vmap changes its outputs or gradients"
    except Exception as error:  # external code may raise any exception
        return f"torch.func.vmap cannot map it: {first_line(error)}"
    return None


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
