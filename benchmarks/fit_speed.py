"""Fit time compared with a lean torch loop, plain skorch, and scikit-learn: same net, batches and epochs."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import skorch
import torch
from _harness import run_in_turn, save, table
from sklearn.neural_network import MLPRegressor
from torch import nn

from sklearn_mtl import MultiTaskNetRegressor
from sklearn_mtl.trunks import MLP


@dataclass(frozen=True)
class Shape:
    rows: int
    inputs: int
    tasks: int
    hidden: tuple[int, int]
    batch: int
    epochs: int

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.rows, self.inputs)).astype(np.float32)
        W = rng.standard_normal((self.inputs, self.tasks)).astype(np.float32)
        y = np.tanh(X @ W) + 0.1 * rng.standard_normal((self.rows, self.tasks)).astype(np.float32)
        return X, y.astype(np.float32)


SHAPES = {
    "A": Shape(20_000, 64, 4, (128, 128), 256, 5),
    "B": Shape(5_000, 20, 3, (64, 64), 64, 10),
}


class Net(nn.Module):
    """The same network everywhere: two hidden layers, one head per task, outputs by task."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second = shape.hidden
        self.trunk = nn.Sequential(nn.Linear(shape.inputs, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU())
        self.heads = nn.ModuleList(nn.Linear(second, 1) for _ in range(shape.tasks))

    def forward(self, x: torch.Tensor) -> dict[int, torch.Tensor]:
        z = self.trunk(x)
        return {task: head(z) for task, head in enumerate(self.heads)}


class SumOfLosses(nn.Module):
    def forward(self, outputs: dict[int, torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        return sum(nn.functional.mse_loss(output[:, 0], y[:, task]) for task, output in outputs.items())


class FusedNet(Net):
    """The heads as one product."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.heads = nn.Linear(shape.hidden[1], shape.tasks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.heads(self.trunk(x))


def torch_loop(shape: Shape, fused: bool) -> Callable[[], None]:
    X, y = (torch.from_numpy(a) for a in shape.data())

    def fit() -> None:
        net = FusedNet(shape) if fused else Net(shape)
        loss_of = (lambda out, y: ((out - y) ** 2).mean(0).sum()) if fused else SumOfLosses()
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
        for _ in range(shape.epochs):
            for rows in torch.randperm(shape.rows).split(shape.batch):
                optimizer.zero_grad()
                loss_of(net(X[rows]), y[rows]).backward()
                optimizer.step()

    return fit


def ours(shape: Shape) -> Callable[[], None]:
    X, y = shape.data()
    estimator = MultiTaskNetRegressor(
        trunk=MLP(hidden_sizes=shape.hidden),
        batch_size=shape.batch,
        max_epochs=shape.epochs,
        early_stopping=False,
        device="cpu",
        random_state=0,
    )
    return lambda: estimator.fit(X, y)


def plain_skorch(shape: Shape) -> Callable[[], None]:
    X, y = shape.data()

    def fit() -> None:
        skorch.NeuralNet(
            Net, SumOfLosses, module__shape=shape, optimizer=torch.optim.AdamW, lr=1e-3, verbose=0,
            max_epochs=shape.epochs, batch_size=shape.batch, iterator_train__shuffle=True, train_split=None,
        ).fit(X, y)  # fmt: skip

    return fit


def scikit_learn(shape: Shape) -> Callable[[], None]:
    X, y = shape.data()

    def fit() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # convergence is not required
            MLPRegressor(
                hidden_layer_sizes=shape.hidden, batch_size=shape.batch, max_iter=shape.epochs,
                n_iter_no_change=shape.epochs, random_state=0,
            ).fit(X, y)  # fmt: skip

    return fit


def peak_memory() -> dict[str, float]:
    """Fit 1,000,000 x 64 float32 in a separate process; measure the peak memory beyond X, in sizes of X."""
    ran = subprocess.run([sys.executable, __file__, "--memory"], capture_output=True, text=True, check=True)
    x_mib, grown_mib = (float(number) for number in ran.stdout.split()[-2:])
    print(
        f"\nmemory: X {x_mib:.0f} MiB, peak grew by {grown_mib:.0f} MiB during fit ({grown_mib / x_mib:.2f} x X)"
    )
    return {"x_mib": x_mib, "grown_mib": grown_mib}


def measure_memory(rows: int = 1_000_000) -> None:
    X = np.random.default_rng(0).standard_normal((rows, 64), dtype=np.float32)
    y = X[:, :4].copy()
    small = MultiTaskNetRegressor(trunk=MLP(), batch_size=256, max_epochs=1, early_stopping=False, device="cpu")
    small.fit(X[:1000], y[:1000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    small.set_params(batch_size=4096).fit(X, y)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(X.nbytes / 2**20, (after - before) / 2**10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", action="store_true", help="measure memory only, for the script's own use")
    arguments = parser.parse_args()
    if arguments.memory:
        measure_memory()
        return
    results = {}
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        for name, shape in SHAPES.items():
            contenders = {
                "sklearn_mtl": ours(shape),
                "lean torch loop, a head per task": torch_loop(shape, fused=False),
                "lean torch loop, heads as one product": torch_loop(shape, fused=True),
                "skorch as it comes": plain_skorch(shape),
                "scikit-learn MLPRegressor": scikit_learn(shape),
            }
            title = f"fit, shape {name}, {threads} torch threads: {shape}"
            results[title] = table(title, run_in_turn(contenders, arguments.rounds))
    save("fit_speed", {"fit": results, "memory": peak_memory()})


if __name__ == "__main__":
    main()
