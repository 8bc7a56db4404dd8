"""Stacked search of task weights, compared with scikit-learn's search of the same estimator and of a skorch net.

27 candidates x 3 folds, two processes, no refit. Medians of rounds in turn, and peak memory of this process and of
its largest worker.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import skorch
import torch
from _harness import run_in_turn, save, table
from sklearn.model_selection import GridSearchCV, KFold
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.trunks import MLP

ROWS, INPUTS, EPOCHS, FOLDS, N_JOBS = 5_000, 20, 10, 3, 2
WEIGHTS = (0.3, 1.0, 3.0)
TASKS = ("number", "binary", "three")


@dataclass(frozen=True)
class Shape:
    hidden: tuple[int, int]
    batch: int


SHAPES = {"32": Shape((32, 32), 32), "64": Shape((64, 64), 64), "256": Shape((256, 256), 256)}


def data() -> tuple[np.ndarray, np.ndarray]:
    """Make inputs, and a number, a binary label and a label of three classes as columns."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, INPUTS)).astype(np.float32)
    signal = np.tanh(X @ rng.standard_normal((INPUTS, 5)) / 3) + 0.3 * rng.standard_normal((ROWS, 5))
    columns = [signal[:, 0], signal[:, 1] > 0, signal[:, 2:].argmax(axis=1)]
    return X, np.column_stack(columns).astype(np.float32)


def targets(y: np.ndarray) -> Targets:
    return Targets(number=y[:, 0], binary=y[:, 1].astype(int), three=y[:, 2].astype(int))


def estimator(shape: Shape) -> MultiTaskNetEstimator:
    return MultiTaskNetEstimator(
        trunk=MLP(hidden_sizes=shape.hidden), batch_size=shape.batch, max_epochs=EPOCHS, early_stopping=False,
        device="cpu", random_state=0,
    )  # fmt: skip


GRID = {f"task_weights__{name}": list(WEIGHTS) for name in TASKS}
SEARCH = {"cv": KFold(FOLDS), "n_jobs": N_JOBS, "refit": False}


def stacked(shape: Shape) -> Callable[[], Any]:
    X, y = data()
    return lambda: TaskWeightSearchCV(estimator(shape), GRID, **SEARCH).fit(X, targets(y))


def one_by_one(shape: Shape) -> Callable[[], Any]:
    X, y = data()
    return lambda: GridSearchCV(estimator(shape), GRID, **SEARCH).fit(X, targets(y))


# -- the same network in plain skorch


