"""Adaptive task-to-task fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor, nn

from ..diagram._flow import Flow
from ..trunks import Representation, Trunk
from ..utils._params import Interval
from ..utils._random import Streams
from ._experts import Experts, LevelInput, private_names, private_nodes
from ._mixing import mix
from ._sharing import Sharing, SharingArchitecture, gate_nodes
from ._units import Gates
from ._views import Views, side_by_side, tensors_of


class AdaTT(SharingArchitecture):
    r"""Mix the experts of all tasks by gates, and add each task's own experts directly [1]_.

    In each level task t computes :math:`\sum_e g_t(x_t)_e \, h_e + \sum_{i \in t} v_{ti} \, h_i`: a gated fusion
    of the experts of all tasks, and a learned sum of its own experts. The experts of the first level are bodies of
    the trunk; those of further levels are one layer of the same width.

    Parameters
    ----------
    n_experts : int, default=1
        Experts of each task in each level.
    n_levels : int, default=1
        Levels of fusion.
    temperature : float, default=1.0
        Temperature of the gates; higher values weight the experts more evenly.
    top_k : int or None, default=None
        Number of experts that the gates of a row use in each level; None uses all.
    tower_sizes : sequence of int, default=()
        Widths of the hidden layers of each task between the last level and its head.

    References
    ----------
    .. [1] Li et al., "AdaTT: Adaptive Task-to-Task Fusion Network for Multitask Learning in Recommendations",
       KDD 2023.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.architectures import AdaTT
    >>> MultiTaskNetEstimator(architecture=AdaTT(n_experts=2))
    MultiTaskNetEstimator(architecture=AdaTT(n_experts=2))
    """

    member_axis = True
    has_gates = True

    _parameter_constraints: dict = {
        "n_experts": [Interval(Integral, 1, None, closed="left")],
        "n_levels": [Interval(Integral, 1, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "top_k": [Interval(Integral, 1, None, closed="left"), None],
        "tower_sizes": ["array-like"],
    }

    def __init__(
        self,
        n_experts: int = 1,
        n_levels: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        tower_sizes: Sequence[int] = (),
    ) -> None:
        self.n_experts = n_experts
        self.n_levels = n_levels
        self.temperature = temperature
        self.top_k = top_k
        self.tower_sizes = tower_sizes

    def sharing(self, trunk: Trunk, tasks: Sequence[str], streams: Streams) -> Sharing:
        return FusedExperts(self, trunk, tasks, streams)

    def flow(self, tasks: Sequence[str]) -> Flow:
        flow, reads = Flow.of_inputs(), {task: ["X"] for task in tasks}
        for level in range(self.n_levels):
            experts = private_nodes(tasks, self.n_experts, level)
            gates = gate_nodes(tasks, level)
            flow = flow.then({node: reads[task] for task in tasks for node in experts[task]})
            names = [node.name for task in tasks for node in experts[task]]
            flow = flow.then({gate: names for gate in gates.values()}).represented_by(names)
            reads = {task: [gate.name] for task, gate in gates.items()}
        return flow.to_tasks(reads, self.tower_sizes)


class FusedExperts(Sharing):
    """Levels of task experts, fused for every task.

    Parameters
    ----------
    spec : AdaTT
    trunk : Trunk
        Fitted.
    names : sequence of str
        The tasks.
    streams : Streams
    """

    levels: Sequence[FusionLevel]

    def __init__(self, spec: AdaTT, trunk: Trunk, names: Sequence[str], streams: Streams) -> None:
        super().__init__()
        self.names = tuple(names)
        self.n_experts = spec.n_experts
        self.stem = trunk.stem(streams)
        levels = [FusionLevel(spec, trunk, names, streams, level) for level in range(spec.n_levels)]
        self.levels = nn.ModuleList(levels)  # type: ignore[assignment]
        self.width = trunk.width_
        self.representation_width = trunk.width_ * len(names) * spec.n_experts

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Views:
        *before, last = self.levels
        seen, _ = self._go_through(before, inputs)
        experts = last.experts(seen.for_experts(self.n_experts))
        return Views(tuple(tasks), last(seen, experts, tasks)[0], shared=tensors_of(experts))

    def _go_through(
        self, levels: Sequence[FusionLevel], inputs: Mapping[str, Any]
    ) -> tuple[LevelInput, list[Tensor]]:
        """Return the input of the level after the given ones, and the gates of these levels."""
        seen = LevelInput.of_stem(self.stem(inputs))
        gates = []
        for level in levels:
            experts = level.experts(seen.for_experts(self.n_experts))
            representation, weights = level(seen, experts, self.names)
            seen = LevelInput.of(representation)
            gates.append(weights)
        return seen, gates

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        *before, last = self.levels
        seen, _ = self._go_through(before, inputs)
        return side_by_side(last.experts(seen.for_experts(self.n_experts)))

    def shared_parameters(self) -> list[nn.Parameter]:
        *before, last = self.levels
        return [*self.stem.parameters(), *(p for level in before for p in level.parameters()),
                *last.experts.parameters()]  # fmt: skip

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        _, gates = self._go_through(self.levels, inputs)
        beside = torch.cat(gates, dim=-1)
        return {name: beside.select(-3, self.names.index(name)) for name in tasks}

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        experts = [f"{name} {number}" for name in self.names for number in range(self.n_experts)]
        return [(level + 1, expert) for level in range(len(self.levels)) for expert in experts]


class FusionLevel(nn.Module):
    """Experts of every task, gates over all of them, and direct weights of a task's own experts.

    Parameters
    ----------
    spec : AdaTT
    trunk : Trunk
        Fitted.
    names : sequence of str
        The tasks.
    streams : Streams
    level : int
        Counted from 0.
    """

    is_own: Tensor

    def __init__(self, spec: AdaTT, trunk: Trunk, names: Sequence[str], streams: Streams, level: int) -> None:
        super().__init__()
        self.names = tuple(names)
        self.n_experts = spec.n_experts
        self.experts = Experts(trunk, private_names(names, spec.n_experts), streams, level)
        width = trunk.stem_width_ if level == 0 else trunk.width_
        self.gates = Gates(
            names, width, len(names) * spec.n_experts, streams,
            temperature=spec.temperature, top_k=spec.top_k, level=level,
        )  # fmt: skip
        self.own = nn.Parameter(torch.full((len(names), spec.n_experts), 1 / spec.n_experts))
        own = torch.eye(len(names)).repeat_interleave(spec.n_experts, dim=1)
        self.register_buffer("is_own", own, persistent=False)

    def forward(
        self, seen: LevelInput, experts: Representation, tasks: Sequence[str]
    ) -> tuple[Representation, Tensor]:
        """Return the fused experts (..., T, B, D) of some tasks, and their gates."""
        gates = self.gates(seen.for_tasks(self.names, tasks).gates, tasks)
        chosen = torch.tensor([self.names.index(name) for name in tasks], device=gates.device)
        # the direct connection of a task's own experts is an additional weight on them
        direct = self.own.repeat(*(1,) * (self.own.dim() - 1), len(self.names)) * self.is_own
        return mix(gates + direct.index_select(-2, chosen).unsqueeze(-2), experts), gates
