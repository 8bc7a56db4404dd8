"""Fit time of MMoE against lean torch loops of the same network, and against its matrix products alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from _harness import run_in_turn, table
from fit_speed import SHAPES, Shape
from torch import Tensor, nn

from sklearn_mtl import MultiTaskNetRegressor
from sklearn_mtl.architectures import MMoE
from sklearn_mtl.trunks import MLP

N_EXPERTS = 8
OURS = f"sklearn_mtl, MMoE({N_EXPERTS})"
BATCHED = "lean torch loop, experts as batched products"
PRODUCTS = "matrix products alone"


def bank(n: int, inputs: int, outputs: int) -> tuple[nn.Parameter, nn.Parameter]:
    """Make weights and biases of n affine maps, for a batched product."""
    bound = 1 / math.sqrt(inputs)
    weight = torch.empty(n, inputs, outputs).uniform_(-bound, bound)
    return nn.Parameter(weight), nn.Parameter(torch.empty(n, 1, outputs).uniform_(-bound, bound))


class BatchedExperts(nn.Module):
    """Expert, gates and heads of all tasks as a few batched products."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second = shape.hidden
        self.tasks = shape.tasks
        self.weight_1, self.bias_1 = bank(N_EXPERTS, shape.inputs, first)
        self.weight_2, self.bias_2 = bank(N_EXPERTS, first, second)
        self.gates = nn.Linear(shape.inputs, shape.tasks * N_EXPERTS)
        self.head_weight, self.head_bias = bank(shape.tasks, second, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(torch.baddbmm(self.bias_1, x.expand(N_EXPERTS, *x.shape), self.weight_1))
        h = torch.relu(torch.baddbmm(self.bias_2, h, self.weight_2))
        gates = torch.softmax(self.gates(x).view(-1, self.tasks, N_EXPERTS), dim=-1)
        mixed = torch.bmm(gates, h.transpose(0, 1))
        return torch.baddbmm(self.head_bias, mixed.transpose(0, 1), self.head_weight).squeeze(-1).T


class ExpertsInTurn(nn.Module):
    """The simplest implementation: a module per expert, per gate and per head."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second = shape.hidden
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(shape.inputs, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU())
            for _ in range(N_EXPERTS)
        )
        self.gates = nn.ModuleList(nn.Linear(shape.inputs, N_EXPERTS) for _ in range(shape.tasks))
        self.heads = nn.ModuleList(nn.Linear(second, 1) for _ in range(shape.tasks))

    def forward(self, x: Tensor) -> Tensor:
        experts = torch.stack([expert(x) for expert in self.experts], dim=1)
        outputs = []
        for gate, head in zip(self.gates, self.heads, strict=True):
            weights = torch.softmax(gate(x), dim=-1).unsqueeze(-1)
            outputs.append(head((weights * experts).sum(dim=1)))
        return torch.cat(outputs, dim=-1)


def torch_loop(shape: Shape, make: Callable[[Shape], nn.Module]) -> Callable[[], None]:
    X, y = (torch.from_numpy(a) for a in shape.data())

    def fit() -> None:
        net = make(shape)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
        for _ in range(shape.epochs):
            for rows in torch.randperm(shape.rows).split(shape.batch):
                optimizer.zero_grad()
                ((net(X[rows]) - y[rows]) ** 2).mean(0).sum().backward()
                optimizer.step()

    return fit


def matrix_products(shape: Shape) -> Callable[[], None]:
    """Compute only the products of experts, gates, mixing and heads, forward and backward, for the same steps."""
    (first, second), tasks, size = shape.hidden, shape.tasks, shape.batch
    X = torch.from_numpy(shape.data()[0])
    weight_1 = torch.randn(N_EXPERTS, shape.inputs, first)
    weight_2 = torch.randn(N_EXPERTS, first, second)
    gate_weight = torch.randn(shape.inputs, tasks * N_EXPERTS)
    head_weight = torch.randn(tasks, second, 1)
    # intermediate values are given, so that only the products are computed
    hidden, experts = torch.randn(N_EXPERTS, size, first), torch.randn(N_EXPERTS, size, second)
    gates, mixed = torch.randn(size, tasks, N_EXPERTS), torch.randn(tasks, size, second)
    error = torch.randn(tasks, size, 1)

    @torch.no_grad()
    def products() -> None:
        for _ in range(shape.epochs):
            for start in range(0, shape.rows, size):
                x = X[start : start + size]
                n = len(x)
                h, e, g, m, d = hidden[:, :n], experts[:, :n], gates[:n], mixed[:, :n], error[:, :n]
                each = x.expand(N_EXPERTS, n, shape.inputs)
                torch.bmm(each, weight_1)
                torch.bmm(h, weight_2)
                torch.mm(x, gate_weight)
                torch.bmm(g, e.transpose(0, 1))
                torch.bmm(m, head_weight)
                # backward: one product for the weight and, except for the inputs, one for the input of the layer
                torch.bmm(m.transpose(1, 2), d)
                torch.bmm(d, head_weight.transpose(1, 2))
                torch.bmm(g.transpose(1, 2), m.transpose(0, 1))
                torch.bmm(m.transpose(0, 1), e.permute(1, 2, 0))
                torch.mm(x.T, g.flatten(1))
                torch.bmm(h.transpose(1, 2), e)
                torch.bmm(e, weight_2.transpose(1, 2))
                torch.bmm(each.transpose(1, 2), h)

    return products


def ours(shape: Shape) -> Callable[[], None]:
    X, y = shape.data()
    estimator = MultiTaskNetRegressor(
        trunk=MLP(hidden_sizes=shape.hidden),
        architecture=MMoE(n_experts=N_EXPERTS),
        batch_size=shape.batch,
        max_epochs=shape.epochs,
        early_stopping=False,
        device="cpu",
        random_state=0,
    )
    return lambda: estimator.fit(X, y)


def run(rounds: int) -> dict[str, Any]:
    """Print and return fit times with one thread.

    Parameters
    ----------
    rounds : int
        Timed rounds.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    shape = SHAPES["A"]
    contenders = {
        OURS: ours(shape),
        BATCHED: torch_loop(shape, BatchedExperts),
        "lean torch loop, experts in turn": torch_loop(shape, ExpertsInTurn),
        PRODUCTS: matrix_products(shape),
    }
    title = f"fit, MMoE({N_EXPERTS}), 1 torch thread: {shape}"
    rows = table(title, run_in_turn(contenders, rounds))
    torch.set_num_threads(before)
    ratios = {row["contender"]: row["ours_over_it"] for row in rows}
    print(f"target: at most 1.3 x the batched loop: {'met' if ratios[BATCHED] <= 1.3 else 'not met'}")
    return {"title": title, "rows": rows}
