"""What would an epoch cost on hardware that is not at hand: up to 100 GPUs and 10^10 rows?

Nothing of this can be measured here, so it is calculated, by a model of four terms. In a step, a process takes

    operations    6 P b / F              P parameters, b rows of a process in a step, F operations per second
    overhead      t                      what Python and the launch of kernels take, whatever b is
    all-reduce    2 (G - 1) / G * 4 P / W + latency    G processes, W bytes per second between two of them
    reading       b / r                  r rows per second that a process reads, decodes and encodes, in a thread

and a step lasts as long as the larger of reading and the sum of the others. The first two terms are checked on the
machine at hand: F is measured by a product of matrices, t by a small network, and epochs of other networks are
compared with the calculation. What is assumed about GPUs, network and files is at the head of the script.
"""

from __future__ import annotations

import statistics
import time
import warnings
from itertools import pairwise

import numpy as np
import torch
from _harness import environment, save

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.trunks import MLP

N_COLUMNS, N_TASKS = 32, 3
GPU_OPERATIONS = 20e12  # per second, sustained: about a third of the TF32 peak without sparsity of an A100
GPU_OVERHEAD = 2e-3  # seconds of a step
NETWORK = 10e9  # bytes per second between two processes: 100 Gbit/s
LATENCY = 50e-6  # seconds of an all-reduce
ROWS_PER_SECOND = 160_000  # of one process, read and encoded: what streaming.py measured on one core
BATCH = 16_384  # rows of a process in a step
SIZES = ((128, 128, 128), (512, 512, 512), (2048, 2048, 2048))


def n_parameters(hidden: tuple[int, ...]) -> int:
    """Count weights and biases of the trunk and of heads with one output."""
    sizes = (N_COLUMNS, *hidden, N_TASKS)
    return sum(i * o + o for i, o in pairwise(sizes))


def step_seconds(parameters, batch, *, operations, overhead, processes=1, rate=np.inf):
    """Calculate the seconds of a step, and the name of the largest term."""
    terms = {
        "operations": 6 * parameters * batch / operations,
        "overhead": overhead,
        "all-reduce": 0.0,
        "reading": batch / rate,
    }
    if processes > 1:
        terms["all-reduce"] = 2 * (processes - 1) / processes * 4 * parameters / NETWORK + LATENCY
    reading = terms["reading"]
    return max(reading, sum(terms.values()) - reading), max(terms, key=terms.__getitem__)


def measured_operations() -> float:
    """Measure operations per second of products of the shape of the hidden layers."""
    a, b = torch.randn(1024, 512), torch.randn(512, 512)
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(10):
            a @ b
        seconds.append((time.perf_counter() - start) / 10)
    return 2 * 1024 * 512 * 512 / statistics.median(seconds)


def measured_step(hidden: tuple[int, ...], batch: int, n_rows: int) -> float:
    """Measure the seconds of a step: the median epoch of a fit over its steps."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, N_COLUMNS)).astype(np.float32)
    y = Targets({f"t{i}": X[:, i] + 0.1 * rng.normal(size=n_rows) for i in range(N_TASKS)})
    net = MultiTaskNetEstimator(
        trunk=MLP(hidden, scaling="standard", dropout=0.0),
        n_members=1,
        batch_size=batch,
        max_epochs=5,
        early_stopping=False,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(X, y)
    return statistics.median(net.history_["dur"][1:]) / (n_rows // batch)


def check() -> list[dict[str, float]]:
    """Compare calculated with measured steps on this machine."""
    operations = measured_operations()
    overhead = measured_step((8,), 64, 6_400)
    print(f"this machine: {operations / 1e9:.0f} GFLOP/s, overhead of a step {overhead * 1e3:.2f} ms")
    print(f"{'hidden layers':22}{'batch':>7}{'measured ms':>13}{'calculated ms':>15}{'ratio':>7}")
    rows = []
    for hidden, batch in [(SIZES[0], 256), (SIZES[0], 2048), (SIZES[1], 256), (SIZES[1], 2048)]:
        measured = measured_step(hidden, batch, 20 * batch)
        calculated, _ = step_seconds(n_parameters(hidden), batch, operations=operations, overhead=overhead)
        print(f"{hidden!s:22}{batch:7}{measured * 1e3:13.2f}{calculated * 1e3:15.2f}{measured / calculated:7.2f}")
        rows.append({"hidden": hidden, "batch": batch, "measured": measured, "calculated": calculated})
    return rows


def estimate() -> list[dict[str, object]]:
    """Calculate an epoch on 1, 8 and 100 GPUs: 10^8 rows in memory, and 10^10 rows that are read from files."""
    print(f"\ncalculated, {BATCH} rows of a GPU in a step")
    print(f"{'hidden layers':22}{'rows':>8}{'GPUs':>6}{'seconds an epoch':>18}{'speed-up':>10}  largest term")
    rows = []
    for hidden in SIZES:
        for n_rows, rate in ((1e8, np.inf), (1e10, ROWS_PER_SECOND)):
            base = 0.0
            for processes in (1, 8, 100):
                step, term = step_seconds(
                    n_parameters(hidden),
                    BATCH,
                    operations=GPU_OPERATIONS,
                    overhead=GPU_OVERHEAD,
                    processes=processes,
                    rate=rate,
                )
                seconds = n_rows / (BATCH * processes) * step
                base = base or seconds
                print(f"{hidden!s:22}{n_rows:8.0e}{processes:6}{seconds:18.2f}{base / seconds:10.1f}  {term}")
                rows.append(
                    {"hidden": hidden, "rows": n_rows, "gpus": processes, "seconds": seconds, "term": term}
                )
    return rows


def main():
    torch.set_num_threads(1)
    save("estimate_cluster", {"environment": environment(), "checked": check(), "calculated": estimate()})


if __name__ == "__main__":
    main()
