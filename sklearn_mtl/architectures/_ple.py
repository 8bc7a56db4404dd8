"""Progressive layered extraction: levels of private and shared experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor, nn

from ..diagram._flow import Flow, Node
from ..trunks import Representation, Trunk
from ..utils._params import Interval
from ..utils._random import Streams
from ._bodies import expert_names
from ._experts import Experts, LevelInput, private_names, private_nodes
from ._mixing import add, beside, imbalance, mix, mix_own
from ._sharing import Sharing, SharingArchitecture, gate_nodes
from ._units import Gates
from ._views import Views, side_by_side, tensors_of


class PLE(SharingArchitecture):
    r"""Use shared experts and private experts of each task, in levels [1]_.

    In each level the gate of task t mixes the private experts of the task and the shared experts. A shared gate
    mixes all experts for the shared experts of the next level. With one level this is customised gate control
    (CGC). The experts of the first level are bodies of the trunk; those of further levels are one layer of the
    same width. One level without private experts is `MMoE`.

    Parameters
    ----------
    n_shared : int, default=2
        Number of shared experts in each level.
    n_specific : int, default=1
        Number of private experts of each task in each level.
    n_levels : int, default=1
        Number of levels.
    temperature : float, default=1.0
        Temperature of the gates; higher values weight the experts more evenly.
    top_k : int or None, default=None
        Number of experts that a row uses in each level; None uses all.
    load_balancing : float, default=0.0
        Weight of the penalty on uneven use of the shared experts, the squared coefficient of variation of their
        gates, summed over levels.
    tower_sizes : sequence of int, default=()
        Widths of the hidden layers of each task between the last level and its head.

    References
    ----------
    .. [1] Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning Model for Personalized
       Recommendations", RecSys 2020.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.architectures import PLE
    >>> MultiTaskNetEstimator(architecture=PLE(n_levels=2))
    MultiTaskNetEstimator(architecture=PLE(n_levels=2))
    """

    member_axis = True
    has_gates = True

    _parameter_constraints: dict = {
        "n_shared": [Interval(Integral, 1, None, closed="left")],
        "n_specific": [Interval(Integral, 0, None, closed="left")],
        "n_levels": [Interval(Integral, 1, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "top_k": [Interval(Integral, 1, None, closed="left"), None],
        "load_balancing": [Interval(Real, 0, None, closed="left")],
        "tower_sizes": ["array-like"],
    }

    def __init__(
        self,
        n_shared: int = 2,
        n_specific: int = 1,
        n_levels: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        load_balancing: float = 0.0,
        tower_sizes: Sequence[int] = (),
    ) -> None:
        self.n_shared = n_shared
        self.n_specific = n_specific
        self.n_levels = n_levels
        self.temperature = temperature
        self.top_k = top_k
        self.load_balancing = load_balancing
        self.tower_sizes = tower_sizes

    def sharing(self, trunk: Trunk, tasks: Sequence[str], streams: Streams) -> Sharing:
        return LayeredExperts(self, trunk, tasks, streams)

    def flow(self, tasks: Sequence[str]) -> Flow:
        flow, of_shared, reads = Flow.of_inputs(), ["X"], {task: ["X"] for task in tasks}
        for level in range(self.n_levels):
            private = private_nodes(tasks, self.n_specific, level)
            shared = [Node(f"shared {level} {i}", f"shared {i}", "shared") for i in range(self.n_shared)]
            names = [node.name for node in shared]
            experts = {node: reads[task] for task in tasks for node in private[task]}
            experts |= {node: of_shared for node in shared}
            flow = flow.then(experts).represented_by(names)
            gates = gate_nodes(tasks, level)
            mixed = {gates[task]: [*(node.name for node in private[task]), *names] for task in tasks}
            if level and not self.n_specific:  # only the next gate reads the mixture of a task
                mixed = {gate: [*reads[task], *names] for task, gate in gates.items()}
            if level < self.n_levels - 1:
                for_shared = Node(f"gate {level}", "gate of all", "gate")
                mixed[for_shared] = [node.name for node in experts]
                of_shared = [for_shared.name]
            flow = flow.then(mixed)
            reads = {task: [gate.name] for task, gate in gates.items()}
        return flow.to_tasks(reads, self.tower_sizes)


class LayeredExperts(Sharing):
    """Levels of shared and private experts.

    Parameters
    ----------
    spec : PLE
    trunk : Trunk
        Fitted.
    names : sequence of str
        The tasks.
    streams : Streams
    """

    levels: Sequence[ExtractionLevel]

    def __init__(self, spec: PLE, trunk: Trunk, names: Sequence[str], streams: Streams) -> None:
        super().__init__()
        self.names = tuple(names)
        self.load_balancing = spec.load_balancing
        self.stem = trunk.stem(streams)
        levels = [ExtractionLevel(spec, trunk, names, streams, level) for level in range(spec.n_levels)]
        self.levels = nn.ModuleList(levels)  # type: ignore[assignment]
        self.width = trunk.width_
        self.representation_width = trunk.width_ * spec.n_shared

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Views:
        *before, last = self.levels
        of_tasks, of_shared, gates = self._go_through(before, inputs)
        shared = last.shared(of_shared.experts)
        representation, weights = last(of_tasks, shared, tasks)
        views = Views(tuple(tasks), representation, shared=tensors_of(shared))
        if not (self.training and self.load_balancing):
            return views
        uneven = [imbalance(level[..., last.n_specific :]) for level in (*gates, weights)]
        return views._replace(penalty=self.load_balancing * torch.stack(uneven).sum(dim=0))

    def _go_through(
        self, levels: Sequence[ExtractionLevel], inputs: Mapping[str, Any]
    ) -> tuple[LevelInput, LevelInput, list[Tensor]]:
        """Return the inputs of the next level (for tasks, for shared experts), and the gates of the levels."""
        of_tasks = of_shared = LevelInput.of_stem(self.stem(inputs))
        gates = []
        for level in levels:
            shared = level.shared(of_shared.experts)
            representation, weights = level(of_tasks, shared, self.names)
            # the shared experts of the next level read the experts of all tasks
            of_shared = LevelInput.of(level.for_shared(of_tasks, shared, of_shared.gates))
            of_tasks = LevelInput.of(representation)
            gates.append(weights)
        return of_tasks, of_shared, gates

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        *before, last = self.levels
        _, of_shared, _ = self._go_through(before, inputs)
        return side_by_side(last.shared(of_shared.experts))

    def shared_parameters(self) -> list[nn.Parameter]:
        *before, last = self.levels
        parameters = [*self.stem.parameters(), *last.shared.parameters()]
        for distance, level in enumerate(reversed(before)):
            parameters += [*level.shared.parameters(), *level.shared_gate.parameters()]
            if level.private is not None:
                parameters += level.private.parameters()
                # the gates of a task feed its experts of the next level, which all tasks use except in the last
                # level
                parameters += level.gates.parameters() if distance > 0 else []
        return parameters

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        *before, last = self.levels
        of_tasks, of_shared, gates = self._go_through(before, inputs)
        _, weights = last(of_tasks, last.shared(of_shared.experts), self.names)
        beside = torch.cat([*gates, weights], dim=-1)
        return {name: beside.select(-3, self.names.index(name)) for name in tasks}

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        first = self.levels[0]
        own = [f"{task} {number}" for number in range(first.n_specific)]
        shared = [f"shared {number}" for number in range(first.n_shared)]
        return [(level + 1, name) for level in range(len(self.levels)) for name in (*own, *shared)]


class ExtractionLevel(nn.Module):
    """Shared and private experts, and the gates that mix them.

    Parameters
    ----------
    spec : PLE
    trunk : Trunk
        Fitted.
    names : sequence of str
        The tasks.
    streams : Streams
    level : int
        Counted from 0; the last one needs no gate for shared experts.
    """

    def __init__(self, spec: PLE, trunk: Trunk, names: Sequence[str], streams: Streams, level: int) -> None:
        super().__init__()
        self.names = tuple(names)
        self.n_specific, self.n_shared = spec.n_specific, spec.n_shared
        private = private_names(names, spec.n_specific)
        width = trunk.stem_width_ if level == 0 else trunk.width_
        options: dict[str, Any] = {"temperature": spec.temperature, "top_k": spec.top_k, "level": level}
        self.shared = Experts(trunk, expert_names(spec.n_shared), streams, level)
        self.private = Experts(trunk, private, streams, level) if private else None
        self.gates = Gates(names, width, spec.n_specific + spec.n_shared, streams, **options)
        if level < spec.n_levels - 1:
            n_all = len(private) + spec.n_shared
            self.shared_gate = Gates(["all"], width, n_all, streams, purpose="shared gate", **options)

    def forward(
        self, of_tasks: LevelInput, shared: Representation, tasks: Sequence[str]
    ) -> tuple[Representation, Tensor]:
        """Return the mixtures (..., T, B, D) of private and shared experts for some tasks, and the gates."""
        seen = of_tasks.for_tasks(self.names, tasks)
        weights = self.gates(seen.gates, tasks)
        mixed = mix(weights[..., self.n_specific :], shared)
        if self.private is None:
            return mixed, weights
        own = self.private(seen.for_experts(self.n_specific), private_names(tasks, self.n_specific))
        return add(mix_own(weights[..., : self.n_specific], own), mixed), weights

    def for_shared(self, of_tasks: LevelInput, experts: Representation, gates: Tensor) -> Representation:
        """Return the input of the shared experts of the next level, (..., 1, B, D)."""
        if self.private is not None:
            own = self.private(of_tasks.for_experts(self.n_specific))
            experts = beside(own, experts)
        return mix(self.shared_gate(gates), experts)
