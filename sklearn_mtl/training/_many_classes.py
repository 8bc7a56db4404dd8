"""Tasks of very many classes: what a fit with them refuses, and their validation rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..architectures import Network, Outputs, TaskGraph
from ..config import FitConfig
from ..data._dataset import ValidationRows
from ..model._objective import Objective
from ..nn._adaptive import AdaptiveOutputs, KnownLosses
from ..tasks import Task

# Validation rows whose losses are computed at once.
CHUNK = 256


def refuse_many_classes(config: FitConfig, tasks: Mapping[str, Task]) -> None:
    """Raise ValueError if the parameters of a fit do not work with an adaptive softmax."""
    names = [name for name, task in tasks.items() if task.has_many_classes]
    if not names:
        return
    reasons = {
        f"n_members={config.n_members}: an ensemble averages the outputs of all classes; pass n_members=1":
            config.n_members > 1,
        f"penalties={list(config.penalties)!r} compare linear heads; use none": bool(config.penalties),
        "label_inputs=True reads the labels of all classes; use False": config.label_inputs,
        f"architecture={config.architecture!r} passes outputs of tasks on to others; use another one":
            isinstance(config.architecture, TaskGraph),
        "mixed_precision=True of the optimizer: the groups are computed in one precision; use False":
            config.optimizer.mixed_precision,
        f"metrics={config.metrics!r} are computed for all classes; leave it at None": bool(config.metrics),
    }  # fmt: skip
    found = [reason for reason, applies in reasons.items() if applies]
    if found:
        raise ValueError(f"task {names[0]!r} has softmax='adaptive', which does not work with {'. '.join(found)}.")


@torch.inference_mode()
def losses_and_best(
    network: Network, objective: Objective, valid: ValidationRows, names: Sequence[str]
) -> tuple[Outputs, dict[str, Tensor]]:
    """Compute the losses and the most probable classes of validation rows, chunk by chunk.

    Parameters
    ----------
    network : Network
    objective : Objective
    valid : ValidationRows
    names : sequence of str
        Tasks of very many classes.

    Returns
    -------
    losses : Outputs
        Outputs whose losses are known.
    best : dict of str to Tensor of shape (n, 2)
        The most probable class and its log probability.
    """
    data, numbers = valid.data, {group.names[0]: i for i, group in enumerate(objective.groups)}
    rows = torch.arange(len(data)) if data.rows is None else data.rows
    losses: dict[str, list[Tensor]] = {name: [] for name in names}
    best: dict[str, list[Tensor]] = {name: [] for name in names}
    for chunk in rows.split(CHUNK):
        batch = data.batch(chunk)
        outputs = network(batch.inputs, names)
        for name in names:
            values = outputs.side_by_side([name])
            assert isinstance(values, AdaptiveOutputs)
            losses[name].append(values.loss(batch.targets[numbers[name]]))
            best[name].append(values.best().cpu())
    widths = {name: objective.tasks[name].n_outputs_ for name in names}
    blocks = [([name], [widths[name]], KnownLosses(torch.cat(losses[name]), widths[name])) for name in names]
    return Outputs(blocks), {name: torch.cat(parts) for name, parts in best.items()}
