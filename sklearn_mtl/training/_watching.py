"""What is recorded and told in single batches, only where a callback watches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..data._dataset import Batch, Dataset
from ..model._objective import Step
from ._log import read_losses, record

if TYPE_CHECKING:
    from ._net import MultiTaskNet


def watched_step(net: MultiTaskNet, batch: Batch, task: str | None) -> Step:
    """Make a step of training with skorch's record and notifications of a batch."""
    net.notify("on_batch_begin", batch=batch, training=True)
    made = net.train_step(batch, task=task)
    step: Step = made["step"]
    _record_batch(net, "train", batch, step)
    net.notify("on_batch_end", batch=batch, training=True, **made)
    return step


def watch_validation(net: MultiTaskNet, data: Dataset) -> None:
    """Go through the validation rows in batches."""
    rows = torch.arange(len(data)) if data.rows is None else data.rows
    batches = rows.split(net.batch_size)
    for chunk in batches:
        batch = data.batch(chunk)
        net.notify("on_batch_begin", batch=batch, training=False)
        with torch.no_grad():
            outputs, task_losses = net._losses(batch)
        _record_batch(net, "valid", batch, Step(task_losses.losses, task_losses.mass, None, None))
        net.notify("on_batch_end", batch=batch, training=False, loss=task_losses.losses.sum(), y_pred=outputs)
    net.history.record("valid_batch_count", len(batches))


def _record_batch(net: MultiTaskNet, prefix: str, batch: Batch, step: Step) -> None:
    """Record the mean loss of a batch under the score weights, as that of the epoch, and its rows."""
    n_rows = len(batch.targets[0])
    means = read_losses([step], [n_rows])[1]
    entries = record(prefix, "loss", net.criterion_.names, means, net.criterion_.score_weights)
    net.history.record_batch(f"{prefix}_loss", entries[f"{prefix}_loss"])
    net.history.record_batch(f"{prefix}_batch_size", n_rows)


def record_best(net: MultiTaskNet, name: str) -> None:
    """Record for the user's callbacks, if there are any, whether a loss is the smallest so far."""
    if net.users_callbacks():
        earlier = [epoch[name] for epoch in list(net.history)[net.origin : -1] if name in epoch]
        value = net.history[-1, name]
        best = not np.isnan(value) and all(np.isnan(loss) or value < loss for loss in earlier)
        net.history.record(f"{name}_best", best)
