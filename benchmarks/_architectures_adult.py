"""Adult, official split: test AUC of every architecture and published figures, with fit time and size."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

from _datasets import official_adult as adult
from adult import PUBLISHED
from sklearn.metrics import roc_auc_score

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    Architecture,
    CrossStitch,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
    TaskGraph,
)

# Where a row of its own is published; the others are compared with shared bottom (see adult.py for the source).
PUBLISHED_FOR = {
    "MMoE": {"income": 0.9091, "never_married": 0.9638},
    "PLE": {"income": 0.9103, "never_married": 0.9635},
}
ARCHITECTURES: dict[str, Architecture] = {
    "HardSharing": HardSharing(),
    "HardSharing, towers 64": HardSharing(tower_sizes=(64,)),
    "HardSharing, bypass 32": HardSharing(bypass_sizes=(32,)),
    "Independent": Independent(),
    "CrossStitch": CrossStitch(),
    "SubspaceSharing": SubspaceSharing(),
    "MMoE": MMoE(),
    "PLE": PLE(),
    "AdaTT": AdaTT(),
    "TaskGraph never_married -> income": TaskGraph({"income": ["never_married"]}),
}


def n_parameters(estimator: MultiTaskNetEstimator) -> int:
    return sum(parameter.numel() for parameter in estimator.net_.module_.parameters())


def measure(architecture: Architecture, seeds: Sequence[int]) -> dict[str, Any]:
    """Fit with the estimator's defaults, once per seed: AUC by task, seconds, parameters."""
    X, y, X_test, y_test = adult()
    aucs: dict[str, list[float]] = {task: [] for task in PUBLISHED}
    seconds = []
    for seed in seeds:
        estimator = MultiTaskNetEstimator(architecture=architecture, random_state=seed)
        start = time.perf_counter()
        estimator.fit(X, y)
        seconds.append(time.perf_counter() - start)
        proba = estimator.predict_proba(X_test)
        for task, values in aucs.items():
            values.append(float(roc_auc_score(y_test[task], proba[task][:, 1])))
    return {"auc": aucs, "fit_seconds": seconds, "parameters": n_parameters(estimator)}


def run(n_seeds: int) -> dict[str, Any]:
    """Print and return the scores of every architecture.

    Parameters
    ----------
    n_seeds : int
        Fits per architecture.
    """
    print(f"\nAdult, test AUC: mean of {n_seeds} seeds (smallest) and published; met where no mean is below it")
    print(f"{'architecture':36s}{'income':>18s}{'publ.':>8s}{'never-married':>18s}{'publ.':>8s}{'':>9s}", end="")
    print(f"{'fit s':>8s}{'parameters':>12s}")
    rows = {}
    for name, architecture in ARCHITECTURES.items():
        row = measure(architecture, range(n_seeds))
        published = PUBLISHED_FOR.get(name, PUBLISHED)
        means = {task: statistics.mean(values) for task, values in row["auc"].items()}
        met = all(means[task] >= published[task] for task in published)
        cells = "".join(
            f"{f'{means[task]:.4f} ({min(values):.4f})':>18s}{published[task]:8.4f}"
            for task, values in row["auc"].items()
        )
        verdict = "met" if met else "not met"
        fit_seconds = statistics.median(row["fit_seconds"])
        print(f"{name:36s}{cells}{verdict:>9s}{fit_seconds:8.1f}{row['parameters']:12,d}", flush=True)
        rows[name] = row | {"published": published, "met": met}
    return rows
