"""Which fits can be stacked: one table of the reasons against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from ..columns._ragged import RaggedRows
from ..config import OPTIMIZERS, FitConfig
from ..data._dataset import Dataset
from ..data._sparse_labels import LabelledPairs
from ..model._blueprint import Blueprint
from ..model._probe import why_not_vmapped
from ..nn._stacking import has_member_axis
from ..trunks import SparseRows, resolve_trunk
from .callbacks._callback_list import callbacks_of


class Rule(NamedTuple):
    """A reason against stacking.

    Parameters
    ----------
    applies : callable
        Returns whether the reason applies to a config.
    reason : str
    in_one_fit : bool
        Whether it also applies to the members of one ensemble.
    """

    applies: Callable[[FitConfig], bool]
    reason: str
    in_one_fit: bool = False


RULES = (
    Rule(lambda config: config.n_members > 1, "the members of an ensemble are a separate stack"),
    Rule(lambda config: bool(callbacks_of(config.callbacks)), "callbacks follow one fit each"),
    Rule(lambda config: config.checkpoint is not None, "a checkpoint keeps the state of one fit"),
    Rule(lambda config: bool(config.net_params), "net_params change the optimizer"),
    Rule(lambda config: config.early_stopping.when == "per_task", "early_stopping='per_task' stops tasks by fit"),
    Rule(lambda config: config.optimizer.mixed_precision, "mixed precision is not stacked"),
    Rule(
        lambda config: config.optimizer.algorithm not in OPTIMIZERS,
        "only optimizers known by name are stacked",
        True,
    ),
    Rule(lambda config: config.label_inputs, "label_inputs hides labels by fit", True),
    Rule(lambda config: not config.task_sampling.trains_all, "task_sampling chooses batches by fit", True),
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
        """Whether there is no reason against it."""
        return self.reason is None

    @classmethod
    def of_config(cls, config: FitConfig, one_fit: bool = False) -> Eligibility:
        """Judge by the parameters: of fits of a search, or of the members of one fit."""
        for rule in RULES:
            if rule.applies(config) and (rule.in_one_fit or not one_fit):
                return cls(rule.reason)
        for spec in (resolve_trunk(config.trunk), config.architecture, config.weighting):
            if spec.not_stackable is not None:
                return cls(f"{spec!r}: {spec.not_stackable}")
        return cls(None)

    @classmethod
    def of_rows(cls, blueprint: Blueprint, data: Dataset, batch_size: int, one_fit: bool = False) -> Eligibility:
        """Judge by the encoded rows, and by whether `torch.func.vmap` supports modules without a member axis."""
        if any(task.has_many_classes for task in blueprint.tasks.values()):
            return cls("softmax='adaptive' has groups of classes for one network")
        if not one_fit and any(isinstance(values, SparseRows) for values in data.inputs.values()):
            return cls("a sparse X is converted to dense tensors batch by batch")
        if any(isinstance(values, RaggedRows) for values in [*data.inputs.values(), *data.targets]):
            return cls("rows of different lengths are sorted into different batches in each fit")
        if any(isinstance(target, LabelledPairs) for target in data.targets):
            return cls("the labelled rows of Targets.from_sparse and from_long are gathered for one network")
        if has_member_axis(blueprint.trunk) and has_member_axis(blueprint.architecture):
            return cls(None)
        rows = torch.arange(len(data)) if data.rows is None else data.rows
        reason = why_not_vmapped(blueprint, data.batch(rows[:batch_size]))
        return cls(None if reason is None else f"{blueprint.trunk!r} in {blueprint.architecture!r}: {reason}")
