"""An ensemble of eight: its cost compared with one fit, and its test loss compared with its members'."""

from __future__ import annotations

import argparse
import statistics

import numpy as np
import pandas as pd
from _datasets import TABLES, Table
from _harness import run_in_turn, save, table
from fit_speed import SHAPES
from sklearn.metrics import log_loss

from sklearn_mtl import MultiTaskNetEstimator, MultiTaskNetRegressor
from sklearn_mtl.tasks import Task
from sklearn_mtl.trunks import MLP

MEMBERS = 8


def cost(rounds: int) -> list[dict]:
    """Time one fit and an ensemble of eight, hidden (64, 64), batches of 64."""
    shape = SHAPES["B"]
    X, y = shape.data()
    params = {
        "trunk": MLP(hidden_sizes=shape.hidden), "batch_size": shape.batch, "max_epochs": shape.epochs,
        "early_stopping": False, "device": "cpu", "random_state": 0,
    }  # fmt: skip
    contenders = {
        f"ensemble of {MEMBERS}": lambda: MultiTaskNetRegressor(n_members=MEMBERS, **params).fit(X, y),
        "one fit": lambda: MultiTaskNetRegressor(n_members=1, **params).fit(X, y),
    }
    return table(f"fit: {shape}", run_in_turn(contenders, rounds))


def loss(task: Task, output: np.ndarray, y: pd.Series) -> float:
    """Squared error in standard deviations of the target, or log loss, over the labelled rows."""
    labelled = y.notna().to_numpy()
    if task.kind == "regression":
        error = (task.decode(output)[labelled] - y[labelled]) / task.scale_[0]
        return float(np.mean(error**2))
    return float(log_loss(y[labelled], task.decode_proba(output)[labelled], labels=task.classes_))


def test_losses(data: Table) -> dict[str, float]:
    """Fit an ensemble with defaults; return the mean over tasks of its test loss and of its members'."""
    net = MultiTaskNetEstimator(n_members=MEMBERS, random_state=0).fit(data.X, data.y)
    outputs = net._model.member_outputs(data.X_test, net.task_names_, net)
    ensemble, members = [], []
    for name, by_member in outputs.items():
        task, y = net.tasks_[name], data.y_test[name]
        ensemble.append(loss(task, task.average(by_member), y))
        members.append([loss(task, output, y) for output in by_member])
    alone = np.mean(members, axis=0)
    return {
        "ensemble": statistics.mean(ensemble),
        "mean of members": float(alone.mean()),
        "best member": float(alone.min()),
        "worst member": float(alone.max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", choices=TABLES, default=list(TABLES), help="data sets to run")
    arguments = parser.parse_args()
    timed = cost(arguments.rounds)
    columns = ["ensemble", "mean of members", "best member", "worst member"]
    print(f"\ntest loss, mean over tasks\n{'data set':22s}" + "".join(f"{c:>17s}" for c in columns))
    losses = {}
    for name in arguments.only:
        losses[name] = test_losses(TABLES[name]())
        print(f"{name:22s}" + "".join(f"{losses[name][column]:17.4f}" for column in columns), flush=True)
    save("ensemble", {"cost": timed, "test_loss": losses})


if __name__ == "__main__":
    main()
