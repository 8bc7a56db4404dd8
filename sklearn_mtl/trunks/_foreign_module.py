"""Wrapper of external modules for trunks: separate weights, seeded random numbers, errors that name the module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from ..nn._layers import DrawsAtRandom, Dropout, set_draws
from ..utils._random import lend_global_generator
from ._base import Representation
from ._stem_output import StemOutput


class ForeignModule(DrawsAtRandom, nn.Module):
    """Convert the output of a module to a representation.

    Parameters
    ----------
    module : nn.Module
    name : str
        Name of the module in messages.
    integers : bool
        Whether the module is called with integers, for look-ups.
    draws_in_training, draws_in_prediction : bool
        Whether it draws from torch's global generator, which is then seeded for the call.
    seed : int
        Seed of the numbers drawn in prediction.
    """

    def __init__(
        self,
        module: nn.Module,
        name: str,
        *,
        integers: bool = False,
        draws_in_training: bool = False,
        draws_in_prediction: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.name = name
        self.integers = integers
        self.draws_by_mode = {True: draws_in_training, False: draws_in_prediction}
        self.seed = seed

    @property
    def draws_at_random(self) -> bool:
        """Return whether each call draws random numbers in training."""
        return self.draws_by_mode[True]

    def train(self, mode: bool = True) -> ForeignModule:
        """Set the mode; batch statistics of frozen parts are not updated."""
        super().train(mode)
        if mode:
            for layer in _frozen_batch_norms(self.module):
                layer.eval()
        return self

    def forward(self, output: StemOutput) -> Representation:
        x = output.values
        given = x.long() if self.integers else x
        with self._random_numbers(x.device), naming(self.name, given):
            found = self.module(given)
        if isinstance(found, Representation):
            return found
        self._check(found, x)
        if found.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
            found = found.to(x.dtype)
        if found.dim() == 2:
            return Representation(found)
        return Representation(found.mean(dim=-2), found, torch.ones_like(found[..., 0], dtype=torch.bool))

    def _check(self, found: Any, x: Tensor) -> None:
        is_tensor = isinstance(found, Tensor)
        got = f"shape {tuple(found.shape)} and {found.dtype}" if is_tensor else f"type {type(found).__name__}"
        # len would fix the number of rows of an export
        as_rows = is_tensor and found.dim() in (2, 3) and found.shape[0] == x.shape[0]
        if not as_rows or not found.is_floating_point():
            raise ValueError(
                f"the module {self.name} of ModuleTrunk should return a tensor of floats (B, D), a vector for "
                f"each row, or (B, L, D), a vector for each token; for B={len(x)} rows of shape "
                f"{tuple(x.shape[1:])} it returned a result of {got}."
            )

    def _random_numbers(self, device: torch.device) -> Any:
        if not self.draws_by_mode[self.training]:
            return nullcontext()
        if not self.training or self.draws is None:
            return lend_global_generator(self.seed, device)
        generator = self.draws.generators[0]
        drawn = torch.randint(2**62, (1,), generator=generator, device=generator.device)
        return lend_global_generator(int(drawn), device)


@contextmanager
def naming(name: str, x: Tensor) -> Iterator[None]:
    """Name the module in errors that it raises."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # external code may raise any exception
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        given = f"{x.dtype} of shape {tuple(x.shape)}".removeprefix("torch.")
        if "more than 1 value per channel" in first:
            raise ValueError(
                f"the module {name} of ModuleTrunk normalises over the rows of a batch, which needs at least two "
                "rows, but got a batch of one; train on more rows, or change batch_size."
            ) from error
        raise ValueError(f"the module {name} of ModuleTrunk failed for a batch of {given}: {first}") from error


def shares_tensors(one: nn.Module, other: nn.Module) -> bool:
    """Return whether two modules share a tensor or a submodule."""
    return bool(_identities(one) & _identities(other))


def _identities(module: nn.Module) -> set[tuple[str, int]]:
    tensors = [*module.parameters(), *module.buffers()]
    memory = {t.untyped_storage().data_ptr() for t in tensors if not is_lazy(t) and t.layout == torch.strided}
    return {("memory", place) for place in memory if place} | {("module", id(part)) for part in module.modules()}


def with_our_dropout(module: nn.Module) -> nn.Module:
    """Replace `torch.nn.Dropout` in a module by a layer that draws its masks from the generators of the fit."""
    if type(module) is nn.Dropout:
        return Dropout(module.p)
    for name, child in module._modules.items():  # a layer may occur in two places
        if child is not None:
            setattr(module, name, with_our_dropout(child))
    return module


def is_unfinished(module: nn.Module) -> bool:
    """Return whether a module has parameters or buffers whose shape is set by the first call."""
    return any(is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers()))


def draws_from_global_generator(body: ForeignModule, x: Tensor, training: bool) -> bool:
    """Return whether a call of a module draws from torch's global generator; the call may change the module."""
    body.train(training)
    set_draws(body, torch.Generator().manual_seed(0))
    given = x.long() if body.integers else x
    with lend_global_generator(0), torch.no_grad(), naming(body.name, given):
        before = torch.get_rng_state()
        body.module(given)
        return not torch.equal(before, torch.get_rng_state())


def _frozen_batch_norms(module: nn.Module) -> list[nn.Module]:
    """Return the batch normalisation layers in frozen parts of a module."""
    parameters = list(module.parameters())
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        return [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
    return [layer for child in module.children() for layer in _frozen_batch_norms(child)]
