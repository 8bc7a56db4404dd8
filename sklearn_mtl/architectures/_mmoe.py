"""Multi-gate mixture of experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from torch import Tensor, nn

from ..diagram._flow import Flow, Node
from ..trunks import Representation, Trunk
from ..utils._params import Interval
from ..utils._random import Streams
from ._bodies import Bodies, expert_names
from ._mixing import imbalance, mix
from ._sharing import Sharing, SharingArchitecture, gate_nodes
from ._units import Gates
from ._views import Views, side_by_side, tensors_of


class MMoE(SharingArchitecture):
    r"""Share experts among all tasks, mixed for each task and row by a gate of the task [1]_.

    Task t reads :math:`f_t(x) = \sum_e g_t(x)_e \, h_e(x)` with :math:`g_t(x) = softmax(W_t x / \tau)`. Each
    expert :math:`h_e` is a body of the trunk; with one expert this is hard sharing.

    Parameters
    ----------
    n_experts : int, default=4
        Number of experts.
    temperature : float, default=1.0
        :math:`\tau`; higher values weight the experts more evenly.
    top_k : int or None, default=None
        Number of experts that a row uses, those with the largest gates; None uses all [2]_.
    load_balancing : float, default=0.0
        Weight of the penalty on uneven use of the experts over all tasks and rows, the squared coefficient of
        variation of their gates [2]_.
    tower_sizes : sequence of int, default=()
        Widths of the hidden layers of each task between the mixture and its head.

    References
    ----------
    .. [1] Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts",
       KDD 2018.
    .. [2] Shazeer et al., "Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer",
       ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.architectures import MMoE
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> net = MultiTaskNetRegressor(architecture=MMoE(n_experts=3), max_epochs=5, random_state=0).fit(X, y)
    >>> gates = net.gate_weights(X)["Weight"]
    >>> gates.shape, bool(np.allclose(gates.sum(axis=1), 1))
    ((20, 3), True)
    """

    member_axis = True
    has_gates = True

    _parameter_constraints: dict = {
        "n_experts": [Interval(Integral, 1, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "top_k": [Interval(Integral, 1, None, closed="left"), None],
        "load_balancing": [Interval(Real, 0, None, closed="left")],
        "tower_sizes": ["array-like"],
    }

    def __init__(
        self,
        n_experts: int = 4,
        temperature: float = 1.0,
        top_k: int | None = None,
        load_balancing: float = 0.0,
        tower_sizes: Sequence[int] = (),
    ) -> None:
        self.n_experts = n_experts
        self.temperature = temperature
        self.top_k = top_k
        self.load_balancing = load_balancing
        self.tower_sizes = tower_sizes

    def sharing(self, trunk: Trunk, tasks: Sequence[str], streams: Streams) -> Sharing:
        gates = Gates(
            tasks, trunk.stem_width_, self.n_experts, streams, temperature=self.temperature, top_k=self.top_k
        )
        return GatedExperts(trunk, gates, self.n_experts, self.load_balancing, streams)

    def flow(self, tasks: Sequence[str]) -> Flow:
        experts = [Node(f"expert {i}", f"expert {i}", "shared") for i in range(self.n_experts)]
        gates = gate_nodes(tasks)
        names = [node.name for node in experts]
        flow = Flow.of_inputs().then({node: ["X"] for node in experts}).represented_by(names)
        flow = flow.then({gate: names for gate in gates.values()})
        return flow.to_tasks({task: [gate.name] for task, gate in gates.items()}, self.tower_sizes)


class GatedExperts(Sharing):
    """Bodies of the trunk, mixed by gates that read the stem.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    gates : Gates
    n_experts : int
    load_balancing : float
        Weight of the penalty on uneven use.
    streams : Streams
    """

    def __init__(
        self, trunk: Trunk, gates: Gates, n_experts: int, load_balancing: float, streams: Streams
    ) -> None:
        super().__init__()
        self.n_experts = n_experts
        self.load_balancing = load_balancing
        self.stem = trunk.stem(streams)
        self.experts = Bodies(trunk, streams, expert_names(n_experts))
        self.gates = gates
        self.width = trunk.width_
        self.representation_width = trunk.width_ * n_experts

    def forward(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Views:
        x = self.stem(inputs)
        gates = self.gates(x.mean().unsqueeze(-3), tasks)
        penalty = self.load_balancing * imbalance(gates) if self.training and self.load_balancing else None
        experts = self.experts(x.shared())
        return Views(tuple(tasks), mix(gates, experts), penalty, tensors_of(experts))

    def represent(self, inputs: Mapping[str, Any]) -> Representation:
        return side_by_side(self.experts(self.stem(inputs).shared()))

    def shared_parameters(self) -> list[nn.Parameter]:
        return [*self.stem.parameters(), *self.experts.parameters()]

    def gate_weights(self, inputs: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Tensor]:
        gates = self.gates(self.stem(inputs).mean().unsqueeze(-3), tasks)
        return dict(zip(tasks, gates.unbind(-3), strict=True))

    def gate_names(self, task: str) -> list[tuple[int, str]]:
        return [(1, f"expert {number}") for number in range(self.n_experts)]
