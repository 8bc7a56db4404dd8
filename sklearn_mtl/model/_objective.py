"""The loss of each task, and the objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..architectures import Outputs
from ..data._sparse_labels import LabelledPairs
from ..tasks import Task, TaskGroup, group_tasks
from ..tasks._checks import loss_of
from ..weighting import StepRecord, Weighting, WeightingModule
from ._last_layer import LastSharedLayer


class TaskLosses(NamedTuple):
    """Losses of T tasks in one batch.

    Parameters
    ----------
    losses : Tensor of shape (..., T)
        Weighted mean over the labelled elements; 0 for a task without labels.
    mass : Tensor of shape (..., T) or None
        Sum of the weights of the labelled elements; None if every element is labelled and weighs 1.
    """

    losses: Tensor
    mass: Tensor | None


class Step(NamedTuple):
    """Results of a step.

    Parameters
    ----------
    losses, mass : Tensor
        As in `TaskLosses`.
    weights : Tensor of shape (..., T) or None
        Weights of the weighting; None if they are constant.
    gramian : Tensor of shape (..., T, T) or None
        Scalar products of the tasks' gradients, if they were computed.
    """

    losses: Tensor
    mass: Tensor | None
    weights: Tensor | None = None
    gramian: Tensor | None = None


class Objective(nn.Module):
    r"""The loss that training minimises: :math:`\sum_t w_t \lambda_t L_t`.

    :math:`L_t = \sum_i a_i l_i / \sum_i a_i` is the mean loss of task t over its elements i of the batch, with
    :math:`a_i` the weight of the element, 0 where its label is missing; :math:`w_t` is the task weight and
    :math:`\lambda_t` the weight of the weighting. The sum is not normalised, and a task without a label in the
    batch contributes nothing. Terms of the architecture and of penalties are added.

    Parameters
    ----------
    tasks : mapping of str to Task
        The fitted tasks to train.
    task_weights, score_weights : mapping of str to float
        Weights by task; those of other tasks are ignored.
    weighting : Weighting
        Combines the losses of a step.

    Attributes
    ----------
    names : list of str
        The tasks in the order of their losses.
    """

    task_weights: Tensor
    all_present: Tensor
    members: Tensor | None
    shares: Tensor | None

    def __init__(
        self,
        tasks: Mapping[str, Task],
        task_weights: Mapping[str, float],
        score_weights: Mapping[str, float],
        weighting: Weighting,
    ) -> None:
        super().__init__()
        self.tasks = dict(tasks)
        self.groups = group_tasks(tasks)
        self.names = [name for group in self.groups for name in group.names]
        self.weighting: Any = weighting.build({name: tasks[name] for name in self.names})
        self.grad_at = weighting.grad_at
        self.weighs_gradients = weighting.weighs_gradients
        weights = torch.tensor([float(task_weights[name]) for name in self.names], dtype=torch.float64)
        self.register_buffer("task_weights", weights)
        self.taken_out: set[int] = set()
        self.last_layer = LastSharedLayer()
        self.score_weights = [float(score_weights[name]) for name in self.names]
        self.register_buffer("all_present", torch.ones(len(self.names), dtype=torch.bool))
        members = _membership([w for group in self.groups for w in group.widths])
        self.register_buffer("members", members)
        self.register_buffer("shares", None if members is None else members / members.sum(dim=0))

    def forward(self, outputs: Outputs, targets: Sequence[Tensor], weights: Sequence[Tensor | None]) -> TaskLosses:
        """Compute the loss of each task.

        Parameters
        ----------
        outputs : Outputs of Tensor (..., B, positions, K)
            Outputs of the network.
        targets : sequence of Tensor or LabelledPairs
            One per group of tasks, for the rows of the batch.
        weights : sequence of Tensor (B, positions, C) or None
            One per group; None if every element is labelled and weighs 1.
        """
        sums: list[Tensor] = []
        masses: list[Tensor | None] = []
        counts: list[int] = []
        for group, target, weight in zip(self.groups, targets, weights, strict=True):
            if isinstance(target, LabelledPairs):
                sums.append(_sums_of_pairs(outputs, group, target))
                masses.append(target.mass.expand_as(sums[-1]))
                counts.append(target.pairs.n_rows)
                continue
            output = outputs.side_by_side(group.names)
            if group.task.labels_positions:
                target, weight = _at_positions(output, group.task, target, weight)
            if weight is not None:
                target = group.task.weigh(target, weight)
            loss = loss_of(group.names, group.task, output, target, sum(group.widths))
            if group.task.labels_positions:  # each position counts as a row
                last = -2 - group.task.position_axes
                loss, weight = loss.flatten(last, -2), None if weight is None else weight.flatten(last, -2)
            if weight is None:
                sums.append(loss.mean(dim=-2))
                masses.append(None)
            else:
                # the loss of a missing label may be infinite, and infinity times 0 is NaN
                sums.append((torch.where(weight > 0, loss, 0.0) * weight).sum(dim=-2))
                masses.append(weight.sum(dim=-2).expand_as(sums[-1]))
            counts.append(loss.shape[-2])
        return self._without_taken_out(self._per_task(sums, masses, counts), counts)

    def of_task(
        self, name: str, output: Tensor, targets: Sequence[Tensor], weights: Sequence[Tensor | None]
    ) -> TaskLosses:
        """Compute the loss of one task, from rows with a label for it; the other tasks count as absent.

        Parameters
        ----------
        name : str
            The task.
        output : Tensor of shape (B, K)
            Outputs of the network for the task.
        targets, weights : sequence
            As in ``forward``.
        """
        number, position = next((i, g.names.index(name)) for i, g in enumerate(self.groups) if name in g.names)
        group, target, weight = self.groups[number], targets[number], weights[number]
        target = group.part(position, target)
        weight = None if weight is None else group.part(position, weight)
        if self.tasks[name].labels_positions:
            target, weight = _at_positions(output, self.tasks[name], target, weight)
        if weight is not None:
            target = self.tasks[name].weigh(target, weight)
        loss = loss_of([name], self.tasks[name], output, target, self.tasks[name].n_elements_)
        weight = torch.ones_like(loss) if weight is None else weight.expand_as(loss)
        mass = weight.sum()
        mean = (torch.where(weight > 0, loss, 0.0) * weight).sum() / mass
        here = torch.tensor([other == name for other in self.names], device=mean.device)
        return TaskLosses(torch.where(here, mean, 0.0), torch.where(here, mass, 0.0))

    @property
    def labels_positions(self) -> list[bool]:
        """For each group of tasks, whether it labels positions of a row."""
        return [group.task.labels_positions for group in self.groups]

    def take_out(self, names: Sequence[str]) -> None:
        """Stop training these tasks, and train all others."""
        self.taken_out = {self.names.index(name) for name in names}

    def _without_taken_out(self, task_losses: TaskLosses, counts: Sequence[int]) -> TaskLosses:
        """Treat tasks that are no longer trained as absent."""
        if not (self.training and self.taken_out):
            return task_losses
        losses, mass = task_losses
        mass = torch.full_like(losses, counts[0]) if mass is None else mass
        there = torch.tensor([i not in self.taken_out for i in range(len(self.names))], device=losses.device)
        return TaskLosses(torch.where(there, losses, 0.0), torch.where(there, mass, 0.0))

    @property
    def learns(self) -> bool:
        """Whether the module of the weighting is a `WeightingModule`, which may learn from steps and epochs."""
        return isinstance(self.weighting, WeightingModule)

    @property
    def learns_from_steps(self) -> bool:
        """Whether the weighting learns from each step."""
        return self.learns and type(self.weighting).after_step is not WeightingModule.after_step

    @property
    def wants_gramian(self) -> bool:
        """Whether the next step needs the Gram matrix of the tasks' gradients."""
        return self.learns and self.weighting.wants_gramian

    @property
    def looks_twice(self) -> bool:
        """Whether the weighting uses the losses of a batch after the step."""
        return self.learns and self.weighting.looks_twice

    def weigh(self, task_losses: TaskLosses, gramian: Tensor | None = None) -> Tensor:
        """Compute the weights of a step."""
        losses = task_losses.losses.detach()
        return self.weighting(losses, self._present(task_losses), gramian)

    def total(
        self, task_losses: TaskLosses, weights: Tensor | None = None, penalty: Tensor | None = None
    ) -> Tensor:
        """Compute the objective (...,) whose gradient a step follows, plus the penalty of the network."""
        weights = self.weigh(task_losses) if weights is None else weights
        total = (task_losses.losses * (weights * self.task_weights)).sum(dim=-1)
        return total if penalty is None else total + penalty

    @torch.no_grad()
    def value(self, task_losses: TaskLosses, weights: Tensor, penalty: Tensor | None = None) -> Tensor:
        """Compute the objective (...,), without weights of gradients."""
        return self.total(task_losses, torch.ones_like(weights) if self.weighs_gradients else weights, penalty)

    @torch.no_grad()
    def after_step(self, step: Step, losses_after: Tensor | None = None) -> None:
        """Let the weighting learn from a step, if it does."""
        if self.learns_from_steps:
            present = self._present(TaskLosses(step.losses, step.mass))
            self.weighting.after_step(
                StepRecord(step.losses, present, step.gramian, losses_after, step.mass is None)
            )

    @torch.no_grad()
    def after_epoch(self, means: np.ndarray) -> None:
        """Let the weighting learn from the mean losses (..., T) of an epoch."""
        if self.learns:
            self.weighting.after_epoch(torch.as_tensor(means).to(self.task_weights))

    def _present(self, task_losses: TaskLosses) -> Tensor:
        if task_losses.mass is None:
            return self.all_present.expand_as(task_losses.losses)
        return task_losses.mass > 0

    def _per_task(self, sums: list[Tensor], masses: list[Tensor | None], counts: Sequence[int]) -> TaskLosses:
        """Merge the elements of all groups into tasks; without a mass, each element of a group has its count."""
        if all(mass is None for mass in masses):
            means = sums[0] if len(sums) == 1 else torch.cat(sums, dim=-1)
            if self.shares is None:
                return TaskLosses(means, None)
            return TaskLosses(means @ self.shares, None)
        # the sums of a group without weights are means
        groups = list(zip(sums, masses, counts, strict=True))
        known = [torch.full_like(total, count) if mass is None else mass for total, mass, count in groups]
        totals = [total * count if mass is None else total for total, mass, count in groups]
        total, mass = torch.cat(totals, dim=-1), torch.cat(known, dim=-1)
        if self.members is not None:
            total, mass = total @ self.members, mass @ self.members
        present = mass > 0
        return TaskLosses(torch.where(present, total, 0.0) / torch.where(present, mass, 1.0), mass)


