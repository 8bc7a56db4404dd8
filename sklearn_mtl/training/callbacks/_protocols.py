"""What callbacks and their helpers need of a net."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from skorch.callbacks import Callback
from skorch.callbacks.scoring import ScoringBase
from skorch.history import History

from ...data._dataset import Batch
from .._stack import Pass, Stack


class ScoresRows(Protocol):
    """Calls skorch's scoring callbacks; see `ScoringView`."""

    def tell(self, callback: ScoringBase, method: str, kwargs: Mapping[str, Any]) -> None:
        """Call a method of a callback."""


class TrainingNet(Protocol):
    """A net in training; see `MultiTaskNet`."""

    history: History
    callbacks_: list[tuple[str, Callback]]
    stacks: list[Stack]
    scoring: ScoresRows | None
    optimizer_: torch.optim.Optimizer
    rates: list[float]
    stop_training: bool
    origin: int
    validates: bool

    def get_all_learnable_params(self) -> Iterator[tuple[str, Any]]:
        """Return the names and values of all parameters."""

    def users_callbacks(self) -> list[tuple[str, Callback]]:
        """Return the callbacks of the user, by name."""

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call a method of all callbacks."""

    def step(self, batches: Sequence[tuple[str | None, Batch]]) -> list[Pass]:
        """Train all networks for one step."""
