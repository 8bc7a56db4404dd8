"""Heads of tasks that depend on other tasks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..nn._layers import Linear
from ..tasks import Task
from ..utils._random import Streams
from ._heads import Heads
from ._outputs import Outputs
from ._views import Views

Parents = Mapping[str, Sequence[str]]


class GraphHeads(nn.Module, ABC):
    """Base class of heads of tasks that depend on each other.

    Parameters
    ----------
    tasks : mapping of str to Task
        Fitted tasks, parents before their children.
    parents : mapping of str to sequence of str
        Direct parents of each task; other tasks have none.
    in_features : int
        Width of the views.
    streams : Streams
    stop_gradient : bool
        Whether to stop the gradient of a child's loss at its parents.
    grid : (int, int) or None, default=None
        Height and width of the feature map whose positions are the tokens of an image.
    """

    #: whether tasks that label positions may be connected too
    connects_positions: ClassVar[bool] = True

    def __init__(
        self,
        tasks: Mapping[str, Task],
        parents: Parents,
        in_features: int,
        streams: Streams,
        stop_gradient: bool,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.task_names = list(tasks)
        self.parents = {name: list(parents.get(name, ())) for name in tasks}
        self.stop_gradient = stop_gradient
        self.heads = Heads(tasks, in_features, streams, grid)

    def needed(self, tasks: Sequence[str]) -> list[str]:
        """Return the tasks and all their ancestors, parents first."""
        wanted = set(tasks)
        for name in reversed(self.task_names):
            if name in wanted:
                wanted.update(self.parents[name])
        return [name for name in self.task_names if name in wanted]

    def forward(self, views: Views, tasks: Sequence[str]) -> Outputs:
        needed = self.needed(tasks)
        outputs = self.combine(views, needed)
        return Outputs.of({name: outputs[name] for name in needed if name in tasks}, views.penalty)

    @abstractmethod
    def combine(self, views: Views, tasks: Sequence[str]) -> dict[str, Tensor]:
        """Compute the outputs of tasks; all their ancestors must be included."""

    def weights(self) -> dict[str, Tensor]:
        """Return the weight (..., K, D) of each linear head on the representation."""
        return self.heads.weights()

    def from_parent(self, value: Tensor) -> Tensor:
        """Return the part of a parent's output that a child reads."""
        return value.detach() if self.stop_gradient else value


class Concatenation(GraphHeads):
    r"""A child's head reads the representation concatenated with the outputs of its parents.

    :math:`o_t = W_t h + b_t + V_t [o_s]_{s \in parents}`, with outputs before the sigmoid or softmax.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        parents: Parents,
        in_features: int,
        streams: Streams,
        stop_gradient: bool,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(tasks, parents, in_features, streams, stop_gradient, grid)
        self.dependent = [name for name in tasks if self.parents[name]]
        self.position_axes = {name: tasks[name].position_axes for name in self.dependent}
        self.maps = nn.ModuleList(
            Linear(
                sum(tasks[parent].n_outputs_ for parent in self.parents[name]),
                tasks[name].n_outputs_,
                streams.generator("transfer", streams.of_task(name)),
            )
            for name in self.dependent
        )

    def combine(self, views: Views, tasks: Sequence[str]) -> dict[str, Tensor]:
        outputs = dict(self.heads(views, tasks))
        for child, linear in zip(self.dependent, self.maps, strict=True):
            if child in outputs:
                seen = torch.cat([self.from_parent(outputs[name]) for name in self.parents[child]], dim=-1)
                # a token or pixel reads its parents' outputs for the same position
                rows = seen.flatten(-2 - self.position_axes[child], -2)
                outputs[child] = outputs[child] + linear(rows).view_as(outputs[child])
        return outputs


class Product(GraphHeads):
    r"""The probability of a child is a fraction of the product of its parents' probabilities.

    :math:`P(t) = \sigma(W_t h + b_t) \prod_{s \in parents} P(s)`, so that no child is more probable than a parent.

    Parameters
    ----------
    tasks, parents, in_features, streams, stop_gradient, grid : object
        As for `GraphHeads`.
    first_is_positive : collection of str, default=()
        The tasks whose P(t) is the probability of their first class; for others it is that of the second class.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        parents: Parents,
        in_features: int,
        streams: Streams,
        stop_gradient: bool,
        grid: tuple[int, int] | None = None,
        first_is_positive: Collection[str] = (),
    ) -> None:
        super().__init__(tasks, parents, in_features, streams, stop_gradient, grid)
        self.first_is_positive = frozenset(first_is_positive)

    def combine(self, views: Views, tasks: Sequence[str]) -> dict[str, Tensor]:
        outputs = dict(self.heads(views, tasks))
        linked = {name for name in tasks if self.parents[name]}
        linked |= {parent for name in tasks for parent in self.parents[name]}
        # logits of the positive classes
        logits = {name: self._turned(name, outputs[name]) for name in tasks if name in linked}
        log_probability = {name: nn.functional.logsigmoid(logit) for name, logit in logits.items()}
        for name in tasks:
            for parent in self.parents[name]:
                log_probability[name] = log_probability[name] + self.from_parent(log_probability[parent])
            if self.parents[name]:
                bounds = [logit_of_log(log_probability[name])]
                # rounding must not make a child more probable than a parent
                bounds += [self.from_parent(logits[parent]) for parent in self.parents[name]]
                logits[name] = torch.stack(bounds).amin(dim=0)
                outputs[name] = self._turned(name, logits[name])
        return outputs

    def _turned(self, name: str, logit: Tensor) -> Tensor:
        """Convert between the logit of a task's second class and that of its positive class."""
        return -logit if name in self.first_is_positive else logit


