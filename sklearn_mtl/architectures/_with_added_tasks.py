"""Heads of tasks that an architecture was not built for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..tasks import Task
from ..utils._random import Streams
from ._base import Network, NetworkWrapper
from ._heads import Heads
from ._outputs import Outputs
from ._views import Views


class WithFurtherTasks(NetworkWrapper):
    """Network with additional heads on its shared representation.

    Further tasks are those of task weight 0, and those that are added to a fitted network. The wrapped network
    does not depend on them, so it is trained the same as without them.

    Parameters
    ----------
    network : Network
    tasks : mapping of str to Task
        The fitted further tasks.
    streams : Streams
        Each head draws its initial weights from a generator of its task.
    grid : (int, int) or None, default=None
        Height and width of the feature map whose positions are the tokens of an image.

    Attributes
    ----------
    frozen : bool
        Whether the network is frozen while the further tasks are trained.
    """

    def __init__(
        self,
        network: Network,
        tasks: Mapping[str, Task],
        streams: Streams,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(network)
        self.further = Heads(tasks, self.representation_width, streams, grid)
        self.frozen = False

    def take_over(self, state: Mapping[str, Tensor]) -> None:
        self.network.load_state_dict(state)

    def freeze(self, frozen: bool) -> None:
        self.frozen = frozen
        self.network.requires_grad_(not frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> WithFurtherTasks:
        super().train(mode)
        if self.frozen:  # no dropout and no update of normalisation statistics
            self.network.eval()
        return self

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        own = [name for name in tasks if name not in self.further.task_names]
        if len(own) == len(tasks):
            return self.network(inputs, tasks)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            representation = self.network.represent(inputs)
        outputs = self.further(Views(None, representation), tasks)
        return self.network(inputs, own).with_more(outputs) if own else outputs

    def forward_cut(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Outputs:
        # further tasks read the representation of a separate forward pass, without a common cut
        further = any(name in self.further.task_names for name in tasks)
        return self(inputs, tasks) if further else self.network.forward_cut(inputs, tasks)

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        own = [name for name in tasks if name not in self.further.task_names]
        if not own:
            raise ValueError(f"The tasks {list(tasks)} have no gates: they were not trained, or were added later.")
        return self.network.gate_weights(inputs, own)
