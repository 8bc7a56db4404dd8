"""Time of a fit by two processes on two cores (gloo), compared with one process of one and of two threads.

All contenders make the same steps: the batch of one process is the sum of those of two. They run in turn, in the
same two processes; the second one waits while the first one fits alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _harness import save, table
from torch import distributed

from sklearn_mtl import MultiTaskNetRegressor
from sklearn_mtl.trunks import MLP

TASKS = 4
#: rows, inputs, hidden layers, rows in a step of both processes, epochs
SHAPES = {
    "small steps": (20_000, 64, (128, 128), 512, 2),
    "large steps": (30_000, 64, (512, 512), 4096, 1),
    "wide network": (8_000, 64, (1024, 1024), 2048, 1),
}


def net(hidden: tuple[int, ...], batch: int, epochs: int, device: str) -> MultiTaskNetRegressor:
    return MultiTaskNetRegressor(
        trunk=MLP(hidden), n_members=1, batch_size=batch, max_epochs=epochs, early_stopping=False, device=device,
        random_state=0,
    )  # fmt: skip


def seconds_of(fit: Callable[[], object], alone: bool, threads: int) -> float:
    """Time a fit by both processes, or by the first one while the other waits."""
    rank = distributed.get_rank()
    torch.set_num_threads(threads)
    distributed.barrier()
    start = time.perf_counter()
    if rank == 0 or not alone:
        fit()
    distributed.barrier()
    seconds = time.perf_counter() - start
    torch.set_num_threads(1)
    return seconds


def of_shape(rows: int, inputs: int, hidden: tuple[int, ...], batch: int, epochs: int, rounds: int) -> dict:
    """Time all contenders for one shape, in turn, after a round that is not timed."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, inputs), dtype=np.float32)
    y = np.tanh(X @ rng.standard_normal((inputs, TASKS), dtype=np.float32))
    one, two = net(hidden, batch, epochs, "cpu"), net(hidden, batch // 2, epochs, "cpu:*")
    contenders = {
        "two processes": (partial(two.fit, X, y), False, 1),
        "one process": (partial(one.fit, X, y), True, 1),
        "one process, two threads": (partial(one.fit, X, y), True, 2),
    }
    timed = [{name: seconds_of(*how) for name, how in contenders.items()} for _ in range(rounds + 1)][1:]
    shape = {"rows": rows, "inputs": inputs, "hidden": hidden, "batch": batch, "epochs": epochs}
    result = {"shape": shape, "seconds": {name: [seconds[name] for seconds in timed] for name in contenders}}
    if distributed.get_rank() == 0:
        result["largest_difference"] = float(np.abs(one.predict(X[:1000]) - two.predict(X[:1000])).max())
    return result


def measure(rank: int, folder: str, rounds: int) -> None:
    """Run all contenders as one of two processes; the first one writes the seconds."""
    group = {"init_method": f"file://{folder}/group", "rank": rank, "world_size": 2}
    distributed.init_process_group("gloo", timeout=timedelta(minutes=3), **group)
    results = {name: of_shape(*shape, rounds) for name, shape in SHAPES.items()}
    if rank == 0:
        (Path(folder) / "found.json").write_text(json.dumps(results))
    distributed.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        processes = [
            context.Process(target=measure, args=(rank, folder, rounds), daemon=True) for rank in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        found = json.loads((Path(folder) / "found.json").read_text())
    for name, entry in found.items():
        entry["fit"] = table(f"{name}: {entry['shape']}", entry.pop("seconds"), unit=1.0)
    save("data_parallel", {"shapes": found})


if __name__ == "__main__":
    main()