class Attention(GraphHeads):
    r"""A child attends to its own view and to the transfers of its parents.

    With the view :math:`p_t` of task t and :math:`q_s = ReLU(G_{st} z_s)` for each parent s,
    :math:`z_t = \sum_u softmax_u(\langle h_1(u), h_2(u) \rangle / \sqrt{D}) \, h_3(u)` over
    :math:`u \in \{p_t, q_s\}`; a task without parents has :math:`z_t = p_t`. Heads read :math:`z_t`.
    """

    connects_positions = False

    def __init__(
        self,
        tasks: Mapping[str, Task],
        parents: Parents,
        in_features: int,
        streams: Streams,
        stop_gradient: bool,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(tasks, parents, in_features, streams, stop_gradient, grid)
        self.dependent = [name for name in tasks if self.parents[name]]
        self.hand_over = nn.ModuleList(
            nn.ModuleList(
                Linear(
                    in_features,
                    in_features,
                    streams.generator("hand over", streams.of_task(child), streams.of_task(parent)),
                )
                for parent in self.parents[child]
            )
            for child in self.dependent
        )
        self.attention = nn.ModuleList(
            nn.ModuleList(
                Linear(in_features, in_features, streams.generator("attention", streams.of_task(child), number))
                for number in range(3)
            )
            for child in self.dependent
        )

    def combine(self, views: Views, tasks: Sequence[str]) -> dict[str, Tensor]:
        known = {name: views.of_one(name).sample for name in tasks}
        for number, child in enumerate(self.dependent):
            if child in known:
                hand_over: Any = self.hand_over[number]
                attention: Any = self.attention[number]
                seen = [
                    torch.relu(linear(self.from_parent(known[parent])))
                    for parent, linear in zip(self.parents[child], hand_over, strict=True)
                ]
                known[child] = attend([known[child], *seen], *attention)
        sample = torch.stack([known[name] for name in tasks], dim=-3)
        by_task = views.by_task(tasks)
        seen_of_rows = by_task.representation._replace(sample=sample)
        return dict(self.heads(by_task._replace(representation=seen_of_rows), tasks))


def attend(vectors: Sequence[Tensor], query: nn.Module, key: nn.Module, value: nn.Module) -> Tensor:
    """Sum the values of vectors (..., B, D), weighted by the softmax of the products of their queries and keys."""
    agreement = [(query(x) * key(x)).sum(dim=-1, keepdim=True) / math.sqrt(x.shape[-1]) for x in vectors]
    weights = torch.softmax(torch.cat(agreement, dim=-1), dim=-1).unbind(dim=-1)
    return torch.stack([w.unsqueeze(-1) * value(x) for w, x in zip(weights, vectors, strict=True)]).sum(dim=0)


def logit_of_log(log_probability: Tensor) -> Tensor:
    """Compute log(p / (1 - p)) from log(p), also exact for p close to 0 or 1."""
    x = log_probability.clamp(max=-torch.finfo(log_probability.dtype).tiny)
    near_one = x > -math.log(2)
    # the branch that is not taken gets a safe argument, so that its gradient is finite
    close = torch.log(-torch.expm1(torch.where(near_one, x, -1.0)))
    far = torch.log1p(-torch.exp(torch.where(near_one, -1.0, x)))
    return x - torch.where(near_one, close, far)
