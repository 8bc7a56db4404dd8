"""Everything a fit decides before it trains, from which its network can be built again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from ..architectures import Architecture, Network
from ..tasks import Task
from ..trunks import Trunk
from ..utils._random import Streams
from ..weighting import Weighting
from ._objective import Objective
from ._stacking import stack_networks
from ._vmapped import VmappedNetwork


@dataclass(frozen=True)
class Blueprint:
    """Fitted specs, weights and the seed of one model.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    architecture : Architecture
    weighting : Weighting
    tasks : mapping of str to Task
        Fitted, in the order of y.
    task_weights, score_weights : mapping of str to float
        One entry per task.
    seed : int
        Seed of the fit.
    dtype : {"float32", "float64"}
        Of parameters and computation.
    n_members : int, default=1
        Networks of an ensemble; from two on they stand side by side in one network.
    """

    trunk: Trunk
    architecture: Architecture
    weighting: Weighting
    tasks: Mapping[str, Task]
    task_weights: Mapping[str, float]
    score_weights: Mapping[str, float]
    seed: int
    dtype: str
    n_members: int = 1

    def member(self, number: int) -> Blueprint:
        """Give the blueprint of one network of an ensemble, which differs in its seed."""
        return replace(self, seed=Streams(self.seed).derive("member", number), n_members=1)

    @property
    def active(self) -> list[str]:
        """The tasks that are trained: those with a weight above 0."""
        return [name for name in self.tasks if self.task_weights[name] > 0]

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype as torch names it."""
        return {"float32": torch.float32, "float64": torch.float64}[self.dtype]

    def network(self) -> Network:
        """Build the network with its initial weights, for an ensemble all of them side by side."""
        if self.n_members == 1:
            return self.one_network(self.seed)
        members = [self.one_network(self.member(number).seed) for number in range(self.n_members)]
        return self.side_by_side(members, range(self.n_members))

    def one_network(self, seed: int) -> Network:
        """Build one network with the initial weights of a seed."""
        idle = [name for name in self.tasks if self.task_weights[name] == 0]
        return self.architecture.build(self.trunk, self.tasks, Streams(seed), idle).to(self.torch_dtype)

    @property
    def has_member_axis(self) -> bool:
        """Whether all modules take a leading member axis, as the classes say of themselves."""
        # a subclass may build other modules: what its parent says does not count
        return all(vars(type(spec)).get("member_axis", False) for spec in (self.trunk, self.architecture))

    def side_by_side(self, networks: Sequence[Network], members: Sequence[int]) -> Network:
        """Put networks side by side, in the way that their modules allow."""
        stacked = stack_networks(networks, members)
        return stacked if self.has_member_axis else VmappedNetwork(stacked)

    def objective(self) -> Objective:
        """Build what turns outputs into the loss that is minimised."""
        active = {name: self.tasks[name] for name in self.active}
        objective = Objective(active, self.task_weights, self.score_weights, self.weighting)
        return objective.to(self.torch_dtype)
