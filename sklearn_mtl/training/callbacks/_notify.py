"""Calls of skorch callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any

from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    LoadInitState,
    LRScheduler,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    TrainEndCheckpoint,
    WandbLogger,
)
from skorch.callbacks.scoring import ScoringBase
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ...utils._warn import warn
from ._lr_scheduler import begin_schedule, reset_rates, schedule_error
from ._protocols import TrainingNet
from ._pruning import PruningCallback
from ._sklearn import SklearnCallbacks

# These read records of batches without having a batch hook.
_READ_BATCHES = (Checkpoint, TrainEndCheckpoint, PassthroughScoring)
# These do not read single batches.
_READ_EPOCHS = (
    EarlyStopping, EpochTimer, LoadInitState, ParamMapper, PrintLog, PruningCallback, SklearnCallbacks,
    WandbLogger,
)  # fmt: skip
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


def watches_batches(callback: Callback) -> bool:
    """Return whether a callback uses single batches, so that each has to be recorded."""
    if isinstance(callback, _READ_BATCHES):
        return True
    if isinstance(callback, EpochScoring) and not isinstance(callback, BatchScoring):
        return callable(callback.scoring)  # a function may read records of batches
    own = any(getattr(type(callback), hook) is not getattr(Callback, hook) for hook in _BATCH_HOOKS)
    if isinstance(callback, LRScheduler):
        return callback.step_every == "batch" or type(callback).on_batch_end is not LRScheduler.on_batch_end
    return own or not isinstance(callback, _READ_EPOCHS)


def tell(net: TrainingNet, callback: Callback, method: str, kwargs: Mapping[str, Any]) -> None:
    """Call a method of a callback.

    Scoring callbacks get the user's rows, schedulers continue, and errors name parameters of the estimator.
    """
    if isinstance(callback, ScoringBase):
        assert net.scoring is not None
        return net.scoring.tell(callback, method, kwargs)
    if isinstance(callback, LRScheduler):
        return _tell_scheduler(net, callback, method, kwargs)
    if method == "on_train_begin":
        _check(net, callback)
    elif method == "on_epoch_end":
        _check_monitor(net, callback)
    getattr(callback, method)(net, **kwargs)
    return None


def _tell_scheduler(net: TrainingNet, callback: LRScheduler, method: str, kwargs: Mapping[str, Any]) -> None:
    if method == "on_train_begin":
        if callback is next(cb for _, cb in net.callbacks_ if isinstance(cb, LRScheduler)):
            reset_rates(net)
        begin_schedule(callback, net, list(net.history)[net.origin :])
        if isinstance(callback.lr_scheduler_, ReduceLROnPlateau):
            _check(net, callback)
        return
    follows = callback.step_every == "epoch" and isinstance(callback.lr_scheduler_, ReduceLROnPlateau)
    if method == "on_epoch_end" and follows:
        _check_monitor(net, callback)
    try:
        getattr(callback, method)(net, **kwargs)
    except (AttributeError, TypeError, ValueError) as error:
        raise schedule_error(callback, error) from error


def _check(net: TrainingNet, callback: Callback) -> None:
    """Raise or warn if something that a callback reads does not exist."""
    monitor = _monitor_of(callback)
    if monitor is not None and monitor.startswith("valid_") and not net.validates:
        raise ValueError(
            f"callbacks: {type(callback).__name__} watches {monitor!r}, but no validation rows are held out; set "
            "early_stopping=True (partial_fit never holds out rows), or watch "
            f"{monitor.replace('valid_', 'train_', 1)!r}."
        )
    if isinstance(callback, ParamMapper):
        names = [name for name, _ in net.get_all_learnable_params()]
        for pattern in callback.patterns:
            if isinstance(pattern, str) and not any(fnmatch(name, pattern) for name in names):
                warn(
                    f"callbacks: {type(callback).__name__} finds no parameter with the pattern {pattern!r}; the "
                    f"parameters are {names}.",
                )


def _check_monitor(net: TrainingNet, callback: Callback) -> None:
    monitor = _monitor_of(callback)
    if monitor is not None and monitor not in net.history[-1]:
        known = [name for name in net.history[-1] if name != "batches"]
        raise ValueError(
            f"callbacks: {type(callback).__name__} watches {monitor!r}, which is not in the history; it has "
            f"{known}. A callback that records it should come first."
        )


def _monitor_of(callback: Callback) -> str | None:
    if isinstance(callback, WandbLogger):
        return "valid_loss_best" if callback.save_model else None
    if isinstance(callback, PruningCallback):
        return callback.watched
    if isinstance(callback, Checkpoint | EarlyStopping | LRScheduler) and isinstance(callback.monitor, str):
        return callback.monitor
    return None
