"""The blueprint of a fit, from which its network can be built again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..architectures import Architecture, Network, WithFurtherTasks
from ..nn._stacking import has_member_axis, stack_networks
from ..penalties import Penalty
from ..tasks import Task
from ..trunks import Trunk
from ..utils._random import Streams, seed_of_fit
from ..weighting import Weighting
from ._batch_ensemble import BatchEnsembleNetwork, MeanObjective, why_not_shared
from ._objective import Objective
from ._one_by_one import ObjectivesOneByOne, OneByOne
from ._penalized import regularize
from ._stacked_tasks import stack_tasks
from ._vmapped import VmappedNetwork

CPU = torch.device("cpu")


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
        Dtype of parameters and computation.
    n_members : int, default=1
        Number of networks of an ensemble.
    penalties : tuple of Penalty, default=()
        Penalties in the objective.
    added : tuple of str, default=()
        Tasks that were added to the fitted network, in order.
    focus : tuple of str or None, default=None
        The tasks to train; None for all with a weight above 0.
    ensemble : {"deep", "batch"}, default="deep"
        Whether the members of an ensemble are independent, or share the weights of the shared layers.
    asked : mapping of str to object or None, default=None
        Parameters that the fitted specs do not contain; None for a model of an older version.
    one_by_one : bool, default=False
        Whether the members of a deep ensemble are computed one after the other, because they cannot be stacked.
    auxiliary : tuple of str, default=()
        Tasks that are trained, but not answered for.
    label_inputs : bool, default=False
        Whether the heads of tasks read known labels of other tasks.
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
    penalties: tuple[Penalty, ...] = ()
    added: tuple[str, ...] = ()
    focus: tuple[str, ...] | None = None
    ensemble: str = "deep"
    asked: Mapping[str, Any] | None = None
    one_by_one: bool = False
    auxiliary: tuple[str, ...] = ()
    label_inputs: bool = False

    @property
    def member_seeds(self) -> list[int]:
        """The ``random_state`` of the single fits that equal the members of a deep ensemble."""
        return [Streams(self.seed).derive("member", number) % 2**31 for number in range(self.n_members)]

    def member(self, number: int) -> Blueprint:
        """Return the blueprint of one member, which has a different seed."""
        own = Streams(self.seed).derive("member", number)
        seed = own if self.is_batch_ensemble else seed_of_fit(self.member_seeds[number])
        return replace(self, seed=seed, n_members=1)

    @property
    def members(self) -> list[Blueprint]:
        """The blueprints of the members of a deep ensemble; otherwise this blueprint only."""
        if self.n_members == 1 or self.is_batch_ensemble:
            return [self]
        return [self.member(number) for number in range(self.n_members)]

    @property
    def active(self) -> list[str]:
        """The tasks to train: ``focus``, or all with a weight above 0."""
        return (
            [name for name in self.tasks if self.task_weights[name] > 0] if self.focus is None else [*self.focus]
        )

    def names_for(self, other: Blueprint) -> dict[str, str]:
        """Return the own names of the tasks by the names of another blueprint; tasks correspond by position."""
        return dict(zip(other.tasks, self.tasks, strict=True))

    @property
    def trained(self) -> list[str]:
        """The tasks that the architecture was built for: neither of weight 0 nor added later."""
        return [name for name in self.tasks if self.task_weights[name] > 0 and name not in self.added]

    @property
    def watched(self) -> list[str]:
        """The tasks to train, without auxiliary ones: those that early stopping and recipes are judged by."""
        return [name for name in self.active if name not in self.auxiliary]

    @property
    def main_tasks(self) -> dict[str, Task]:
        """The tasks that predictions and scores answer for: all but the auxiliary ones."""
        return {name: task for name, task in self.tasks.items() if name not in self.auxiliary}

    @property
    def label_widths(self) -> dict[str, int]:
        """Widths of the encoded labels that other tasks read, by task, with a flag that says which are known."""
        return {n: self.tasks[n].label_width + 1 for n in self.trained if self.tasks[n].label_width}

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype as a ``torch.dtype``."""
        return torch.float32 if self.dtype == "float32" else torch.float64

    def network(self) -> Network:
        """Build the network with its initial weights; for an ensemble, the network of all members."""
        if self.n_members == 1:
            return self.one_network(self.seed)
        seeds = [self.member(number).seed for number in range(self.n_members)]
        members = map(self.one_network, seeds)
        if self.is_batch_ensemble:
            return BatchEnsembleNetwork(self.one_network(self.seed), members, seeds)
        if self.one_by_one:
            return OneByOne(members)
        return self.side_by_side(list(members), range(self.n_members))

    def one_network(self, seed: int) -> Network:
        """Build one network with the initial weights of a seed."""
        first = {name: task for name, task in self.tasks.items() if name not in self.added}
        trained = {name: self.tasks[name] for name in self.trained}
        streams = Streams(seed, list(trained))
        network = self.architecture.build(self.trunk, trained, streams)
        if self.label_inputs:
            network.add_labels(self.label_widths, streams)
        network = regularize(network, self.penalties)
        idle = {name: task for name, task in first.items() if name not in trained}
        for later in (idle, *({name: self.tasks[name]} for name in self.added)):
            if later:
                network = WithFurtherTasks(network, later, streams, self.trunk.grid_)
        return network.to(self.torch_dtype)

    @property
    def has_member_axis(self) -> bool:
        """Whether trunk and architecture declare that all their modules support a member axis."""
        return has_member_axis(self.trunk) and has_member_axis(self.architecture)

    @property
    def is_batch_ensemble(self) -> bool:
        """Whether the members of an ensemble share weights."""
        return self.n_members > 1 and self.ensemble == "batch"

    def side_by_side(self, networks: Sequence[Network], members: Sequence[int]) -> Network:
        """Stack networks, with `torch.func.vmap` if their modules have no member axis."""
        stacked = stack_networks(networks, members)
        return stacked if self.has_member_axis else VmappedNetwork(stacked)

    def objective(self) -> Objective | ObjectivesOneByOne:
        """Build the objective, for all members of an ensemble."""
        members = self.members
        if len(members) == 1:
            return self.one_objective()
        if self.one_by_one:
            return ObjectivesOneByOne([member.one_objective() for member in members])
        return stacked_objective(members)

    def one_objective(self) -> Objective:
        """Build the objective of one network, or of members that share weights."""
        active = {name: self.tasks[name] for name in self.active}
        kind = MeanObjective if self.is_batch_ensemble else Objective
        objective = kind(active, self.task_weights, self.score_weights, self.weighting)
        return objective.to(self.torch_dtype)