class Net(nn.Module):
    def __init__(self, hidden: tuple[int, int]) -> None:
        super().__init__()
        first, second = hidden
        self.trunk = nn.Sequential(nn.Linear(INPUTS, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU())
        self.heads = nn.ModuleDict(
            {"number": nn.Linear(second, 1), "binary": nn.Linear(second, 1), "three": nn.Linear(second, 3)}
        )

    def forward(self, X: torch.Tensor) -> dict[str, torch.Tensor]:
        z = self.trunk(X)
        return {name: head(z) for name, head in self.heads.items()}


class WeightedLoss(nn.Module):
    def __init__(self, number: float = 1.0, binary: float = 1.0, three: float = 1.0) -> None:
        super().__init__()
        self.number, self.binary, self.three = number, binary, three

    def forward(self, outputs: dict[str, torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        return (
            self.number * nn.functional.mse_loss(outputs["number"][:, 0], y[:, 0])
            + self.binary * nn.functional.binary_cross_entropy_with_logits(outputs["binary"][:, 0], y[:, 1])
            + self.three * nn.functional.cross_entropy(outputs["three"], y[:, 2].long())
        )


class PlainNet(skorch.NeuralNet):
    """Plain skorch, with a score of the three tasks."""

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        parts: dict[str, list[np.ndarray]] = {name: [] for name in TASKS}
        for outputs in self.forward_iter(X):
            for name, output in outputs.items():
                parts[name].append(output.numpy(force=True))
        number, binary, three = (np.concatenate(parts[name]) for name in TASKS)
        r2 = 1 - ((number[:, 0] - y[:, 0]) ** 2).mean() / y[:, 0].var()
        accuracies = ((binary[:, 0] > 0) == y[:, 1]).mean(), (three.argmax(axis=1) == y[:, 2]).mean()
        return float(np.mean([r2, *accuracies]))


def plain_skorch(shape: Shape, n_candidates: int) -> Callable[[], Any]:
    X, y = data()
    candidates = list(itertools.product(WEIGHTS, repeat=len(TASKS)))
    spread = [candidates[i * len(candidates) // n_candidates] for i in range(n_candidates)]
    grid = [
        {f"criterion__{name}": [weight] for name, weight in zip(TASKS, weights, strict=True)} for weights in spread
    ]

    def search() -> Any:
        torch.manual_seed(0)
        net = PlainNet(
            Net, WeightedLoss, module__hidden=shape.hidden, optimizer=torch.optim.AdamW, lr=1e-3, verbose=0,
            max_epochs=EPOCHS, batch_size=shape.batch, iterator_train__shuffle=True, train_split=None,
        )  # fmt: skip
        return GridSearchCV(net, grid, **SEARCH).fit(X, y)

    return search


# -- runs


def measure_memory(contender: str, shape: Shape) -> None:
    {"stacked": stacked, "one by one": one_by_one, "skorch": lambda shape: plain_skorch(shape, N_JOBS)}[contender](
        shape
    )()
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)  # the system counts children only after they have ended
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    print(*(resource.getrusage(one).ru_maxrss / 2**10 for one in who))


def peak_memory(name: str) -> dict[str, dict[str, float]]:
    """Search once in a separate process; measure its peak memory and that of its largest worker."""
    peaks = {}
    print(f"\n{f'peak memory, {SHAPES[name]}':64s}{'process MiB':>14s}{'worker MiB':>14s}")
    for contender in ("stacked", "one by one", "skorch"):
        command = [sys.executable, __file__, "--memory", contender, "--shape", name]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        process, worker = (float(number) for number in ran.stdout.split()[-2:])
        peaks[contender] = {"process_mib": process, "worker_mib": worker}
        print(f"{contender:64s}{process:14.0f}{worker:14.0f}", flush=True)
    return peaks


def measure(name: str, rounds: int, skorch_rounds: int, skorch_candidates: int) -> dict[str, Any]:
    shape = SHAPES[name]
    n_candidates = len(WEIGHTS) ** len(TASKS)
    seconds = run_in_turn(
        {"TaskWeightSearchCV": stacked(shape), "GridSearchCV, same estimator": one_by_one(shape)}, rounds
    )
    if skorch_rounds:
        scale = n_candidates / skorch_candidates
        label = "GridSearchCV, skorch as it comes"
        if scale > 1:
            label += f" ({skorch_candidates} x {scale:g})"
            print(f"\nskorch trains {skorch_candidates} of {n_candidates} candidates; its time is scaled up.")
        contender = {label: plain_skorch(shape, skorch_candidates)}
        seconds[label] = [scale * value for value in run_in_turn(contender, skorch_rounds)[label]]
    ours, theirs = (statistics.median(values) for values in list(seconds.values())[:2])
    title = f"{n_candidates} candidates x {FOLDS} folds, {N_JOBS} processes: {shape}"
    rows = table(title, seconds, unit=1.0)
    print(f"{theirs / ours:.2f} x as fast as GridSearchCV of the same estimator")
    report = stacked(shape)().stack_report_
    for entry in report:
        print(f"  {entry['n_fits']} fits in {entry['n_stacks']} stacks: {entry['reason'] or 'stacked'}")
    return {"title": title, "seconds": rows, "report": report}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skorch-rounds", type=int, default=1, help="rounds of the skorch net; 0 leaves it out")
    parser.add_argument("--skorch-candidates", type=int, default=3, help="candidates of the skorch net, of 27")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="shapes to measure; all by default")
    parser.add_argument("--memory", help="measure the memory of a contender, for the script's own use")
    arguments = parser.parse_args()
    shapes = arguments.shape or list(SHAPES)
    if arguments.memory:
        measure_memory(arguments.memory, SHAPES[shapes[0]])
        return
    options = arguments.rounds, arguments.skorch_rounds, arguments.skorch_candidates
    # before the rounds, because a new process inherits the peak memory of its parent
    memory = {name: peak_memory(name) for name in shapes}
    save("grid_search", {"search": {name: measure(name, *options) for name in shapes}, "memory": memory})


if __name__ == "__main__":
    main()