def _sums_of_pairs(outputs: Outputs, group: TaskGroup, target: LabelledPairs) -> Tensor:
    """Sum the weighted losses of the labelled pairs of a group by task, (..., n_tasks)."""
    output = outputs.at(group.names, target.pairs).unsqueeze(-1)
    loss = loss_of(group.names, group.task, output, target.target.unsqueeze(-1), 1).squeeze(-1)
    if target.weight is not None:  # the loss of a row of weight 0 may be infinite
        loss = torch.where(target.labelled, loss, 0.0) * target.weight
    return target.sums(loss)


def _at_positions(
    output: Tensor, task: Task, target: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Pad or cut target and weight to the tokens of the outputs (..., B, L, K); padding has weight 0."""
    missing = output.shape[-2] - target.shape[-1] if task.labels_tokens else 0
    if not missing:
        return target, weight
    if weight is None:
        weight = torch.ones(*target.shape, 1, dtype=output.dtype, device=output.device)
    return nn.functional.pad(target, (0, missing)), nn.functional.pad(weight, (0, 0, 0, missing))


def _membership(widths: Sequence[int]) -> Tensor | None:
    """Return the matrix (C, T) that sums elements to tasks; None if every task has one element."""
    if all(width == 1 for width in widths):
        return None
    return torch.repeat_interleave(torch.eye(len(widths)), torch.tensor(widths), dim=0)
