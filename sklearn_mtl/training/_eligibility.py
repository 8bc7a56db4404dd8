"""Which fits can be stacked: one table of the reasons against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from ..columns._ragged import RaggedRows
from ..config import OPTIMIZERS, FitConfig
from ..data._dataset import Dataset
from ..model._blueprint import Blueprint
from ..model._vmapped import why_not_vmapped
from ..nn._stacking import has_member_axis
from ..trunks import SparseRows, resolve_trunk
from ._callback_list import callbacks_of

#: what of a config keeps its fit from being stacked, and why
_OF_CONFIG: tuple[tuple[Callable[[FitConfig], bool], str], ...] = (
    (lambda config: config.is_batch_ensemble, "ensemble='batch' is stacked by itself"),
    (
        lambda config: config.optimizer.algorithm not in OPTIMIZERS,
        "only optimizers known by name are stacked",
    ),
    (lambda config: bool(callbacks_of(config.callbacks)), "callbacks follow one fit each"),
    (lambda config: config.checkpoint is not None, "a checkpoint keeps the state of one fit"),
    (lambda config: bool(config.net_params), "net_params change the optimizer"),
    (lambda config: not config.task_sampling.trains_all, "task_sampling chooses other batches for each fit"),
    (
        lambda config: config.early_stopping == "per_task",
        "early_stopping='per_task' stops tasks by fit",
    ),
    (lambda config: config.optimizer.mixed_precision, "mixed precision is not stacked"),
)


class Eligibility(NamedTuple):
    """Whether fits can be stacked.

    Parameters
    ----------
    reason : str or None
        Why they cannot; None if they can.
    """

    reason: str | None

    @property
    def can_be_stacked(self) -> bool:
        """Whether nothing speaks against it."""
        return self.reason is None

    @classmethod
    def of_config(cls, config: FitConfig) -> Eligibility:
        """Judge by the parameters of a fit."""
        for applies, reason in _OF_CONFIG:
            if applies(config):
                return cls(reason)
        for spec in (resolve_trunk(config.trunk), config.architecture, config.weighting):
            if spec.not_stackable is not None:
                return cls(f"{spec!r}: {spec.not_stackable}")
        return cls(None)

    @classmethod
    def of_rows(cls, blueprint: Blueprint, data: Dataset, batch_size: int) -> Eligibility:
        """Judge by the encoded rows, and by what `torch.func.vmap` makes of modules without a member axis."""
        if any(isinstance(values, SparseRows) for values in data.inputs.values()):
            return cls("a sparse X is made dense batch by batch")
        if any(isinstance(values, RaggedRows) for values in [*data.inputs.values(), *data.targets]):
            return cls("rows of different lengths are sorted into other batches in each fit")
        if has_member_axis(blueprint.trunk) and has_member_axis(blueprint.architecture):
            return cls(None)
        rows = torch.arange(len(data)) if data.rows is None else data.rows
        reason = why_not_vmapped(blueprint, data.batch(rows[:batch_size]))
        return cls(None if reason is None else f"{blueprint.trunk!r} in {blueprint.architecture!r}: {reason}")
