"""What a fit of labels that are stored sparsely cannot do, and what to do instead."""

from __future__ import annotations

from ..architectures import HardSharing
from ..config import FitConfig
from ..data._sparse_labels import MOST_DENSE
from ..targets import Targets


def refuse_dense_parts(config: FitConfig, targets: Targets) -> None:
    """Refuse parameters that need an array of rows x tasks, for targets of `Targets.from_sparse` or `from_long`.

    Raises
    ------
    ValueError
    """
    if not targets.is_sparse:
        return
    what = "Targets.from_sparse and from_long"
    if not config.task_sampling.trains_all:
        raise ValueError(
            f"task_sampling={config.task_sampling!r} does not take {what}; leave it at 'all': a step computes the "
            "heads of the labelled rows of each task only."
        )
    n_tasks = targets.shape[1]
    if n_tasks <= MOST_DENSE:
        return
    sharing = config.architecture
    is_plain = isinstance(sharing, HardSharing) and not len(sharing.tower_sizes) + len(sharing.bypass_sizes)
    reasons = {
        f"architecture={sharing!r} computes layers for each task; use HardSharing()": not is_plain,
        f"weighting={config.weighting!r} compares the gradients of all tasks; use 'static' or 'uncertainty'":
            config.weighting.needs_gramian,
        f"ensemble={config.ensemble!r} computes all outputs of all members; use ensemble='deep'":
            config.is_batch_ensemble,
        "label_inputs=True reads the labels of all tasks; use False": config.label_inputs,
        f"penalties={list(config.penalties)!r} compare the heads of all tasks; use none": bool(config.penalties),
    }  # fmt: skip
    found = [reason for reason, applies in reasons.items() if applies]
    if found:
        raise ValueError(
            f"{n_tasks} tasks of {what} are more than {MOST_DENSE}, and do not fit in memory with these "
            f"parameters: {'. '.join(found)}."
        )
