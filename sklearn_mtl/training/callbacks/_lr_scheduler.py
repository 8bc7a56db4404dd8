"""skorch's LRScheduler, at the place where the epochs that were trained before have left it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import skorch.callbacks.lr_scheduler
import torch
from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ._protocols import TrainingNet


def with_policy_class(callback: LRScheduler) -> LRScheduler:
    """Replace the name of a scheduler of torch or skorch by its class, in the callback itself.

    Raises
    ------
    ValueError
        If there is none of that name.
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
    """A net as one that has not been trained yet."""

    def __init__(self, net: TrainingNet) -> None:
        self._net = net
        self.history = type(net.history)()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._net, name)


def reset_rates(net: TrainingNet) -> None:
    """Set the learning rates of an optimiser to those at the start of a training, before a scheduler is made."""
    for group, rate in zip(net.optimizer_.param_groups, net.rates, strict=True):
        group["lr"] = rate
        group.pop("initial_lr", None)


def begin_schedule(callback: LRScheduler, net: TrainingNet, past: Sequence[dict[str, Any]]) -> None:
    """Make the scheduler of a callback, and take the steps of the epochs that were trained before.

    skorch tells it the number of these epochs only, from which few schedulers of torch find their place.

    Parameters
    ----------
    callback : LRScheduler
    net : MultiTaskNet
        Its rates are those of the first epoch, see `reset_rates`.
    past : sequence of dict
        The history of the epochs that were trained before.

    Raises
    ------
    ValueError
        If the scheduler cannot be made of the parameters, or has ended.
    """
    try:
        callback.on_train_begin(_Anew(net))
        # torch warns of a scheduler that comes before the first step, which was made in an earlier training
        net.optimizer_._opt_called = True  # type: ignore[attr-defined]
        for epoch in past:
            _repeat(callback, epoch)
    except (AttributeError, TypeError, ValueError) as error:
        raise schedule_error(callback, error) from error


def schedule_error(callback: LRScheduler, error: Exception) -> ValueError:
    """Make the error of a scheduler that torch refuses."""
    name = getattr(callback.policy, "__name__", callback.policy)
    return ValueError(f"callbacks: LRScheduler with the policy {name} and {callback.kwargs!r} failed: {error}")


def _repeat(callback: LRScheduler, epoch: dict[str, Any]) -> None:
    """Take the steps of one epoch again, as far as the history says how."""
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
    """Let go of the scheduler and of what torch has put in its optimiser, which would keep both alive."""
    callback.lr_scheduler_ = None
    vars(net.optimizer_).pop("step", None)
