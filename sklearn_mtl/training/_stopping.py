"""When to stop, and which epoch was the best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from ..config import FitConfig


class Patience:
    """Watches one value per epoch, for the best epoch and for stopping.

    Parameters
    ----------
    patience : int
        Number of epochs without improvement after which to stop.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best = math.inf
        self.epoch = 0
        self.waited = 0

    def improves(self, value: float, epoch: int) -> bool:
        """Add the value of an epoch, smaller is better; return whether it is the best so far.

        NaN is no improvement. Epochs before the first other value do not count as waiting.
        """
        if math.isnan(value):
            self.waited += self.epoch > 0
            return False
        better = value < self.best or self.epoch == 0
        if better:
            self.best, self.epoch, self.waited = value, epoch, 0
        else:
            self.waited += 1
        return better

    @property
    def is_over(self) -> bool:
        """Whether to stop."""
        return self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """Return the state."""
        return {"best": self.best, "epoch": self.epoch, "waited": self.waited}

    def put_back(self, state: Mapping[str, Any]) -> None:
        """Restore a state."""
        self.best, self.epoch, self.waited = state["best"], state["epoch"], state["waited"]


class BestEpoch(Patience):
    """Keeps the weights of the best epoch."""

    def __init__(self, patience: int) -> None:
        super().__init__(patience)
        self.weights: dict[str, Tensor] = {}

    @property
    def over(self) -> list[str]:
        """The tasks that are no longer trained."""
        return []

    def update(
        self, value: float, epoch: int, network: nn.Module, by_task: Mapping[str, float] = MappingProxyType({})
    ) -> bool:
        """Add the value of an epoch, and of each task, smaller is better; return whether to stop."""
        if self.improves(value, epoch):
            self.weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        return self.is_over

    def restore(self, network: nn.Module) -> None:
        """Restore the weights of the best epoch."""
        if self.weights and self.waited:
            network.load_state_dict(self.weights)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "weights": dict(self.weights)}

    def put_back(self, state: Mapping[str, Any]) -> None:
        super().put_back(state)
        self.weights = dict(state["weights"])


class BestEpochOfTasks(BestEpoch):
    """Removes each task from training when it no longer improves, and stops with the last task."""

    def __init__(self, patience: int) -> None:
        super().__init__(patience)
        self.tasks: dict[str, Patience] = {}

    @property
    def over(self) -> list[str]:
        return [name for name, task in self.tasks.items() if task.is_over]

    def update(
        self, value: float, epoch: int, network: nn.Module, by_task: Mapping[str, float] = MappingProxyType({})
    ) -> bool:
        is_over = super().update(value, epoch, network, by_task)
        for name, loss in by_task.items():
            if math.isnan(loss) and name not in self.tasks:
                continue  # without labels for validation, it is trained as long as any other
            task = self.tasks.setdefault(name, Patience(self.patience))
            if not task.is_over:
                task.improves(loss, epoch)
        return len(self.over) == len(self.tasks) if self.tasks else is_over

    def state(self) -> dict[str, Any]:
        return {**super().state(), "tasks": {name: task.state() for name, task in self.tasks.items()}}

    def put_back(self, state: Mapping[str, Any]) -> None:
        super().put_back(state)
        self.tasks = {name: Patience(self.patience) for name in state["tasks"]}
        for name, task in self.tasks.items():
            task.put_back(state["tasks"][name])


def stopping_rule(config: FitConfig) -> BestEpoch:
    """Build the stopping rule of a fit with validation rows."""
    rule = BestEpochOfTasks if config.early_stopping.when == "per_task" else BestEpoch
    return rule(config.early_stopping.n_iter_no_change)
