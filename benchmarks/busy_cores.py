"""Fit time beside processes that keep cores busy, compared with the time on a quiet machine.

A fit of several threads waits for the slowest of them in every product. Where another process uses a core, that
can take many times as long. The table has the median times and their ratio for each number of busy processes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from _harness import save
from sklearn.neural_network import MLPRegressor

from sklearn_mtl import MultiTaskNetRegressor
from sklearn_mtl.trunks import MLP

BUSY = "while True: sum(range(10_000))"
ROWS, INPUTS, TASKS = 20_000, 64, 4


@contextmanager
def busy(n_processes: int) -> Iterator[None]:
    """Keep some processes busy."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(n_processes)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def contenders() -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, INPUTS)).astype(np.float32)
    y = np.tanh(X[:, :TASKS]) + 0.1 * rng.standard_normal((ROWS, TASKS)).astype(np.float32)
    ours = {"max_epochs": 3, "early_stopping": False, "device": "cpu", "random_state": 0}
    nets = {
        "sklearn_mtl, defaults": MultiTaskNetRegressor(n_members=1, **ours),
        "sklearn_mtl, (128, 128)": MultiTaskNetRegressor(trunk=MLP((128, 128)), **ours),
        "sklearn_mtl, (512, 512)": MultiTaskNetRegressor(trunk=MLP((512, 512)), **ours),
        "scikit-learn MLPRegressor, (128, 128)": MLPRegressor(
            hidden_layer_sizes=(128, 128), batch_size=256, max_iter=3
        ),
    }
    return {name: lambda net=net: net.fit(X, y) for name, net in nets.items()}


def seconds(fit: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        fit()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # convergence is not required
    fits = contenders()
    for fit in fits.values():
        fit()
    rows = []
    print(f"{'contender':40s}{'quiet s':>10s}{'one busy':>10s}{'ratio':>8s}")
    for name, fit in fits.items():
        quiet = seconds(fit, arguments.rounds)
        with busy(1):
            beside = seconds(fit, arguments.rounds)
        rows.append({"contender": name, "quiet": quiet, "busy": beside, "ratio": beside / quiet})
        print(f"{name:40s}{quiet:10.2f}{beside:10.2f}{beside / quiet:8.2f}", flush=True)
    save("busy_cores", {"rows": rows})


if __name__ == "__main__":
    main()
