"""Validation of tasks with few labels: only outputs of labelled pairs of a row and a task are computed."""

from __future__ import annotations

import numpy as np
import torch

from ..architectures import Network, Outputs
from ..data._dataset import ValidationRows
from ..data._sparse_labels import LabelledPairs
from ..model._objective import Objective
from ..model._predict import average_members, predict_outputs, predict_pairs


@torch.inference_mode()
def validate_pairs(
    network: Network, objective: Objective, valid: ValidationRows, n_members: int, with_outputs: bool
) -> tuple[np.ndarray, dict[str, np.ndarray] | None]:
    """Compute the losses of validation rows with sparse labels.

    Parameters
    ----------
    network : Network
    objective : Objective
    valid : ValidationRows
    n_members : int
        Number of networks that share weights, whose outputs are averaged.
    with_outputs : bool
        Whether to return outputs too, which takes time for each task.

    Returns
    -------
    losses : ndarray of shape (T,)
        NaN for a task without a label.
    outputs : dict of str to ndarray of shape (n_labelled, K), or None
        Of the labelled rows of each task.
    """
    data, everything = valid.data, valid.data.everything()
    pairs = [
        (group.names, target)
        for group, target in zip(objective.groups, everything.targets, strict=True)
        if isinstance(target, LabelledPairs)
    ]
    asked = [(names, target.chunk) for names, target in pairs]
    found = predict_pairs(network, data.inputs, asked, data.device, data.rows)
    of_pairs = {name for names, _ in pairs for name in names}
    others = {name: objective.tasks[name] for name in objective.names if name not in of_pairs}
    dense = predict_outputs(network, data.inputs, others, data.device, data.rows) if others else {}
    known = [(names, output.to(data.device)) for (names, _), output in zip(pairs, found, strict=True)]
    outputs = Outputs.of_pairs(known, {name: output.to(data.device) for name, output in dense.items()})
    losses, mass = objective(outputs, everything.targets, everything.weights)
    assert mass is not None, "pairs have masses"
    means = np.where((mass > 0).cpu().numpy(), losses.double().cpu().numpy(), np.nan)
    if not with_outputs:
        return means, None
    by_task = {name: output[..., valid.labelled_rows(name), :] for name, output in dense.items()}
    for (names, target), output in zip(pairs, found, strict=True):
        by_task |= target.by_task(names, output)
    if n_members > 1:
        by_task = average_members(by_task, objective.tasks)
    return means, {name: output.numpy() for name, output in by_task.items()}
