"""M fits of one structure, trained side by side as one network with a member axis."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..architectures import Outputs
from ..data._dataset import fewest_rows, split_batches
from ..model._blueprint import Blueprint
from ..model._objective import Objective, Step, TaskLosses
from ..model._vmapped import VmappedNetwork
from ..nn._layers import Draws, set_draws
from ..nn._stacking import keep_members, member_state, stack_networks
from ..targets import Container
from ..utils._modes import own_modes
from ..utils._random import Streams
from ..utils._threads import threads_for
from ._balance import read_balance
from ._divergence import diverged, refuse_non_finite
from ._log import read_losses, record
from ._prepare import DataSplit
from ._schedule import SCHEDULES
from ._stacked_data import StackedData
from ._stacked_optimizer import StackedOptimizer, clip_members
from ._stacked_tasks import stack_tasks
from ._stopping import Patience

# What a step of members side by side may take of the time that they take one by one, for it to pay: what was
# trained side by side has to be taken apart.
LEAST_GAIN = 0.9


@dataclass(frozen=True)
class Settings:
    """How one member is trained; see the parameters of `MultiTaskNetEstimator` of the same names."""

    optimizer: str
    learning_rate: float
    weight_decay: float
    learning_rate_schedule: str
    clip_norm: float | None
    max_epochs: int
    batch_size: int
    monitor: str
    n_iter_no_change: int
    tol: float


@dataclass(frozen=True)
class Member:
    """One of the fits that are trained side by side: what it is, the kind of its y, its rows, its settings."""

    blueprint: Blueprint
    container: Container
    data: DataSplit
    settings: Settings


@dataclass
class Trained:
    """What became of a member.

    Parameters
    ----------
    history : list of dict
        One entry per epoch, like that of the same fit alone but for the time it took.
    weights : dict of str to Tensor
        State of its network; empty if it failed.
    error : Exception or None
        Why it failed.
    """

    history: list[dict[str, Any]]
    weights: dict[str, Tensor]
    error: Exception | None = None


@own_modes()
def train_stacked(
    members: Sequence[Member],
    device: torch.device,
    with_scores: bool = True,
    together: bool = False,
    report: Callable[[list[dict[str, Any]]], None] | None = None,
) -> list[Trained]:
    """Train members of one structure side by side; each ends as the same fit alone would.

    Members may differ in the seed, rows, task weights, score weights, learning rate, weight decay, dropout rate,
    hyperparameters of the losses, clip norm, patience, tolerance and number of epochs. A member that stops or
    diverges is taken out at the end of its epoch, and costs nothing from then on.

    Parameters
    ----------
    members : sequence of Member
        With equal structure, as `structure_key` tells.
    device : torch.device
    with_scores : bool, default=True
        Whether to score the validation rows in every epoch where nothing watches the scores; it takes time for
        each member and task.
    together : bool, default=False
        Whether they stop at one epoch, by the mean of what they watch, and not each at its own.
    report : callable or None, default=None
        Called after each epoch with its entries in the histories of the members that were trained.

    Returns
    -------
    list of Trained
        In the order of the members.
    """
    return _StackedTraining(members, device, with_scores, together).run(report)


class _StackedTraining:
    """State of a stacked training: tensors of the members that still train, and results of the others."""

    def __init__(
        self, members: Sequence[Member], device: torch.device, with_scores: bool, together: bool = False
    ) -> None:
        self.members = list(members)
        self.device = device
        self.with_scores = with_scores
        self.together = together
        self.results = [Trained([], {}) for _ in members]
        self.patience = [Patience(m.settings.n_iter_no_change, m.settings.tol) for m in members]
        self.active = members[0].blueprint.active
        self.data = StackedData([member.data for member in members], device)
        self.network = self._initial_network()
        self.best = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.optimizer = StackedOptimizer(
            members[0].settings.optimizer,
            list(self.network.parameters()),
            self._tensor(lambda settings: settings.learning_rate, range(len(members))),
            self._tensor(lambda settings: settings.weight_decay, range(len(members))),
        )
        self.weighting = self._initial_weighting()
        self._arrange(list(range(len(members))))

    def _initial_network(self) -> Any:
        """Build each different network once, under its own seed, and put them side by side."""
        # what a network starts from: its seed and what was learned about the rows, not its training
        keys = [(id(m.blueprint.trunk), id(m.blueprint.tasks), m.blueprint.seed) for m in self.members]
        first = {key: position for position, key in reversed(list(enumerate(keys)))}
        built = {
            key: self.members[position].blueprint.network().to(self.device) for key, position in first.items()
        }
        order = list(built)
        positions = [order.index(key) for key in keys]
        return self.members[0].blueprint.side_by_side([built[key] for key in order], positions)

    def _initial_weighting(self) -> Any:
        """Put what the weightings of the members learn side by side."""
        objective = self.members[0].blueprint.objective()
        if not objective.learns:
            return objective.weighting.to(self.device)
        return stack_networks([objective.weighting], [0] * len(self.members)).to(self.device)

    def _outputs(self, inputs: dict[str, Tensor]) -> Outputs:
        if isinstance(self.network, VmappedNetwork):
            return self.network.for_members(inputs, self.objective.names)
        return self.network(inputs, self.objective.names)

    def _tensor(self, value: Callable[[Settings], float], members: Sequence[int]) -> Tensor:
        values = [value(self.members[member].settings) for member in members]
        return torch.tensor(values, dtype=self.members[0].blueprint.torch_dtype, device=self.device)

    def _arrange(self, alive: list[int]) -> None:
        """Prepare what depends on which members still train."""
        self.alive = alive
        members = [self.members[member] for member in alive]
        self.objective = _objective_of([member.blueprint for member in members], self.device)
        self.objective.weighting = self.weighting
        norms = [member.settings.clip_norm for member in members]
        clipped = any(norm is not None for norm in norms)
        self.clip = self._tensor(lambda s: s.clip_norm or float("inf"), alive) if clipped else None
        seeds = [member.blueprint.seed for member in members]
        self.seeds = list(dict.fromkeys(seeds))
        self.seed_of = torch.tensor([self.seeds.index(seed) for seed in seeds])
        self.lengths = {member.settings.max_epochs for member in members}

    # -- the epochs

    def run(self, report: Callable[[list[dict[str, Any]]], None] | None = None) -> list[Trained]:
        epoch = 0
        with threads_for(self._work()):
            while self.alive:
                failed = self._train_epoch(epoch)
                stopped = self._validate(epoch, failed)
                if report is not None:
                    report([self.results[member].history[-1] for member in self.alive if member not in failed])
                epoch += 1
                over = {m for m in self.alive if self.members[m].settings.max_epochs == epoch} | stopped
                self._finish(over - set(failed), failed, epoch)
        return self.results

    def time_steps(self, n_steps: int) -> float:
        """Give the median seconds of a few steps, after one to warm up; the members are spoilt by it."""
        self._start_epoch(0)
        rows = self._batches(0)[0]
        seconds = []
        with threads_for(self._work()):
            for _ in range(n_steps + 1):
                start = time.perf_counter()
                self._step(rows, 0.0)
                seconds.append(time.perf_counter() - start)
        return statistics.median(seconds[1:])

    def _work(self) -> float:
        n_weights = sum(parameter.numel() for parameter in self.network.parameters())
        return 3.0 * n_weights * self.members[0].settings.batch_size

    def _start_epoch(self, epoch: int) -> None:
        self.network.train()
        generators = [Streams(seed).generator("dropout", epoch, device=self.device) for seed in self.seeds]
        set_draws(self.network, Draws(generators, self.seed_of))
        generators = [Streams(seed).generator("weighting", epoch, device=self.device) for seed in self.seeds]
        set_draws(self.weighting, Draws(generators, self.seed_of))

    def _batches(self, epoch: int) -> Sequence[Tensor]:
        seeds = [self.members[member].blueprint.seed for member in self.alive]
        orders = self.data.training_orders(self.alive, seeds, epoch)
        return split_batches(orders, self.members[0].settings.batch_size, fewest_rows(self.network), dim=1)

    def _train_epoch(self, epoch: int) -> dict[int, Exception]:
        """Make the steps of an epoch; return the members that diverged."""
        self._start_epoch(epoch)
        batches = self._batches(epoch)
        log, sizes = [], []
        for index, rows in enumerate(batches):
            log.append(self._step(rows, epoch + index / len(batches)))
            sizes.append(rows.shape[1])
        losses, means = read_losses(log, sizes)
        balance = read_balance(log, self.objective.names)
        self.objective.after_epoch(means)
        failed: dict[int, Exception] = {}
        for position, member in enumerate(self.alive):
            if np.isfinite(losses[:, position]).all():
                self.results[member].history.append({"epoch": epoch + 1})
                self._record(member, "train", "loss", means[position])
                self.results[member].history[-1] |= balance[position] if balance else {}
            else:
                failed[member] = diverged(losses[:, position], self.objective.names, epoch + 1)
        return failed

    def _step(self, rows: Tensor, epochs_done: float) -> Step:
        self.optimizer.zero_grad()
        batch = self.data.batch(rows)
        outputs, task_losses = self._losses(*batch)
        weights = self.objective.weigh(task_losses)
        self.objective.total(task_losses, weights, outputs.penalty).sum().backward()
        if self.clip is not None:
            clip_members(self.optimizer.parameters, self.clip)
        self.optimizer.step(self._rate_factor(epochs_done))
        step = Step(task_losses.losses.detach(), task_losses.mass, weights if self.objective.learns else None)
        if self.objective.learns_from_steps:
            self.objective.after_step(step, self._losses_again(batch))
        return step

    def _losses(self, inputs: Any, targets: Any, weights: Any) -> tuple[Outputs, TaskLosses]:
        outputs = self._outputs(inputs)
        return outputs, self.objective(outputs, targets, weights)

    @torch.no_grad()
    def _losses_again(self, batch: Any) -> Tensor | None:
        return self._losses(*batch)[1].losses if self.objective.looks_twice else None

    def _rate_factor(self, epochs_done: float) -> Tensor | float:
        schedule = SCHEDULES[self.members[0].settings.learning_rate_schedule]
        if len(self.lengths) == 1:
            return schedule(epochs_done / next(iter(self.lengths)))
        return self._tensor(lambda settings: schedule(epochs_done / settings.max_epochs), self.alive)

    def _validate(self, epoch: int, failed: dict[int, Exception]) -> set[int]:
        """Record loss and score on the validation rows; return the members whose patience is over."""
        if not self.data.has_validation:
            return set()
        self.network.eval()
        outputs, losses, mass = self._validation_losses()
        present = np.ones(losses.shape, dtype=bool) if mass is None else mass > 0
        values = np.where(present, losses, np.nan)
        watched = {}
        for position, member in enumerate(self.alive):
            if member in failed:
                continue
            self._record(member, "valid", "loss", values[position])
            monitor = self.members[member].settings.monitor
            if self.with_scores or monitor == "score":
                self._record(member, "valid", "score", self._scores(member, position, outputs))
            sign = 1 if monitor == "loss" else -1
            watched[member] = sign * self.results[member].history[-1][f"valid_{monitor}"]
        self._remember(watched, epoch)
        return {member for member in self.alive if self.patience[member].is_over}

    @torch.inference_mode()
    def _validation_losses(self) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
        names = self.objective.names
        parts: dict[str, list[Tensor]] = {name: [] for name in names}
        rows = self.data.validation_rows(self.alive)
        for chunk in rows.split(max(1, 65536 // len(self.alive)), dim=1):
            outputs = self._outputs(self.data.inputs_of(chunk))
            for name in names:
                parts[name].append(outputs[name])
        whole = {name: torch.cat(tensors, dim=1) for name, tensors in parts.items()}
        blocks = Outputs([([name], [tensor.shape[-1]], tensor) for name, tensor in whole.items()])
        losses, mass = self.objective(blocks, *self.data.targets_of(rows))
        arrays = {name: tensor.cpu().numpy() for name, tensor in whole.items()}
        return arrays, losses.double().cpu().numpy(), None if mass is None else mass.cpu().numpy()

    def _scores(self, member: int, position: int, outputs: dict[str, np.ndarray]) -> np.ndarray:
        fit = self.members[member]
        assert fit.data.valid is not None
        return np.array(
            [
                fit.data.valid.score(name, fit.blueprint.tasks[name], outputs[name][position])
                for name in self.objective.names
            ]
        )

    def _record(self, member: int, prefix: str, what: str, values: np.ndarray) -> None:
        weights = [self.members[member].blueprint.score_weights[name] for name in self.objective.names]
        self.results[member].history[-1] |= record(prefix, what, self.objective.names, values, weights)

    def _remember(self, watched: dict[int, float], epoch: int) -> None:
        """Keep the weights of the members for which this epoch is the best so far."""
        if self.together:
            known = [value for value in watched.values() if not math.isnan(value)]
            watched = dict.fromkeys(watched, statistics.mean(known) if known else math.nan)
        better = {member for member, value in watched.items() if self.patience[member].improves(value, epoch + 1)}
        improved = [position for position, member in enumerate(self.alive) if member in better]
        for name, tensor in self.network.state_dict().items():
            self.best[name][improved] = tensor[improved]

    # -- members that are over

    def _finish(self, over: set[int], failed: dict[int, Exception], epoch: int) -> None:
        """Keep the result of members that are over, and go on with the others only."""
        if not over and not failed:
            return
        for position, member in enumerate(self.alive):
            if member in failed:
                self.results[member].error = failed[member]
            elif member in over:
                self._keep_result(member, position, epoch)
        kept = [position for position, m in enumerate(self.alive) if m not in over and m not in failed]
        if kept:
            index = torch.tensor(kept)
            keep_members(self.network, index)
            if self.objective.learns:
                keep_members(self.weighting, index)
            self.best = {name: tensor[index] for name, tensor in self.best.items()}
            self.optimizer.keep(index, list(self.network.parameters()))
            self._arrange([self.alive[position] for position in kept])
        else:
            self.alive = []

    def _keep_result(self, member: int, position: int, epoch: int) -> None:
        restored = self.data.has_validation and self.patience[member].waited
        if restored:
            weights = {name: tensor[position].clone() for name, tensor in self.best.items()}
        else:
            weights = member_state(self.network, position)
        try:
            refuse_non_finite(weights, epoch)
        except ArithmeticError as error:
            self.results[member].error = error
        else:
            self.results[member].weights = weights


def _objective_of(blueprints: Sequence[Blueprint], device: torch.device) -> Objective:
    """Build the objective of members side by side: task weights (M, T), and losses with their hyperparameters."""
    objective = blueprints[0].objective()
    weights = [[blueprint.task_weights[name] for name in objective.names] for blueprint in blueprints]
    dtype = blueprints[0].torch_dtype
    objective.task_weights = torch.tensor(weights, dtype=dtype)
    objective.groups = [
        replace(
            group, task=stack_tasks([blueprint.tasks[group.names[0]] for blueprint in blueprints], dtype, device)
        )
        for group in objective.groups
    ]
    return objective.to(device)


@own_modes()
def stacking_pays(members: Sequence[Member], device: torch.device, n_steps: int = 5) -> str | None:
    """Time a few steps of members side by side and of one alone.

    Returns
    -------
    str or None
        Why they are as fast one by one, with the measured times per step and member; None if they are not.
    """
    if len(members) == 1:
        return "a single fit"
    both = [_StackedTraining(few, device, with_scores=False) for few in (members, members[:1])]
    # in turn, and the best of each: other work on the machine only ever adds to a time
    turns = [[training.time_steps(n_steps) for training in both] for _ in range(3)]
    stacked, alone = (min(seconds) for seconds in zip(*turns, strict=True))
    side_by_side = stacked / len(members)
    if side_by_side < LEAST_GAIN * alone:
        return None
    return (
        f"one by one is as fast: a step of a member takes {alone * 1e3:.2f} ms alone, "
        f"{side_by_side * 1e3:.2f} ms side by side"
    )
