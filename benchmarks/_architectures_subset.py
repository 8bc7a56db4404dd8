"""Prediction of one of several tasks against prediction of all."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from _harness import run_in_turn, table

from sklearn_mtl import MultiTaskNetRegressor
from sklearn_mtl.architectures import PLE, Architecture, HardSharing, Independent, MMoE
from sklearn_mtl.trunks import MLP

N_ROWS, N_INPUTS, N_TASKS = 100_000, 64, 8
ARCHITECTURES: dict[str, Architecture] = {
    "Independent": Independent(),
    "MMoE": MMoE(),
    "PLE": PLE(),
    "HardSharing, towers 64": HardSharing(tower_sizes=(64,)),
}


def run(rounds: int) -> dict[str, Any]:
    """Print and return prediction times with one thread.

    Parameters
    ----------
    rounds : int
        Timed rounds.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, N_INPUTS)).astype(np.float32)
    y = {f"task {number}": X[:, number] for number in range(N_TASKS)}
    results = {}
    for name, architecture in ARCHITECTURES.items():
        net = MultiTaskNetRegressor(
            trunk=MLP(),
            architecture=architecture,
            max_epochs=1,
            early_stopping=False,
            device="cpu",
            random_state=0,
        ).fit(X[:2000], {task: column[:2000] for task, column in y.items()})  # fmt: skip
        contenders = {
            'predict(X, tasks=["task 0"])': lambda net=net: net.predict(X, tasks=["task 0"]),
            "predict(X)": lambda net=net: net.predict(X),
        }
        seconds = run_in_turn(contenders, rounds)
        results[name] = table(f"predict {N_ROWS:,} x {N_INPUTS}, {N_TASKS} tasks, {name}", seconds)
    torch.set_num_threads(before)
    return results
