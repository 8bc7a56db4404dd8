"""Fits of a search as the members of one stack, each of which ends as the same fit alone would."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..config import SCHEDULES, FitConfig
from ..model._blueprint import stacked_objective
from ..nn._stacked_optimizer import StackedOptimizer, clip_members
from ..nn._stacking import member_state
from ..utils._modes import own_modes
from ..utils._threads import TRAINING_WORK_PER_THREAD, threads_for
from ._divergence import refuse_non_finite
from ._net import MultiTaskNet
from ._stack import Member, Stack, warn_of_metrics
from ._stopping import Patience

# Stacking pays if a stacked step takes less than this share of the time of the single steps: unstacking the
# results takes time too.
LEAST_GAIN = 0.9


@dataclass
class Trained:
    """Result of the training of a member.

    Parameters
    ----------
    history : list of dict
        One entry per epoch, like that of the same fit alone, without durations.
    weights : dict of str to Tensor
        State of its network; empty if it failed or was removed.
    error : Exception or None
        The error, if it failed.
    """

    history: list[dict[str, Any]]
    weights: dict[str, Tensor]
    error: Exception | None = None


#: gets an epoch, from 1, and the history's entries of members by position; returns the members to remove
Removes = Callable[[int, Mapping[int, Mapping[str, Any]]], Collection[int]]


@own_modes()
def train_stacked(
    members: Sequence[Member], device: torch.device, with_scores: bool = True, removes: Removes | None = None
) -> list[Trained]:
    """Train members of one structure in one stack.

    Members may differ in the seed, rows, names of tasks, task weights, score weights, learning rate, weight decay,
    dropout rate, hyperparameters of the losses, clip norm, patience and number of epochs. A member that stops or
    diverges leaves the stack at the end of its epoch.

    Parameters
    ----------
    members : sequence of Member
        With equal `structure_key`.
    device : torch.device
    with_scores : bool, default=True
        Whether to score the validation rows in every epoch even if early stopping does not watch scores, which
        takes time for each member and task.
    removes : callable or None, default=None
        Called at the end of each epoch with the epoch, from 1, and the entry of the history of each member that is
        still trained and has not failed, by its position in ``members``. The members that it returns leave the
        stack without weights.

    Returns
    -------
    list of Trained
        In the order of the members.
    """
    warn_of_metrics(
        [member for member in members if with_scores or member.config.early_stopping.monitor == "score"]
    )
    network = _initial_network(members, device)
    stack = Stack(network, _objective(members, device), members, device)
    net = StackedNet(stack, device, with_scores, removes)
    net.train([stack], max(member.config.max_epochs for member in members))
    return net.results


def _initial_network(members: Sequence[Member], device: torch.device) -> Any:
    """Build each different network once, with its seed, and stack them."""
    # initial weights depend on the seed, the fitted trunk and the fitted tasks
    keys = [(id(m.blueprint.trunk), id(m.blueprint.tasks), m.blueprint.seed) for m in members]
    first = {key: position for position, key in reversed(list(enumerate(keys)))}
    # the first network is that of the first member, whose tasks name those of the stack
    built = {key: members[first[key]].blueprint.network().to(device) for key in dict.fromkeys(keys)}
    order = list(built)
    positions = [order.index(key) for key in keys]
    return members[0].blueprint.side_by_side([built[key] for key in order], positions)


def _objective(members: Sequence[Member], device: torch.device) -> Any:
    return stacked_objective([member.blueprint for member in members], device).to(device)


class StackedNet(MultiTaskNet):
    """The net of a stack whose members differ in hyperparameters and in their last epoch.

    Parameters
    ----------
    stack : Stack
    device : torch.device
    with_scores : bool
    removes : callable or None, default=None
        See `train_stacked`.

    Attributes
    ----------
    results : list of Trained
        By member.
    """

    def __init__(
        self, stack: Stack, device: torch.device, with_scores: bool, removes: Removes | None = None
    ) -> None:
        super().__init__(
            stack.network, stack.objective, blueprint=stack.members[0].blueprint, device=device, train_split=None,
            verbose=0,
        )  # fmt: skip
        self.stack, self.with_scores, self.removes = stack, with_scores, removes
        self.results = [Trained([], {}) for _ in stack.members]
        self.patience = [Patience(member.config.early_stopping.n_iter_no_change) for member in stack.members]
        self.best = {name: tensor.clone() for name, tensor in stack.network.state_dict().items()}
        self.over: set[int] = set()
        self.initialize()
        self._arrange()

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> StackedNet:
        """Build the optimiser, with hyperparameters for each member."""
        names = self.stack.members[0].config.hyperparameters
        self.optimizer_ = StackedOptimizer(
            str(self.stack.members[0].config.optimizer.algorithm),
            list(self.stack.network.parameters()),
            {name: self._tensor(partial(_hyperparameter, name)) for name in names},
        )
        return self

    def _arrange(self) -> None:
        """Update what depends on the members that are still trained."""
        norms = [self.stack.members[member].config.optimizer.clip_norm for member in self.stack.alive]
        self.largest = self._tensor(_clip_norm) if any(norm is not None for norm in norms) else None
        self.lengths = {self.stack.members[member].config.max_epochs for member in self.stack.alive}

    def _tensor(self, value: Callable[[FitConfig], float]) -> Tensor:
        values = [value(self.stack.members[member].config) for member in self.stack.alive]
        dtype = self.stack.members[0].blueprint.torch_dtype
        return torch.tensor(values, dtype=dtype, device=self.stack.device)

    def _clip(self) -> None:
        if self.largest is not None:
            clip_members(self.optimizer_.parameters, self.largest)

    def _set_learning_rate(self, epochs_done: float, epochs: int) -> None:
        schedule = SCHEDULES[self.stack.members[0].config.optimizer.schedule]
        if len(self.lengths) == 1:
            self.optimizer_.factor = schedule(epochs_done / next(iter(self.lengths)))
        else:
            self.optimizer_.factor = self._tensor(lambda config: schedule(epochs_done / config.max_epochs))

    def _refuse(self, failed: dict[int, Exception]) -> None:
        """Continue with the other members."""

    def _record(self, entries: Sequence[dict[str, Any]], first: dict[str, Any] | None = None) -> None:
        for member, entry in zip(self.stack.alive, entries, strict=True):
            history = self.results[member].history
            if first is not None:
                history.append(dict(first))
            history[-1] |= entry

    @property
    def _with_scores(self) -> bool:
        monitors = {self.stack.members[member].config.early_stopping.monitor for member in self.stack.alive}
        return self.with_scores or "score" in monitors

    def _stop(self, entries: Sequence[dict[str, float]], failed: dict[int, Exception]) -> None:
        """Keep the weights of members for which this epoch is the best; note the members to stop."""
        improved = []
        for position, (member, entry) in enumerate(zip(self.stack.alive, entries, strict=True)):
            if position in failed:
                continue
            monitor, patience = self.stack.members[member].config.early_stopping.monitor, self.patience[member]
            value = entry[f"valid_{monitor}"] * (1 if monitor == "loss" else -1)
            if patience.improves(value, len(self.history)):
                improved.append(position)
            if patience.is_over:
                self.over.add(member)
        for name, tensor in self.stack.network.state_dict().items():
            self.best[name][improved] = tensor[improved]

    def _end_epoch(self, number: int, failed: dict[int, Exception]) -> None:
        """Keep the results of finished members, and continue with the others."""
        alive = self.stack.alive
        done = self.over | {m for m in alive if self.stack.members[m].config.max_epochs == number + 1}
        removed = self._removed(number + 1, failed)
        kept = []
        for position, member in enumerate(alive):
            if position in failed:
                self.results[member].error = failed[position]
                del self.results[member].history[-1:]
            elif member in removed:
                continue
            elif member in done:
                self._keep_result(member, position, number + 1)
            else:
                kept.append(position)
        if len(kept) == len(alive):
            return
        self.stop_training = not kept
        if kept:
            self.stack.keep(kept)
            index = torch.tensor(kept)
            self.best = {name: tensor[index] for name, tensor in self.best.items()}
            self.criterion_ = self.stack.objective
            self.optimizer_.keep(index, list(self.stack.network.parameters()))
            self._arrange()

    def _removed(self, epoch: int, failed: dict[int, Exception]) -> Collection[int]:
        """Ask which members to remove."""
        if self.removes is None:
            return ()
        entries = {
            member: self.results[member].history[-1]
            for position, member in enumerate(self.stack.alive)
            if position not in failed
        }
        return self.removes(epoch, entries)

    def _keep_result(self, member: int, position: int, epoch: int) -> None:
        if self.validates and self.patience[member].waited:
            weights = {name: tensor[position].clone() for name, tensor in self.best.items()}
        else:
            weights = member_state(self.stack.network, position)
        try:
            refuse_non_finite(weights, epoch)
        except ArithmeticError as error:
            self.results[member].error = error
        else:
            self.results[member].weights = weights

    def finish(self) -> None:
        """Do nothing: the results are those of the members."""


def _hyperparameter(name: str, config: FitConfig) -> float:
    return config.hyperparameters[name]


def _clip_norm(config: FitConfig) -> float:
    return config.optimizer.clip_norm or math.inf


@own_modes()
def stacking_pays(members: Sequence[Member], device: torch.device, n_steps: int = 5) -> str | None:
    """Time a few steps of stacked members and of a single one.

    Returns
    -------
    str or None
        Why stacking is not faster, with the measured times per step and member; None if it is faster.
    """
    if len(members) == 1:
        return "a single fit"
    both = [_timed(few, device) for few in (members, members[:1])]
    # in turn, and the minimum of each, because other work on the machine only increases times
    turns = [[steps(n_steps) for steps in both] for _ in range(3)]
    stacked, alone = (min(seconds) for seconds in zip(*turns, strict=True))
    each = stacked / len(members)
    if each < LEAST_GAIN * alone:
        return None
    return (
        f"one by one is as fast: a step of a member takes {alone * 1e3:.2f} ms alone, {each * 1e3:.2f} ms stacked"
    )


def _timed(members: Sequence[Member], device: torch.device) -> Callable[[int], float]:
    """Return a function that times steps of a stack of members, which it changes."""
    stack = Stack(_initial_network(members, device), _objective(members, device), members, device)
    net = StackedNet(stack, device, with_scores=False)
    net.stacks, net.watched = [stack], False
    net._set_training(True)
    stack.start_epoch(0)
    chosen = [next(iter(stack.batches(0, net.sampling, [])))]

    def median(n_steps: int) -> float:
        seconds = []
        with threads_for(stack.work_per_step, TRAINING_WORK_PER_THREAD):
            for _ in range(n_steps + 1):
                start = time.perf_counter()
                net._set_learning_rate(0.0, 1)
                net.step(chosen)
                seconds.append(time.perf_counter() - start)
        return statistics.median(seconds[1:])

    return median
