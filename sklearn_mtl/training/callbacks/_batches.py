"""Records and notifications of single batches, used only if a callback watches them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...data._dataset import Batch
from ...model._objective import Step
from .._log import mean_entries, read_losses
from .._stack import Pass
from ._protocols import TrainingNet


def watched_step(net: TrainingNet, batches: Sequence[tuple[str | None, Batch]]) -> list[Pass]:
    """Train for one step with skorch's record and notifications of a batch.

    Callbacks get the batch and the outputs of the first of several networks, and the mean of the losses.
    """
    shown = net.stacks[0].shown(batches[0][1])
    net.notify("on_batch_begin", batch=shown, training=True)
    passes = net.step(batches)
    _record_batch(net, "train", [made.step for made in passes], shown.n_rows)
    values = [
        stack.objective.value(made.task_losses, made.weights, made.outputs.penalty).mean()
        for stack, made in zip(net.stacks, passes, strict=True)
    ]
    told = {"loss": torch.stack(values).mean(), "y_pred": passes[0].outputs, "step": passes[0].step}
    net.notify("on_batch_end", batch=shown, training=True, **told)
    return passes


def watch_validation(net: TrainingNet) -> None:
    """Record the validation rows in batches; of several networks, those of the first one."""
    stack = net.stacks[0]
    valid = stack.members[0].data.valid
    assert valid is not None
    data = valid.data
    rows = torch.arange(len(data)) if data.rows is None else data.rows
    batches = rows.split(stack.batch_size)
    for chunk in batches:
        batch = data.batch(chunk)
        net.notify("on_batch_begin", batch=batch, training=False)
        with torch.no_grad():
            asked = batch if stack.rows is None else stack.rows.batch(chunk[None])
            outputs, task_losses = stack.losses(asked)
        _record_batch(net, "valid", [Step(task_losses.losses, task_losses.mass, None, None)], len(chunk))
        loss = task_losses.losses.sum(dim=-1).mean()
        net.notify("on_batch_end", batch=batch, training=False, loss=loss, y_pred=outputs)
    net.history.record("valid_batch_count", len(batches))


def _record_batch(net: TrainingNet, prefix: str, steps: Sequence[Step], n_rows: int) -> None:
    """Record the mean loss of a batch under the score weights, as that of the epoch, and its rows."""
    entries = []
    for stack, step in zip(net.stacks, steps, strict=False):
        means = read_losses([step], [n_rows])[1]
        rows = means if stack.has_axis else means[None]
        entries += [stack.entries(prefix, "loss", position, row) for position, row in enumerate(rows)]
    net.history.record_batch(f"{prefix}_loss", mean_entries(entries)[f"{prefix}_loss"])
    net.history.record_batch(f"{prefix}_batch_size", n_rows)


def record_best(net: TrainingNet, name: str) -> None:
    """Record whether a loss is the smallest so far, if the user has set callbacks."""
    if net.users_callbacks():
        earlier = [epoch[name] for epoch in list(net.history)[net.origin : -1] if name in epoch]
        value = net.history[-1, name]
        best = not np.isnan(value) and all(np.isnan(loss) or value < loss for loss in earlier)
        net.history.record(f"{name}_best", best)
