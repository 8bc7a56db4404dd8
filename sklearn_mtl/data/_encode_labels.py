"""Labels as tensors of targets and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..columns._ragged import RaggedRows
from ..targets import SparseTargets
from ..tasks import Encoded, Task, TaskGroup
from ..tasks._checks import encode
from ._sparse_labels import LabelledPairs, encode_pairs, is_computed_by_pairs, labels_by_task, refuse_wide
from ._weights import in_common_units


def encode_targets(
    groups: Sequence[TaskGroup],
    tasks: Mapping[str, Task],
    targets: Mapping[str, np.ndarray],
    sample_weight: Mapping[str, np.ndarray] | None,
    dtype: torch.dtype,
) -> tuple[list[Any], list[Tensor | None]]:
    """Encode the labels of all tasks, one tensor of targets and one of weights per group.

    Parameters
    ----------
    groups : sequence of TaskGroup
    tasks : mapping of str to Task
        The fitted tasks.
    targets : mapping of str to ndarray
        Labels by task.
    sample_weight : mapping of str to ndarray or None
        Weights of the rows by task.
    dtype : torch.dtype
        Dtype of targets that are not codes of classes.
    """
    encoded: list[Any] = []
    weights: list[Tensor | None] = []
    if isinstance(targets, SparseTargets):
        refuse_wide(tasks, groups)
    for group in groups:
        if is_computed_by_pairs(targets, group):
            encoded.append(_encode_pairs(group, tasks, targets, sample_weight, dtype))
            weights.append(None)
            continue
        parts = [
            encode_task(tasks[name], name, targets[name], None if sample_weight is None else sample_weight[name])
            for name in group.names
        ]
        target = parts[0].target if len(parts) == 1 else np.hstack([part.target for part in parts])
        weight = parts[0].weight if len(parts) == 1 else np.hstack([part.weight for part in parts])
        encoded.append(_target_tensor(target, dtype))
        weights.append(_weight_tensor(weight, dtype))
    return encoded, weights


def _encode_pairs(
    group: TaskGroup,
    tasks: Mapping[str, Task],
    targets: Any,
    sample_weight: Mapping[str, np.ndarray] | None,
    dtype: torch.dtype,
) -> LabelledPairs:
    rows = labels_by_task(targets, group.names)
    encoded = {}
    for name in group.names:
        weight = None if sample_weight is None else sample_weight[name][rows[name]]
        encoded[name] = encode_task(tasks[name], name, targets.labels_of(name)[0], weight)
    return encode_pairs(group, encoded, rows, len(targets), dtype)


def _target_tensor(target: Any, dtype: torch.dtype) -> Any:
    if isinstance(target, RaggedRows):
        return target.to(dtype) if target.values.is_floating_point() else target
    return torch.from_numpy(target).to(torch.int64 if target.dtype.kind in "iu" else dtype)


def _weight_tensor(weight: Any, dtype: torch.dtype) -> Any:
    if isinstance(weight, RaggedRows):  # padding has weight 0, even if no label is missing
        return weight.to(dtype)
    return None if (weight == 1).all() else torch.from_numpy(weight).to(dtype)


def encode_task(task: Task, name: str, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Encoded:
    """Encode the labels of one task and weight them; errors name the task."""
    encoded = encode(task, name, y) if sample_weight is None else _encode_weighted(task, name, y, sample_weight)
    return Encoded(encoded.target, _for_float32(encoded.weight))


def _for_float32(weight: Any) -> Any:
    """Scale weights that float32 might not represent, or whose sums it might not represent."""
    values = weight.values.numpy() if isinstance(weight, RaggedRows) else weight
    largest = values.max(initial=0.0)
    if largest == 0 or 2**-20 < largest < 2**20:
        return weight
    scaled = in_common_units(values)
    return RaggedRows(torch.from_numpy(scaled), weight.lengths) if isinstance(weight, RaggedRows) else scaled


def _encode_weighted(task: Task, name: str, y: np.ndarray, sample_weight: np.ndarray) -> Encoded:
    # rows of weight 0 may have labels that the task did not see in fit
    kept = sample_weight > 0
    known = encode(task, name, y[kept])
    if isinstance(known.target, RaggedRows):
        by_token = _weighted(known.weight, sample_weight[kept])
        return Encoded(_spread(known.target, kept), _spread(by_token, kept))
    target = np.zeros((len(y), *known.target.shape[1:]), dtype=known.target.dtype)
    weight = np.zeros((len(y), *known.weight.shape[1:]))
    target[kept] = known.target
    weight[kept] = known.weight * sample_weight[kept].reshape(-1, *(1,) * (weight.ndim - 1))
    return Encoded(target, weight)


def _weighted(weight: RaggedRows, by_row: np.ndarray) -> RaggedRows:
    factors = torch.from_numpy(by_row).repeat_interleave(weight.lengths)[:, None]
    return RaggedRows(weight.values * factors, weight.lengths)


def _spread(values: RaggedRows, kept: np.ndarray) -> RaggedRows:
    """Insert empty rows where ``kept`` is False."""
    lengths = torch.zeros(len(kept), dtype=torch.int64)
    lengths[torch.from_numpy(kept)] = values.lengths
    return RaggedRows(values.values, lengths)
