"""Weightings: cost of a step, and test scores.

``--part cost`` times a step of every weighting against plain summing with 2, 4 and 16 tasks (fit-speed shape A),
and TorchJD's own ``mtl_backward`` in a lean loop, and LibMTL's PCGrad if LibMTL can be imported. ``--part
quality`` compares test scores with tuned fixed weights and with single-task nets, see ``_balancing_quality.py``.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from _balancing_quality import quality
from _harness import run_in_turn, save
from fit_speed import SHAPES, Net, Shape
from torch.nn.functional import mse_loss
from torchjd.aggregation import UPGrad as JacobianUPGrad
from torchjd.autojac import jac_to_grad, mtl_backward

from sklearn_mtl import MultiTaskNetRegressor
from sklearn_mtl.trunks import MLP
from sklearn_mtl.weighting import MGDA, CAGrad, NashMTL

# Maximum cost of a step with 4 tasks, relative to plain summing.
LIMITS = {
    "uncertainty": 1.2, "geometric_mean": 1.2, "dynamic_weight_average": 1.2, "random_weighting": 1.2, "stch": 1.2,
    "famo": 1.5, "grad_norm": None, "imtlg": 1.5, "aligned_mtl": 1.5, "pcgrad": 1.8, "upgrad": 1.8,
    "mgda": 2.5, "cagrad": 2.5, "nash_mtl": 2.5,
    "mgda, every 10": 1.2, "cagrad, every 10": 1.2, "nash_mtl, every 10": 1.2,
}  # fmt: skip
EVERY_TENTH = {"mgda": MGDA, "cagrad": CAGrad, "nash_mtl": NashMTL}


def ours(shape: Shape, weighting: Any) -> Callable[[], Any]:
    X, y = shape.data()
    estimator = MultiTaskNetRegressor(
        trunk=MLP(hidden_sizes=shape.hidden),
        weighting=weighting,
        batch_size=shape.batch,
        max_epochs=shape.epochs,
        early_stopping=False,
        device="cpu",
        random_state=0,
    )
    return lambda: estimator.fit(X, y)


def lean_loop(shape: Shape, step: Callable[[Net, torch.Tensor, list[torch.Tensor]], None]) -> Callable[[], None]:
    """Train the same net in a plain loop; ``step`` computes the gradients from features and losses."""
    X, y = (torch.from_numpy(a) for a in shape.data())

    def fit() -> None:
        net = Net(shape)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
        for _ in range(shape.epochs):
            for rows in torch.randperm(shape.rows).split(shape.batch):
                optimizer.zero_grad()
                features = net.trunk(X[rows])
                losses = [mse_loss(head(features)[:, 0], y[rows, task]) for task, head in enumerate(net.heads)]
                step(net, features, losses)
                optimizer.step()

    return fit


def plain_sum(net: Net, features: torch.Tensor, losses: list[torch.Tensor]) -> None:
    sum(losses).backward()


def torchjd_upgrad(net: Net, features: torch.Tensor, losses: list[torch.Tensor]) -> None:
    mtl_backward(losses, features)
    jac_to_grad(net.trunk.parameters(), JacobianUPGrad())


def libmtl_pcgrad() -> Callable[[Net, torch.Tensor, list[torch.Tensor]], None] | None:
    """Make a step of LibMTL's PCGrad; None, with the reason printed, if LibMTL cannot be imported."""
    try:
        from LibMTL.weighting import PCGrad
    except ImportError as error:
        print(f"LibMTL is left out: {error}")
        return None

    def step(net: Net, features: torch.Tensor, losses: list[torch.Tensor]) -> None:
        method = PCGrad()
        method.task_num, method.device, method.rep_grad = len(losses), features.device, False
        method.task_name = list(range(len(losses)))
        method.get_share_params = net.trunk.parameters
        method.zero_grad_share_params = lambda: net.trunk.zero_grad(set_to_none=False)
        method.backward(losses)

    return step


def cost(n_tasks: int, rounds: int) -> list[dict[str, Any]]:
    """Time fits with each weighting, and print the cost of a step relative to plain summing."""
    shape = replace(SHAPES["A"], tasks=n_tasks, epochs=2)
    contenders: dict[str, Callable[[], Any]] = {"static": ours(shape, "static")}
    contenders |= {name: ours(shape, name) for name in LIMITS if "every" not in name}
    contenders |= {f"{name}, every 10": ours(shape, spec(every=10)) for name, spec in EVERY_TENTH.items()}
    contenders["lean loop, plain sum"] = lean_loop(shape, plain_sum)
    contenders["lean loop, TorchJD mtl_backward, UPGrad"] = lean_loop(shape, torchjd_upgrad)
    libmtl = libmtl_pcgrad()
    if libmtl is not None:
        contenders["lean loop, LibMTL PCGrad"] = lean_loop(shape, libmtl)
    seconds = run_in_turn(contenders, rounds)
    steps = shape.epochs * -(-shape.rows // shape.batch)
    base = statistics.median(seconds["static"])
    print(f"\nstep with {n_tasks} tasks, {torch.get_num_threads()} torch threads: {shape}")
    print(f"{'weighting':42s}{'ms / step':>10s}{'x plain':>9s}{'limit':>7s}")
    rows = []
    for name, values in seconds.items():
        median = statistics.median(values)
        limit = LIMITS.get(name) if n_tasks == 4 else None
        verdict = "" if limit is None else f"{limit:7.1f} {'met' if median / base <= limit else 'not met'}"
        print(f"{name:42s}{median / steps * 1e3:10.2f}{median / base:9.2f}{verdict}")
        rows.append({"weighting": name, "seconds": values, "x_plain": median / base, "limit": limit})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["cost", "quality", "all"], default="all")
    parser.add_argument("--tasks", nargs="*", type=int, default=[2, 4, 16])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", nargs="*", default=["parkinsons", "communities_crime", "adult"])
    arguments = parser.parse_args()
    if arguments.part in ("cost", "all"):
        torch.set_num_threads(1)
        save("balancing_cost", {str(n): cost(n, arguments.rounds) for n in arguments.tasks})
    if arguments.part in ("quality", "all"):
        for name in arguments.data:
            save(f"balancing_{name}", quality(name, range(arguments.seeds)))


if __name__ == "__main__":
    main()
