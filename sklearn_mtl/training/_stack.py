"""Networks that are trained together in one step: a single one, or several stacked along a member axis."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..architectures import Network, Outputs, PlainPass
from ..config import FitConfig
from ..data._dataset import (
    Batch,
    DataSplit,
    OfAllTasks,
    ShareOfBatches,
    fewest_rows,
    positions_per_row,
)
from ..data._sparse_labels import LabelledPairs
from ..data._stacked_data import StackedBatches, StackedData, of_rows_that_count
from ..metrics import Metric
from ..model._blueprint import Blueprint, stacked_objective
from ..model._objective import Objective, Step, TaskLosses
from ..model._one_by_one import ObjectivesOneByOne, OneByOne
from ..model._predict import average_members, by_row, predict_outputs
from ..model._vmapped import VmappedNetwork
from ..nn._layers import Draws, set_draws
from ..nn._stacking import keep_members
from ..sampling import TaskSampling
from ..targets import Container
from ..tasks._rating import chosen_metrics, warn_of_undefined
from ..utils._random import Streams
from ..utils._ranks import Ranks
from ._balance import read_balance
from ._divergence import diverged
from ._gradients import backward, gramian_of
from ._log import read_losses, record
from ._many_classes import losses_and_best
from ._pair_validation import validate_pairs
from ._parallel import of_all_ranks, with_one_penalty
from ._sampled import SampledBatches

# Number of validation rows over all members that are computed at once.
VALIDATION_CHUNK = 65536


@dataclass(frozen=True)
class Member:
    """One of the networks in training; "auto" is resolved in its config."""

    blueprint: Blueprint
    container: Container
    data: DataSplit
    config: FitConfig

    @cached_property
    def metrics(self) -> dict[str, tuple[Metric, ...]]:
        """The metrics of each task; the first is its score."""
        return chosen_metrics(self.config.metrics, self.blueprint.tasks)

    def task_weights(self, names: Sequence[str], epoch: int) -> list[float]:
        """Return the weights of some tasks in an epoch of its training, which is counted from 0."""
        factor = self.config.auxiliary.factor(epoch, self.config.max_epochs)
        return [
            self.blueprint.task_weights[name] * (factor if name in self.blueprint.auxiliary else 1.0)
            for name in names
        ]


def warn_of_metrics(members: Sequence[Member]) -> None:
    """Warn once of chosen metrics that are undefined on the validation rows of some members."""
    undefined: dict[str, list[str]] = {}
    for member in members:
        if member.config.metrics and member.data.valid is not None:
            for name in member.blueprint.active:
                reference = member.data.valid.reference(name, member.blueprint.tasks[name])
                undefined.setdefault(name, []).extend(reference.undefined(member.metrics[name]))
    warn_of_undefined({name: list(dict.fromkeys(names)) for name, names in undefined.items()})


class Pass(NamedTuple):
    """A forward and backward pass of a batch.

    Parameters
    ----------
    step : Step
        The entry of the log.
    outputs : Outputs
    task_losses : TaskLosses
        Attached to the graph.
    weights : Tensor of shape (..., T)
        Output of the weighting.
    """

    step: Step
    outputs: Outputs
    task_losses: TaskLosses
    weights: Tensor


class Validation(NamedTuple):
    """Results on the validation rows, by member.

    Parameters
    ----------
    losses, scores : ndarray of shape (M, T)
        NaN for a task without a label. Scores are None if they were not requested.
    further : sequence of dict
        Entries of the history of each member, for the second and later metrics of its tasks.
    """

    losses: np.ndarray
    scores: np.ndarray | None
    further: Sequence[dict[str, float]] = ()


class Stack:
    """The networks that one forward and one backward pass compute, and the rows of each.

    Parameters
    ----------
    network : Network
        A single network without a member axis, or M networks with it.
    objective : Objective
        Of one network, or of M.
    members : sequence of Member
        One per network. Stacked members have the same structure and the same number of batches.
    device : torch.device
    mixed_precision : bool, default=False
        Whether to compute in bfloat16 where the device is a CUDA GPU.
    ranks : Ranks or None, default=None
        The processes that train the network together; None for one.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        members: Sequence[Member],
        device: torch.device,
        mixed_precision: bool = False,
        ranks: Ranks | None = None,
    ) -> None:
        self.ranks, self.has_stepped = ranks, False
        self.network, self.objective, self.members, self.device = network, objective, list(members), device
        self.mixed_precision = mixed_precision and device.type == "cuda"
        self.has_axis = objective.task_weights.dim() > 1
        self.rows = StackedData([member.data for member in members], device) if self.has_axis else None
        self.batch_size = int(members[0].config.batch_size)
        #: the pass without an autograd graph, if the network allows it
        self.plain: PlainPass | None = None
        self.alive: list[int] = []
        self._arrange(list(range(len(members))))

    def _arrange(self, alive: list[int]) -> None:
        """Update what depends on the members that are still trained."""
        self.alive = alive
        seeds = [self.members[member].blueprint.seed for member in alive]
        self.seeds = list(dict.fromkeys(seeds))
        self.seed_of = torch.tensor([self.seeds.index(seed) for seed in seeds]) if self.has_axis else None
        first = self.members[0].blueprint
        own = [self.members[member].blueprint.names_for(first) for member in alive]
        #: names of the tasks of each member, in the order of the losses
        self.names = [[names[name] for name in self.objective.names] for names in own]

    def keep(self, positions: Sequence[int]) -> None:
        """Keep only some of the members that are still trained, by their positions among these."""
        index = torch.tensor(positions)
        alive = [self.alive[position] for position in positions]
        keep_members(self.network, index)
        weighting: Any = self.objective.weighting
        if self.objective.learns:
            keep_members(weighting, index)
        kept = [self.members[member].blueprint for member in alive]
        self.objective = stacked_objective(kept, self.device, self.members[0].blueprint).to(self.device)
        self.objective.weighting = weighting
        self._arrange(alive)

    @property
    def work_per_step(self) -> float:
        """Multiply-adds of a step: products forward, for gradients of weights, and for gradients of inputs."""
        n_weights = sum(parameter.numel() for parameter in self.network.parameters())
        rows = min(self.batch_size, len(self.members[0].data.train))
        return 3.0 * n_weights * rows * positions_per_row(self.members[0].data.train.inputs)

    # -- steps

    def start_epoch(self, epoch: int, watched: bool = False) -> None:
        """Set the random numbers of an epoch, and choose how gradients are computed."""
        compares_gradients = self.objective.weighs_gradients or self.members[0].blueprint.weighting.needs_gramian
        needs_graph = watched or compares_gradients or self.device.type != "cpu"
        needs_graph |= self.has_pairs  # a chain of layers computes all outputs
        self.plain = None if needs_graph else self.network.plain_pass(self.objective.names)
        # each process masks its own rows
        part = () if self.ranks is None or self.ranks.is_first else (self.ranks.rank,)
        set_draws(self.network, self._draws("dropout", epoch, *part))
        set_draws(self.objective, self._draws("weighting", epoch))

    def weigh_tasks(self, epoch: int) -> None:
        """Set the task weights of an epoch of this training, from 0, if those of auxiliary tasks decay."""
        members = [self.members[member] for member in self.alive]
        if any(member.config.auxiliary.decays for member in members):
            weights = [
                member.task_weights(names, epoch) for member, names in zip(members, self.names, strict=True)
            ]
            self.objective.task_weights = self.objective.task_weights.new_tensor(
                weights if self.has_axis else weights[0]
            )

    def _draws(self, *purpose: str | int) -> Draws:
        return Draws([Streams(seed).generator(*purpose, device=self.device) for seed in self.seeds], self.seed_of)

    def batches(self, epoch: int, sampling: TaskSampling, progress: Sequence[np.ndarray]) -> Any:
        """Return the batches of an epoch, each with the task that it trains; None for all tasks."""
        fewest = fewest_rows(self.network)
        if self.rows is not None:
            seeds = [self.members[member].blueprint.seed for member in self.alive]
            orders, counts = self.rows.training_orders(self.alive, seeds, epoch)
            return StackedBatches(
                self.rows, orders, self.batch_size, fewest, counts, self.objective.labels_positions
            )
        data, streams = self.members[0].data.train, Streams(self.seeds[0])
        if self.ranks is not None:
            order = streams.generator("shuffle", epoch)
            part = self.ranks.rank, self.ranks.count
            return OfAllTasks(ShareOfBatches(*part, data, self.batch_size, order, fewest))
        if sampling.trains_all:
            return OfAllTasks(data.shuffled(self.batch_size, streams, epoch, fewest))
        return SampledBatches(data, self.objective, sampling, self.batch_size, progress[0], streams, epoch, fewest)

    def backward(self, batch: Batch, task: str | None) -> Pass:
        """Compute the gradients of a step, for all tasks or for one."""
        objective = self.objective
        outputs, task_losses = self.losses(batch, task, with_cut=objective.weighs_gradients)
        gramian = gramian_of(objective, self.network, outputs, task_losses) if objective.wants_gramian else None
        weights = objective.weigh(task_losses, gramian)
        backward(objective, self.network, outputs, task_losses, weights)
        if self.plain is not None and task is None:
            self.plain.backward()
        learned = weights if objective.learns else None
        return Pass(
            Step(task_losses.losses.detach(), task_losses.mass, learned, gramian), outputs, task_losses, weights
        )

    def losses(self, batch: Batch, task: str | None = None, with_cut: bool = False) -> tuple[Outputs, TaskLosses]:
        """Compute outputs and task losses of a batch; ``with_cut`` sets the cut where gradients are compared."""
        outputs, task_losses = self._losses(batch, task, with_cut)
        if self.ranks is None or not self.network.training:
            return outputs, task_losses
        outputs = with_one_penalty(self.ranks, outputs, check=not self.has_stepped)
        self.has_stepped = True
        return outputs, of_all_ranks(self.ranks, task_losses, batch.n_rows)

    def _losses(self, batch: Batch, task: str | None, with_cut: bool) -> tuple[Outputs, TaskLosses]:
        if self.plain is not None and task is None and torch.is_grad_enabled():
            outputs = self.plain.outputs(batch.inputs)
            return outputs, self.objective(outputs, batch.targets, batch.weights)
        names = self.objective.names if task is None else [task]
        with torch.autocast("cuda", dtype=torch.bfloat16) if self.mixed_precision else nullcontext():
            outputs = self._outputs(batch.inputs, names, with_cut and self.objective.grad_at == "representation")
            if task is None:
                return outputs, self.objective(outputs, batch.targets, batch.weights)
            output = outputs.side_by_side([task])
            return outputs, self.objective.of_task(task, output, batch.targets, batch.weights)

    def _outputs(self, inputs: dict[str, Tensor], names: Sequence[str], at_cut: bool = False) -> Outputs:
        if at_cut:
            return self.network.forward_cut(inputs, names)
        if self.has_axis and isinstance(self.network, VmappedNetwork):
            return self.network.for_members(inputs, names)
        return self.network(inputs, names)

    def after_step(self, made: Pass, batch: Batch, task: str | None) -> None:
        """Update a weighting that learns from steps."""
        if not self.objective.learns_from_steps:
            return
        again = None
        if self.objective.looks_twice:
            with torch.no_grad():
                again = self.losses(batch, task)[1].losses
        self.objective.after_step(made.step, again)

    def shown(self, batch: Batch) -> Batch:
        """Return the batch for callbacks; of stacked members, that of the first one."""
        if not self.has_axis:
            return batch
        firsts = [None if weight is None else weight[0] for weight in batch.weights]
        rows = None if batch.rows is None else batch.rows[0]
        return Batch({k: v[0] for k, v in batch.inputs.items()}, [t[0] for t in batch.targets], firsts, rows)

    # -- results of an epoch

    def read(
        self, log: Sequence[Step], sizes: Sequence[int], epoch: int
    ) -> tuple[list[dict[str, float]], dict[int, Exception]]:
        """Read the losses and weights of the steps of an epoch, once.

        Returns
        -------
        entries : list of dict
            Entries of the history, by position among the members that are still trained.
        failed : dict of int to Exception
            Errors of the members whose losses are not finite.
        """
        losses, means = read_losses(log, sizes)
        if not self.has_axis:
            losses, means = losses[:, None], means[None]
        failed: dict[int, Exception] = {
            position: diverged(losses[:, position], self.names[position], epoch + 1)
            for position in range(len(self.alive))
            if not np.isfinite(losses[:, position]).all()
        }
        if failed and not self.has_axis:
            return [{}], failed
        balance = read_balance(log, self.objective.names)
        self.objective.after_epoch(means if self.has_axis else means[0])
        entries = [
            self.entries("train", "loss", position, means[position]) | (balance[position] if balance else {})
            for position in range(len(self.alive))
        ]
        return entries, failed

    def entries(self, prefix: str, what: str, position: int, values: np.ndarray) -> dict[str, float]:
        """Return the entries of the history for the values (T,) of a member."""
        blueprint, names = self.members[self.alive[position]].blueprint, self.names[position]
        weights = [float(blueprint.score_weights[name]) for name in names]
        among = set(blueprint.watched)
        watched = [name in among for name in names]
        return record(prefix, what, names, values, weights, watched)

    # -- validation rows

    def validate(self, with_scores: bool) -> Validation:
        """Compute the losses, and on request the scores, of the validation rows."""
        if self.rows is None:
            return self._validate_one(with_scores)
        outputs, losses, mass = self._stacked_validation(self.rows)
        present = np.ones(losses.shape, dtype=bool) if mass is None else mass > 0
        known = np.where(present, losses, np.nan)
        if not with_scores:
            return Validation(known, None)
        of_members = []
        for position, member in enumerate(self.alive):
            valid = self.members[member].data.valid
            assert valid is not None
            n_rows = len(valid.data)  # outputs are padded to the member with the most rows
            of_members.append({name: values[position][:n_rows] for name, values in outputs.items()})
        return self._rated(known, self.alive, of_members)

    def _validate_one(self, with_scores: bool) -> Validation:
        valid = self.members[0].data.valid
        assert valid is not None
        data = valid.data
        if self.has_pairs:
            n_members = self.members[0].blueprint.n_members
            losses, of_labels = validate_pairs(self.network, self.objective, valid, n_members, with_scores)
            return (
                Validation(losses[None], None)
                if of_labels is None
                else self._rated(losses[None], [0], [of_labels])
            )
        tasks = {name: self.objective.tasks[name] for name in self.objective.names}
        many = [name for name, task in tasks.items() if task.has_many_classes]
        others = {name: task for name, task in tasks.items() if name not in many}
        outputs = predict_outputs(self.network, data.inputs, others, data.device, data.rows) if others else {}
        everything, together = data.everything(), valid.as_batch(outputs, others)
        if many:
            losses_of, best = losses_and_best(self.network, self.objective, valid, many)
            outputs, together = outputs | best, together.with_more(losses_of)
        with torch.inference_mode():
            losses, mass = self.objective(together, everything.targets, everything.weights)
        present = np.ones(len(losses), dtype=bool) if mass is None else (mass > 0).cpu().numpy()
        known = np.where(present, losses.double().cpu().numpy(), np.nan)[None]
        if not with_scores:
            return Validation(known, None)
        if self.members[0].blueprint.n_members > 1:
            outputs = average_members(outputs, tasks)
        by_rows = {name: by_row(outputs[name], task, valid.lengths) for name, task in tasks.items()}
        return self._rated(known, [0], [by_rows])

    @property
    def has_pairs(self) -> bool:
        """Whether only labelled pairs of rows and tasks are computed, for some of the tasks."""
        return any(isinstance(target, LabelledPairs) for target in self.members[0].data.train.targets)

    @torch.inference_mode()
    def _stacked_validation(
        self, rows: StackedData
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
        names = self.objective.names
        parts: dict[str, list[Tensor]] = {name: [] for name in names}
        chosen, counts = rows.validation_rows(self.alive)
        for chunk in chosen.split(max(1, VALIDATION_CHUNK // len(self.alive)), dim=1):
            outputs = self._outputs(rows.inputs_of(chunk), names)
            for name in names:
                parts[name].append(outputs[name])
        whole = {name: torch.cat(tensors, dim=1) for name, tensors in parts.items()}
        blocks = Outputs([([name], [tensor.shape[-1]], tensor) for name, tensor in whole.items()])
        targets, weights = rows.targets_of(chosen)
        if counts is not None:
            weights = of_rows_that_count(counts, self.objective.labels_positions, targets, weights)
        losses, mass = self.objective(blocks, targets, weights)
        arrays = {name: tensor.cpu().numpy() for name, tensor in whole.items()}
        return arrays, losses.double().cpu().numpy(), None if mass is None else mass.cpu().numpy()

    def _rated(self, losses: np.ndarray, members: Sequence[int], outputs: Sequence[dict[str, Any]]) -> Validation:
        """Score the outputs of the validation rows of some members."""
        scores, further = np.full((len(members), len(self.objective.names)), np.nan), []
        for row, (member, names, of_member) in enumerate(zip(members, self.names, outputs, strict=True)):
            fit = self.members[member]
            others: dict[str, float] = {}
            assert fit.data.valid is not None
            for column, name in enumerate(names):
                metrics = fit.metrics[name]
                output = of_member[self.objective.names[column]]
                values = fit.data.valid.rate(name, fit.blueprint.tasks[name], metrics, output)
                scores[row, column] = values[metrics[0].name]
                others |= {f"valid_{metric.name}__{name}": values[metric.name] for metric in metrics[1:]}
            further.append(others)
        return Validation(losses, scores, further)


def stacks_of(
    module: nn.Module,
    criterion: nn.Module,
    members: Sequence[Member],
    device: torch.device,
    mixed_precision: bool,
    ranks: Ranks | None = None,
) -> list[Stack]:
    """Build the stacks: a single one, or one for each network that is computed separately."""
    if isinstance(module, OneByOne) and isinstance(criterion, ObjectivesOneByOne):
        parts = zip(module.each, criterion.each, members, strict=True)
        return [Stack(network, objective, [one], device, mixed_precision) for network, objective, one in parts]
    assert isinstance(module, Network)
    assert isinstance(criterion, Objective)
    return [Stack(module, criterion, members, device, mixed_precision, ranks)]
