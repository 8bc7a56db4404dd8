"""Labels as inputs of the heads of other tasks: encoding, and what is known when predicting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..architectures import LABELS, hide_at_random
from ..columns._missing import is_missing
from ..data._dataset import Dataset
from ..data._encode_labels import encode_task
from ..targets import read_targets
from ..tasks import Task
from ..utils._random import Streams
from ..utils._types import TargetsLike
from ._blueprint import Blueprint


def check_readable(blueprint: Blueprint) -> None:
    """Check that some task can read the label of another one.

    Raises
    ------
    ValueError
    """
    readable = list(blueprint.label_widths)
    # a single readable task cannot read itself
    readers = [name for name in blueprint.active if readable and [name] != readable]
    if not readers:
        raise ValueError(
            f"label_inputs=True has no effect: of the trained tasks {blueprint.active}, none has a label per row "
            "that another one could read; leave it out."
        )
    if blueprint.is_batch_ensemble:
        raise ValueError("label_inputs=True does not work with ensemble='batch'; use ensemble='deep'.")


def label_inputs(
    blueprint: Blueprint,
    labels: Mapping[str, np.ndarray],
    sample_weight: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Tensor]:
    """Encode labels by task as an input of the network; empty if the network reads none, or there are none.

    The numbers of a task and its flag are 0 where the label is missing, or the row has weight 0 in it.
    """
    if not blueprint.label_inputs or not any(name in labels for name in blueprint.label_widths):
        return {}
    n_rows = len(next(iter(labels.values())))
    weights = sample_weight or {}
    blocks = [
        _block(blueprint.tasks[name], name, labels[name], weights.get(name))
        if name in labels
        else np.zeros((n_rows, width))
        for name, width in blueprint.label_widths.items()
    ]
    return {LABELS: torch.from_numpy(np.hstack(blocks)).to(blueprint.torch_dtype)}


def _block(task: Task, name: str, labels: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Encode the labels of one task with a flag, (n_rows, label_width + 1)."""
    if is_missing(labels).all():  # their dtype may be that of no label of the task
        return np.zeros((len(labels), task.label_width + 1))
    encoded = encode_task(task, name, labels, weight)
    known = np.broadcast_to(encoded.weight > 0, (len(labels), encoded.weight.shape[1]))
    values = np.where(known, task.label_input(encoded.target), 0.0)
    return np.hstack([values, known.any(axis=1, keepdims=True)])


def known_labels(blueprint: Blueprint, given: TargetsLike, n_rows: int) -> dict[str, Tensor]:
    """Encode the labels that are known when predicting.

    Parameters
    ----------
    blueprint : Blueprint
    given : mapping or frame of labels by task, or None
    n_rows : int
        Rows that are predicted.

    Raises
    ------
    ValueError
        If the network reads no labels, or not those of a task, or they are invalid, or differ in number from rows.
    """
    if given is None:
        return {}
    if not blueprint.label_inputs:
        raise ValueError("given has labels, but the network was fitted with label_inputs=False and reads none.")
    targets, container = read_targets(given)
    readable = list(blueprint.label_widths)
    unknown = [name for name in targets if name not in readable]
    if not container.names_tasks or unknown:
        what = "should name tasks, as a mapping or frame does" if not container.names_tasks else f"names {unknown}"
        raise ValueError(f"given {what}; the network reads labels of {readable}.")
    if len(targets) != n_rows:
        raise ValueError(f"given has {len(targets)} rows, but X has {n_rows}.")
    try:
        return label_inputs(blueprint, targets)
    except (TypeError, ValueError) as error:
        raise ValueError(f"given: {error}") from error


def with_hidden_labels(blueprint: Blueprint, data: Dataset) -> Dataset:
    """Return validation rows in which labels are hidden at random as in training, the same ones in all epochs."""
    labels: Any = data.inputs.get(LABELS)
    if labels is None:
        return data
    widths = list(blueprint.label_widths.values())
    generator = Streams(blueprint.seed).generator("label inputs", "validation")
    draws = torch.rand(len(labels), len(widths) + 2, generator=generator).to(labels.device)
    return replace(data, inputs={**data.inputs, LABELS: hide_at_random(labels, widths, draws)})