def stacked_objective(
    blueprints: Sequence[Blueprint], device: torch.device = CPU, first: Blueprint | None = None
) -> Objective:
    """Build the objective of stacked networks, with the task weights (M, T) and hyperparameters of all members.

    Tasks correspond by position; their names are those of ``first``, by default of the first member.
    """
    first = blueprints[0] if first is None else first
    objective, dtype = first.one_objective(), first.torch_dtype
    own = [blueprint.names_for(first) for blueprint in blueprints]
    weights = [
        [blueprint.task_weights[names[name]] for name in objective.names]
        for blueprint, names in zip(blueprints, own, strict=True)
    ]
    objective.task_weights = torch.tensor(weights, dtype=dtype)
    objective.groups = [
        replace(group, task=stack_tasks(_task_of_each(blueprints, own, group.names[0]), dtype, device))
        for group in objective.groups
    ]
    if objective.learns:
        objective.weighting = stack_networks([objective.weighting], [0] * len(blueprints))
    return objective


def _task_of_each(blueprints: Sequence[Blueprint], own: Sequence[Mapping[str, str]], name: str) -> list[Task]:
    return [blueprint.tasks[names[name]] for blueprint, names in zip(blueprints, own, strict=True)]


def check_shareable(blueprint: Blueprint) -> None:
    """Check that the members of an ensemble can share weights.

    Raises
    ------
    ValueError
    """
    reason = (
        why_not_shared(blueprint.one_network(blueprint.seed))
        if blueprint.has_member_axis
        else "not all of its layers support a member axis"
    )
    if reason is not None:
        what = f"{blueprint.trunk!r} in {blueprint.architecture!r}"
        raise ValueError(
            f"ensemble='batch' shares weights between members, but {what} cannot: {reason}; use ensemble='deep'."
        )
