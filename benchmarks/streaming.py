"""What does training on rows that are read from disk cost, beside the same rows in memory?

Rows of 32 numbers with three tasks, some labels missing, are written to Parquet files in a temporary folder. Each
contender runs in a process of its own, so that its peak of resident memory can be read: a stream of all rows, a
stream of the rows that also fit into memory, and those in memory. The rate is rows of an epoch over its seconds,
without the first pass; the score is that of rows that none of them has seen.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from _harness import save

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.streaming import Stream
from sklearn_mtl.trunks import MLP

N_COLUMNS, FILE_ROWS, TEST_ROWS = 32, 500_000, 50_000
TASKS = ["amount", "kind", "flag"]
COLUMNS = [f"x{column}" for column in range(N_COLUMNS)]
# the rates of one contender vary by this share of the epochs
EPOCHS = 2


def made(n_rows: int, seed: int) -> pl.DataFrame:
    """Make rows of numbers, and labels that depend on them, of which a third, a half and a tenth are missing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, N_COLUMNS))
    X[:, 1] = 1e3 + 50 * X[:, 1]
    amount = 100 + 20 * (X[:, 0] + np.tanh(X[:, 2] * X[:, 3]) + 0.3 * rng.normal(size=n_rows))
    level = X[:, 4] + X[:, 5] * X[:, 6] + 0.3 * rng.normal(size=n_rows)
    kind = pl.Series(np.digitize(level, [-1.0, 1.0])).replace_strict({0: "low", 1: "middle", 2: "high"})
    flag = pl.Series((X[:, 7] + (X[:, 1] - 1e3) / 50 + 0.3 * rng.normal(size=n_rows) > 0).astype(np.int8))
    frame = pl.DataFrame(X, schema=COLUMNS).with_columns(amount=amount, kind=kind, flag=flag)
    gone = rng.random((n_rows, 3)) < [1 / 3, 1 / 2, 1 / 10]
    return frame.with_columns(
        pl.when(pl.Series(~gone[:, column])).then(pl.col(task)).alias(task) for column, task in enumerate(TASKS)
    )


def write(folder: Path, n_rows: int) -> None:
    """Write files of rows until there are enough."""
    for number in range(-(-n_rows // FILE_ROWS)):
        rows = min(FILE_ROWS, n_rows - number * FILE_ROWS)
        made(rows, number).write_parquet(folder / f"part-{number:04d}.parquet", row_group_size=100_000)


def estimator() -> MultiTaskNetEstimator:
    return MultiTaskNetEstimator(
        trunk=MLP((128, 128), scaling="standard"),
        max_epochs=EPOCHS,
        early_stopping=False,
        device="cpu",
        random_state=0,
    )


def run(folder: Path, how: str, memory: str) -> dict[str, Any]:
    """Fit in this process; return rates, scores and the peak of resident memory."""
    start = time.perf_counter()
    net = estimator()
    if how == "memory":
        frame = pl.read_parquet(folder / "*.parquet")
        net.fit(frame.select(COLUMNS), frame.select(TASKS))
        n_rows = len(frame)
        del frame
    else:
        net.fit(Stream(folder, memory=memory), TASKS)
        n_rows = pl.scan_parquet(folder / "*.parquet").select(pl.len()).collect().item()
    whole = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    epochs = net.history_["dur"].tolist()
    test = made(TEST_ROWS, 10**6)
    return {
        "how": how,
        "rows": n_rows,
        "epochs_s": epochs,
        "rows_per_s": n_rows / float(np.median(epochs)),
        "fit_s": whole,
        "peak_gb": peak / 1e9,
        "scores": net.score_tasks(test.select(COLUMNS), test.select(TASKS)),
    }


def in_process(folder: Path, how: str, memory: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--run", how, "--folder", str(folder), "--memory", memory]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    scores = ", ".join(f"{task} {score:.4f}" for task, score in found["scores"].items())
    print(
        f"{how:8s}{found['rows']:>12,} rows {found['rows_per_s']:>10,.0f} rows/s  fit {found['fit_s']:6.1f} s  "
        f"peak {found['peak_gb']:.2f} GB  {scores}",
        flush=True,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000, help="rows of the long stream; 0 for none")
    parser.add_argument("--in-memory", type=int, default=2_000_000, help="rows that are also fitted in memory")
    parser.add_argument("--rounds", type=int, default=3, help="fits of each contender of these rows")
    parser.add_argument("--memory", default="500MB", help="memory of the streams")
    parser.add_argument("--run", choices=["stream", "memory"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run(options.folder, options.run, options.memory)))
        return
    records = []
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), options.in_memory)
        for _ in range(options.rounds):
            records += [in_process(Path(folder), how, options.memory) for how in ("memory", "stream")]
    rates = {how: np.median([r["rows_per_s"] for r in records if r["how"] == how]) for how in ("memory", "stream")}
    print(f"stream / memory, rows per second: {rates['stream'] / rates['memory']:.2f}")
    if options.rows:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), options.rows)
            records.append(in_process(Path(folder), "stream", options.memory))
    save("streaming", {"memory": options.memory, "records": records})


if __name__ == "__main__":
    main()
