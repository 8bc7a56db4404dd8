"""Search on a Dask cluster, compared with two processes of joblib; one worker is killed in the middle.

27 candidates x 3 folds on a `LocalCluster` of four workers with one thread each. The scores should be those of one
process, to the last bit.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from _harness import run_in_turn, save, table
from distributed import Client, LocalCluster
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.protocol import pickle
from grid_search import EPOCHS, GRID, SHAPES, Shape, data, estimator, targets
from joblib import parallel_config
from sklearn.model_selection import KFold

from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.model_selection._workers import DaskWorkers

WORKERS, FOLDS = 4, 3


class Kills(WorkerPlugin):
    """Write a file for each stack that starts, and kill the worker of the first one after some seconds."""

    name = "kills"
    idempotent = False

    def __init__(self, folder: str, after: float) -> None:
        self.folder, self.after = Path(folder), after

    def transition(self, key: Any, start: str, finish: str, **kwargs: Any) -> None:
        """Note that a call starts."""
        if finish != "executing" or not str(key).startswith("batch_of"):
            return
        (self.folder / f"{uuid.uuid4().hex}.call").write_text(str(key))
        try:
            (self.folder / "killed").touch(exist_ok=False)
        except FileExistsError:
            return
        threading.Timer(self.after, os.kill, (os.getpid(), signal.SIGKILL)).start()


def search(shape: Shape, epochs: int, rows: int, n_jobs: int | None = None) -> TaskWeightSearchCV:
    X, y = data()
    net = estimator(shape).set_params(max_epochs=epochs)
    tried = TaskWeightSearchCV(net, GRID, cv=KFold(FOLDS), n_jobs=n_jobs, refit=False)
    return tried.fit(X[:rows], targets(y[:rows]))


def on_dask(shape: Shape, epochs: int, rows: int) -> TaskWeightSearchCV:
    with parallel_config("dask"):
        return search(shape, epochs, rows)


def scores(tried: TaskWeightSearchCV) -> dict[str, np.ndarray]:
    return {name: values for name, values in tried.cv_results_.items() if "_test_" in name}


def is_equal(first: TaskWeightSearchCV, second: TaskWeightSearchCV) -> bool:
    """Return whether all scores of two searches are equal to the last bit."""
    ours, theirs = scores(first), scores(second)
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[k], theirs[k], equal_nan=True) for k in ours)


def n_stacks(tried: TaskWeightSearchCV) -> int:
    return sum(entry["n_stacks"] for entry in tried.stack_report_)


def with_a_killed_worker(
    client: Client, expected: TaskWeightSearchCV, shape: Shape, epochs: int, rows: int, after: float
) -> dict[str, Any]:
    """Search while a worker is killed; count the stacks that were trained twice."""
    with tempfile.TemporaryDirectory() as folder:
        client.register_plugin(Kills(folder, after))
        try:
            tried = on_dask(shape, epochs, rows)
        finally:
            client.unregister_worker_plugin("kills")
        started = [path.read_text() for path in Path(folder).glob("*.call")]
    return {
        "equal": is_equal(tried, expected),
        "stacks": n_stacks(tried),
        "started": len(started),
        "repeated": len(started) - len(set(started)),
    }


def bytes_sent(shape: Shape, epochs: int, rows: int) -> dict[str, int]:
    """Measure what a search sends: the rows of the folds, and the calls without them."""
    sent = {"rows": 0, "n_rows": 0, "calls": 0, "n_calls": 0}
    put, run = DaskWorkers.put, DaskWorkers.run

    def counted_put(pool: DaskWorkers, value: Any) -> Any:
        sent["rows"] += len(pickle.dumps(value))
        sent["n_rows"] += 1
        return put(pool, value)

    def counted_run(pool: DaskWorkers, function: Any, calls: Any) -> Any:
        sent["calls"] += sum(len(pickle.dumps(call[:3])) for call in calls)
        sent["n_calls"] += len(calls)
        return run(pool, function, calls)

    try:
        DaskWorkers.put, DaskWorkers.run = counted_put, counted_run  # type: ignore[method-assign]
        on_dask(shape, epochs, rows)
    finally:
        DaskWorkers.put, DaskWorkers.run = put, run  # type: ignore[method-assign]
    return sent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shape", choices=SHAPES, default="64")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--rows", type=int, default=5_000)
    arguments = parser.parse_args()
    size = SHAPES[arguments.shape], arguments.epochs, arguments.rows
    options: dict[str, Any] = {"n_workers": WORKERS, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        seconds = run_in_turn(
            {"Dask, four workers": lambda: on_dask(*size), "n_jobs=2": lambda: search(*size, n_jobs=2)},
            arguments.rounds,
        )
        rows = table(f"27 candidates x {FOLDS} folds, {size[0]}", seconds, unit=1.0)
        alone, two, cluster_search = search(*size), search(*size, n_jobs=2), on_dask(*size)
        found = {
            "seconds": rows,
            "dask_over_two_processes": rows[0]["median_s"] / rows[1]["median_s"],
            "equal_to_one_process": {"dask": is_equal(cluster_search, alone), "n_jobs=2": is_equal(two, alone)},
            "bytes": bytes_sent(*size),
            "killed": with_a_killed_worker(client, alone, *size, after=statistics.median(seconds["n_jobs=2"]) / 8),
        }
    for name, value in found.items():
        print(f"{name}: {value}")
    save("cluster", found)


if __name__ == "__main__":
    main()
