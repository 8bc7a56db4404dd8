"""The parameters of one fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Flag, auto
from typing import Any

from sklearn.base import clone
from torch import nn

from ..architectures import Architecture
from ..penalties import Penalty
from ..sampling import TaskSampling
from ..trunks import Trunk
from ..utils._random import seed_of_fit
from ..utils._types import ColumnsLike
from ..weighting import Weighting
from ._auxiliary import Auxiliary
from ._checkpoint import Checkpoint
from ._early_stopping import EarlyStopping
from ._ensemble import Ensemble
from ._optimizer import Optimizer

#: values of the parameter ``trunk``: a spec, a name, or a class or function that makes a module
TrunkLike = Trunk | str | Callable[..., nn.Module]


class May(Flag):
    """What a field of a config may do."""

    #: it may differ between the fits of a stack, which share prepared rows
    DIFFER_IN_STACK = auto()
    #: the epochs of a fit depend on it: it is part of the key of a checkpoint
    ENTER_KEY = auto()
    #: it may change when a fit continues a fitted model
    CHANGE = auto()


STRUCTURE = {"may": May.ENTER_KEY}
TRAINING = {"may": May.ENTER_KEY | May.CHANGE}
MEMBER = {"may": May.DIFFER_IN_STACK | May.ENTER_KEY | May.CHANGE}
LENGTH = {"may": May.DIFFER_IN_STACK | May.CHANGE}
ASIDE = {"may": May.CHANGE}


@dataclass(frozen=True, eq=False)
class FitConfig:
    """Parameters of one fit. Shorthands are resolved to specs, and every spec is a checked copy.

    Fields are named after the parameters of `MultiTaskNetEstimator`, which builds a config at the start of a fit.
    Training, searches and checkpoints read only the config, not the estimator. The metadata of a field states what
    it may do, see `May`, and the parameters of a spec that are alike in a stack although the spec may differ.
    """

    #: the only kind of task that the estimator accepts; None for any
    kind: str | None = field(metadata=STRUCTURE)
    tasks: Mapping[Any, Any] | None = field(metadata=STRUCTURE)
    task_weights: Mapping[Any, float] | None = field(metadata=MEMBER)
    score_weights: Mapping[Any, float] | None = field(metadata=MEMBER)
    metrics: Mapping[Any, Any] | None = field(metadata=MEMBER)
    auxiliary: Auxiliary = field(metadata=STRUCTURE)
    label_inputs: bool = field(metadata=STRUCTURE)
    trunk: TrunkLike = field(metadata=STRUCTURE)
    architecture: Architecture = field(metadata=STRUCTURE)
    weighting: Weighting = field(metadata=STRUCTURE)
    optimizer: Optimizer = field(metadata=MEMBER)
    learning_rate: float = field(metadata=MEMBER)
    weight_decay: float = field(metadata=MEMBER)
    max_epochs: int = field(metadata=LENGTH)
    batch_size: int | str = field(metadata=TRAINING)
    # the held-out rows, which a stack shares, depend on it
    early_stopping: EarlyStopping = field(metadata={**MEMBER, "alike": ("when",)})
    validation: Any = field(metadata=TRAINING)
    n_members: int = field(metadata=STRUCTURE)
    ensemble: Ensemble = field(metadata=STRUCTURE)
    penalties: tuple[Penalty, ...] = field(metadata=STRUCTURE)
    task_sampling: TaskSampling = field(metadata=TRAINING)
    dtype: str = field(metadata=STRUCTURE)
    categorical_features: ColumnsLike = field(metadata=STRUCTURE)
    device: Any = field(metadata=ASIDE)
    callbacks: Sequence[Any] | None = field(metadata=ASIDE)
    checkpoint: Checkpoint | None = field(metadata=ASIDE)
    net_params: Mapping[str, Any] | None = field(metadata=TRAINING)
    random_state: Any = field(metadata=TRAINING)
    warm_start: bool = field(metadata=ASIDE)
    verbose: int = field(metadata=ASIDE)

    @classmethod
    def names_that(cls, may: May) -> frozenset[str]:
        """Return the names of the fields that may do something."""
        return frozenset(entry.name for entry in fields(cls) if may in entry.metadata["may"])

    def values_of(self, names: Collection[str]) -> dict[str, Any]:
        """Return the values of some fields, in the order of the fields."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name in names}

    def alike_in_stack(self) -> dict[str, Any]:
        """Return the values that the fits of a stack share, by field, or by field and parameter of its spec."""
        fixed = {entry.name for entry in fields(self)} - self.names_that(May.DIFFER_IN_STACK)
        parts = {
            f"{entry.name}__{name}": getattr(getattr(self, entry.name), name)
            for entry in fields(self)
            for name in entry.metadata.get("alike", ())
        }
        return {**self.values_of(fixed), **parts}

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The parameters that enter the optimiser, by its names for them."""
        return {"lr": self.learning_rate, "weight_decay": self.weight_decay}

    @property
    def is_deep_ensemble(self) -> bool:
        """Whether several independent members are trained."""
        return self.n_members > 1 and not self.ensemble.shares_weights

    @property
    def is_batch_ensemble(self) -> bool:
        """Whether several members that share weights are trained."""
        return self.n_members > 1 and self.ensemble.shares_weights

    def draw_seed(self) -> int:
        """Draw the seed of a fit from ``random_state``."""
        return seed_of_fit(self.random_state)

    def with_schedule(self, schedule: str) -> FitConfig:
        """Return a config with another schedule of the learning rate."""
        optimizer = clone(self.optimizer).set_params(schedule=schedule)
        return replace(self, optimizer=optimizer)

    def with_stopping(self, when: bool | str) -> FitConfig:
        """Return a config that stops early at other times, by the same rule."""
        early_stopping = clone(self.early_stopping).set_params(when=when)
        return replace(self, early_stopping=early_stopping)
