"""skorch's LRScheduler, continued from the epochs that were trained before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import skorch.callbacks.lr_scheduler
import torch
from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ._protocols import TrainingNet


def with_policy_class(callback: LRScheduler) -> LRScheduler:
    """Replace the name of a scheduler by its class, in the callback itself.

    Raises
    ------
    ValueError
        If there is no scheduler of that name.
    """
    if isinstance(callback.policy, str):
        places = (skorch.callbacks.lr_scheduler, torch.optim.lr_scheduler)
        found = next(
            (getattr(place, callback.policy) for place in places if hasattr(place, callback.policy)), None
        )
        if found is None:
            raise ValueError(
                f"callbacks: LRScheduler(policy={callback.policy!r}) should name a class of "
                "torch.optim.lr_scheduler, or be one."
            )
        callback.policy = found
    return callback


class _Anew:
    """A net with an empty history, as before training."""

    def __init__(self, net: TrainingNet) -> None:
        self._net = net
        self.history = type(net.history)()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._net, name)


def reset_rates(net: TrainingNet) -> None:
    """Set the learning rates of an optimiser to the initial ones, before a scheduler is built."""
    for group, rate in zip(net.optimizer_.param_groups, net.rates, strict=True):
        group["lr"] = rate
        group.pop("initial_lr", None)


def begin_schedule(callback: LRScheduler, net: TrainingNet, past: Sequence[dict[str, Any]]) -> None:
    """Build the scheduler of a callback, and repeat its steps of earlier epochs.

    skorch passes only the number of these epochs, from which most schedulers cannot restore their state.

    Parameters
    ----------
    callback : LRScheduler
    net : MultiTaskNet
        With initial learning rates, see `reset_rates`.
    past : sequence of dict
        The history of the epochs that were trained before.

    Raises
    ------
    ValueError
        If the scheduler cannot be built, or has ended.
    """
    try:
        callback.on_train_begin(_Anew(net))
        # otherwise torch warns that no step came first, though it was in an earlier training
        net.optimizer_._opt_called = True  # type: ignore[attr-defined]
        for epoch in past:
            _repeat(callback, epoch)
    except (AttributeError, TypeError, ValueError) as error:
        raise schedule_error(callback, error) from error


def schedule_error(callback: LRScheduler, error: Exception) -> ValueError:
    """Build the error for a scheduler that fails."""
    name = getattr(callback.policy, "__name__", callback.policy)
    return ValueError(f"callbacks: LRScheduler with the policy {name} and {callback.kwargs!r} failed: {error}")


def _repeat(callback: LRScheduler, epoch: dict[str, Any]) -> None:
    """Repeat the steps of one epoch, as far as the history has their values."""
    scheduler = callback.lr_scheduler_
    watches = isinstance(scheduler, ReduceLROnPlateau)
    if callback.step_every == "epoch":
        if not watches:
            scheduler.step()
        elif not callable(callback.monitor) and callback.monitor in epoch:
            scheduler.step(epoch[callback.monitor])
        return
    batches = [batch for batch in epoch.get("batches", []) if "train_loss" in batch]
    for number in range(int(epoch.get("train_batch_count", len(batches)))):
        if not watches:
            scheduler.step()
        elif number < len(batches) and not callable(callback.monitor) and callback.monitor in batches[number]:
            scheduler.step(batches[number][callback.monitor])


def end_schedule(callback: LRScheduler, net: TrainingNet) -> None:
    """Release the scheduler, and the method that torch has set on the optimiser, which refers to it."""
    callback.lr_scheduler_ = None
    vars(net.optimizer_).pop("step", None)
