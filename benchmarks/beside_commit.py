"""Speed of the working tree and an earlier commit: the same jobs, in turn, in two persistent processes."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# a job counts as slower only if it is slower in every run, because the machine varies
LIMIT = 1.10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", help="what to compare with")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds of a run")
    parser.add_argument("--runs", type=int, default=3, help="runs, of which the least ratio counts")
    parser.add_argument("--jobs", nargs="*", help="names of jobs; all by default")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work()
        return
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", folder, arguments.commit], check=True)
        try:
            compare({"before": Path(folder), "now": ROOT}, arguments)
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


def compare(trees: Mapping[str, Path], arguments: argparse.Namespace) -> None:
    """Print the ratios of the medians, by job and run."""
    print(
        f"{'now / before, ratio of medians':36s}" + "".join(f"{f'run {i + 1}':>8s}" for i in range(arguments.runs))
    )
    slower = []
    for job in arguments.jobs or JOBS:
        ratios = [ratio_of(job, trees, arguments.rounds) for _ in range(arguments.runs)]
        print(f"{job:36s}" + "".join(f"{ratio:8.2f}" for ratio in ratios), flush=True)
        if min(ratios) > LIMIT:
            slower.append(job)
    print(f"slower by more than {LIMIT} in all runs: {slower or 'none'}")


def ratio_of(job: str, trees: Mapping[str, Path], rounds: int) -> float:
    """Time one job in both trees, in turn, after a warm-up round."""
    workers = {name: _start(tree) for name, tree in trees.items()}
    seconds: dict[str, list[float]] = {name: [] for name in trees}
    for round_ in range(rounds + 1):
        for name in list(workers) if round_ % 2 else list(reversed(workers)):
            took = _ask(workers[name], job)
            if round_:
                seconds[name].append(took)
    for worker in workers.values():
        worker.communicate()
    return statistics.median(seconds["now"]) / statistics.median(seconds["before"])


def _start(tree: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, __file__, "--worker", "-"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def _ask(worker: subprocess.Popen, job: str) -> float:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(job + "\n")
    worker.stdin.flush()
    return float(json.loads(worker.stdout.readline()))


def work() -> None:
    """Time the jobs whose names are read, one per line."""
    import gc
    import time
    import warnings

    warnings.simplefilter("ignore")
    ready: dict[str, Callable[[], Any]] = {}
    for line in sys.stdin:
        job = line.strip()
        if job not in ready:
            ready[job] = JOBS[job]()
        gc.collect()
        start = time.perf_counter()
        ready[job]()
        print(json.dumps(time.perf_counter() - start), flush=True)


# -- the jobs: each prepares its data and returns the function to time


def _fit(rows: int, inputs: int, tasks: int, **params: Any) -> Callable[[], Any]:
    import numpy as np

    from sklearn_mtl import MultiTaskNetRegressor

    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, inputs))
    y = np.tanh(X @ rng.standard_normal((inputs, tasks))) + 0.1 * rng.standard_normal((rows, tasks))
    net = MultiTaskNetRegressor(device="cpu", random_state=0, **params)
    return lambda: net.fit(X, y)


def _mlp(*sizes: int) -> Any:
    from sklearn_mtl.trunks import MLP

    return MLP(hidden_sizes=sizes)


def _fit_a() -> Callable[[], Any]:
    return _fit(20_000, 64, 4, trunk=_mlp(128, 128), batch_size=256, max_epochs=4, early_stopping=False)


def _fit_b() -> Callable[[], Any]:
    return _fit(5_000, 20, 3, trunk=_mlp(64, 64), batch_size=64, max_epochs=8, early_stopping=False)


def _fit_of(weighting: str) -> Callable[[], Callable[[], Any]]:
    return lambda: _fit(1_000, 20, 8, weighting=weighting, max_epochs=5, early_stopping=False)


def _mixed_frame(rows: int) -> tuple[Any, Any]:
    import numpy as np
    import pandas as pd

    from sklearn_mtl import Targets

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((rows, 10))).add_prefix("n")
    X = X.assign(kind=rng.choice(["a", "b", "c"], rows), place=rng.choice([f"p{i}" for i in range(40)], rows))
    number = X["n0"] + X["n1"] ** 2
    number[::3] = np.nan
    return X, Targets(cls=np.where(X["n2"] > 0, "yes", "no"), number=number)


def _fit_frame() -> Callable[[], Any]:
    from sklearn_mtl import MultiTaskNetEstimator

    X, y = _mixed_frame(3_000)
    net = MultiTaskNetEstimator(max_epochs=8, random_state=0, n_members=1)
    return lambda: net.fit(X, y)


def _prepare() -> Callable[[], Any]:
    return _fit(200_000, 30, 3, trunk=_mlp(8), batch_size=20_000, max_epochs=1, early_stopping=True)


def _ensemble(**params: Any) -> Callable[[], Any]:
    from sklearn.datasets import load_digits

    from sklearn_mtl import MultiTaskNetClassifier, Targets

    X, digit = load_digits(return_X_y=True)
    y = Targets(digit=digit, odd=digit % 2, large=(digit > 4).astype(int))
    net = MultiTaskNetClassifier(n_members=8, max_epochs=4, random_state=0, **params)
    return lambda: net.fit(X, y)


def _predict(rows: int, calls: int) -> Callable[[], Any]:
    from sklearn_mtl import MultiTaskNetEstimator

    X, y = _mixed_frame(3_000)
    numbers = X[[name for name in X if name.startswith("n")]].to_numpy()
    net = MultiTaskNetEstimator(max_epochs=1, random_state=0, n_members=1).fit(numbers, y)
    many = numbers.repeat(-(-rows // len(numbers)), axis=0)[:rows]
    return lambda: [net.predict(many) for _ in range(calls)]


def _predict_frame() -> Callable[[], Any]:
    from sklearn_mtl import MultiTaskNetEstimator

    X, y = _mixed_frame(20_000)
    net = MultiTaskNetEstimator(max_epochs=1, random_state=0, n_members=1).fit(X, y)
    return lambda: net.predict(X)


def _grid() -> Callable[[], Any]:
    import numpy as np

    from sklearn_mtl import MultiTaskNetRegressor
    from sklearn_mtl.model_selection import TaskWeightSearchCV

    X = np.random.default_rng(0).standard_normal((500, 10))
    net = MultiTaskNetRegressor(trunk=_mlp(32, 32), batch_size=32, max_epochs=5, random_state=0)
    grid = {"task_weights__0": [0.3, 1, 3], "task_weights__1": [0.3, 1, 3]}
    search = TaskWeightSearchCV(net, grid, cv=3)
    return lambda: search.fit(X, X[:, :3])


def _tagging() -> Callable[[], Any]:
    import numpy as np

    from sklearn_mtl import MultiTaskNetEstimator, Targets

    rng = np.random.default_rng(0)
    rows = [rng.integers(200, size=n) for n in rng.integers(3, 20, size=400)]
    X = [" ".join(f"w{i}" for i in row) for row in rows]
    y = Targets(tags=[[f"t{i % 5}" for i in row] for row in rows], intent=[f"c{row[0] % 3}" for row in rows])
    net = MultiTaskNetEstimator(max_epochs=2, random_state=0, n_members=1)
    return lambda: net.fit(X, y)


def _images() -> Callable[[], Any]:
    import numpy as np

    from sklearn_mtl import MultiTaskNetClassifier
    from sklearn_mtl.trunks import ConvNet

    X = np.random.default_rng(0).integers(0, 256, size=(300, 16, 16, 3), dtype=np.uint8)
    net = MultiTaskNetClassifier(trunk=ConvNet(channels=(16, 32)), max_epochs=2, random_state=0)
    return lambda: net.fit(X, X[:, 0, 0, 0] > 127)


JOBS: dict[str, Callable[[], Callable[[], Any]]] = {
    "fit A, 20,000 x 64, 4 tasks": _fit_a,
    "fit B, 5,000 x 20, 3 tasks": _fit_b,
    "fit, 200,000 rows prepared": _prepare,
    "fit, frame with categories": _fit_frame,
    "fit, pcgrad": _fit_of("pcgrad"),
    "fit, mgda": _fit_of("mgda"),
    "fit, cagrad": _fit_of("cagrad"),
    "fit, nash_mtl": _fit_of("nash_mtl"),
    "fit, uncertainty": _fit_of("uncertainty"),
    "fit, sentences and tags": _tagging,
    "fit, images": _images,
    "fit, deep ensemble of 8": _ensemble,
    "fit, batch ensemble of 8": lambda: _ensemble(ensemble="batch"),
    "predict, one row, 200 times": lambda: _predict(1, 200),
    "predict, 100 rows, 200 times": lambda: _predict(100, 200),
    "predict, 100,000 rows": lambda: _predict(100_000, 1),
    "predict, frame of 20,000 rows": _predict_frame,
    "search, 9 weights x 3 folds": _grid,
}

if __name__ == "__main__":
    main()
