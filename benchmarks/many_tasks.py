"""Epochs and memory of 2,000,000 labels: of 100 tasks as an array, and of 100 to 10,000 tasks stored sparsely.

All problems have 100,000 rows of 32 inputs and the same number of labels, 20 for each row. The array of 100 tasks
is therefore four fifths NaN: as many rows go through the trunk. "100 tasks of 20,000 full rows" has as many labels
too, but a fifth of the rows; it is shown beside. Every fit runs in a process of its own, for its peak of memory,
on one thread. An epoch is the difference of fits of five epochs and of two, in seconds of the processor.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np
import torch
from _harness import save
from scipy.sparse import csr_array

from sklearn_mtl import MultiTaskNetEstimator, Targets

ROWS, INPUTS, LABELS_OF_ROW = 100_000, 32, 20
FEW_EPOCHS, MORE_EPOCHS = 2, 5
# name: tasks, rows, form of y, batch size
CONTENDERS: dict[str, tuple[int, int, str, Any]] = {
    "100 tasks, array, 80 % NaN": (100, ROWS, "array", "auto"),
    "100 tasks, array, 80 % NaN, batch 2048": (100, ROWS, "array", 2048),
    "100 tasks of 20,000 full rows": (100, ROWS * LABELS_OF_ROW // 100, "full", "auto"),
    "100 tasks, sparse": (100, ROWS, "sparse", "auto"),
    "1,000 tasks, sparse": (1_000, ROWS, "sparse", "auto"),
    "10,000 tasks, sparse": (10_000, ROWS, "sparse", "auto"),
    "10,000 tasks, sparse, batch 256": (10_000, ROWS, "sparse", 256),
}


def data(n_tasks: int, n_rows: int, form: str) -> tuple[np.ndarray, Any]:
    """Make inputs, and classes that depend on them; made in parts, so that it costs little memory."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, INPUTS), dtype=np.float32)
    W = rng.standard_normal((n_tasks, INPUTS), dtype=np.float32)
    if form == "full":
        return X, (X @ W.T > 0).astype(np.float32)
    step = n_tasks // LABELS_OF_ROW
    tasks = (rng.integers(n_tasks, size=(n_rows, 1)) + np.arange(LABELS_OF_ROW) * step) % n_tasks
    labels = np.empty(tasks.shape, dtype=np.float32)
    for rows in np.array_split(np.arange(n_rows), 100):
        labels[rows] = np.einsum("rd,rld->rl", X[rows], W[tasks[rows]]) > 0
    if form == "array":
        y = np.full((n_rows, n_tasks), np.nan, dtype=np.float32)
        np.put_along_axis(y, tasks, labels, axis=1)
        return X, y
    ends = np.arange(n_rows + 1) * LABELS_OF_ROW
    return X, Targets.from_sparse(csr_array((labels.ravel(), tasks.ravel(), ends), shape=(n_rows, n_tasks)))


def measure(name: str) -> dict[str, float]:
    """Fit twice; return the seconds of an epoch and the peak of memory."""
    n_tasks, n_rows, form, batch_size = CONTENDERS[name]
    X, y = data(n_tasks, n_rows, form)
    seconds = []
    for epochs in (FEW_EPOCHS, MORE_EPOCHS):
        net = MultiTaskNetEstimator(
            n_members=1, ensemble="deep", early_stopping=False, max_epochs=epochs, batch_size=batch_size,
            random_state=0,
        )  # fmt: skip
        start = time.process_time()
        net.fit(X, y)
        seconds.append(time.process_time() - start)
    epoch = (seconds[1] - seconds[0]) / (MORE_EPOCHS - FEW_EPOCHS)
    return {
        "epoch_s": epoch,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=list(CONTENDERS), help="measure one contender in this process")
    arguments = parser.parse_args()
    if arguments.one:
        warnings.simplefilter("ignore")  # whole floats are taken as classes
        torch.set_num_threads(1)
        print(json.dumps(measure(arguments.one)))
        return
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for _ in range(arguments.rounds):
        for name, results in found.items():
            command = [sys.executable, __file__, "--one", name]
            results.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    medians = {
        name: {key: statistics.median(result[key] for result in results) for key in results[0]}
        for name, results in found.items()
    }
    first = next(iter(medians.values()))
    print(f"{'contender':42s}{'epoch s':>9s}{'ratio':>7s}{'peak MB':>9s}")
    for name, values in medians.items():
        values["over_the_first"] = values["epoch_s"] / first["epoch_s"]
        print(f"{name:42s}{values['epoch_s']:9.2f}{values['over_the_first']:7.2f}{values['peak_mb']:9.0f}")
    save("many_tasks", {"rounds": arguments.rounds, "medians": medians})


if __name__ == "__main__":
    main()
