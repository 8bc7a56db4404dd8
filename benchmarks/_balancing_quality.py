"""Test scores of every weighting, compared with tuned fixed weights and single-task nets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from _datasets import TABLES, Table
from sklearn.metrics import roc_auc_score

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.model_selection import MultiTaskStratifiedKFold, TaskWeightRandomSearchCV, task_weight_simplex

WEIGHTINGS = [
    "static", "uncertainty", "geometric_mean", "dynamic_weight_average", "random_weighting", "stch", "famo",
    "grad_norm", "pcgrad", "cagrad", "imtlg", "aligned_mtl", "nash_mtl", "mgda", "upgrad",
]  # fmt: skip
# Candidates of the search of fixed weights, on folds of the training rows.
N_CANDIDATES = 8


def fitted(data: Table, seed: int, **params: Any) -> MultiTaskNetEstimator:
    return MultiTaskNetEstimator(**{"n_members": 1, "random_state": seed, **params}).fit(data.X, data.y)


def tuned(data: Table, seed: int) -> MultiTaskNetEstimator:
    """Search fixed weights on the training rows, and fit the best."""
    search = TaskWeightRandomSearchCV(
        MultiTaskNetEstimator(random_state=seed, n_members=1),
        {"task_weights": task_weight_simplex(list(data.y))},
        n_iter=N_CANDIDATES,
        cv=MultiTaskStratifiedKFold(n_splits=2, shuffle=True, random_state=seed),
        random_state=seed,
    )
    return search.fit(data.X, data.y).best_estimator_


def contenders() -> dict[str, Callable[[Table, int], MultiTaskNetEstimator]]:
    made: dict[str, Callable[[Table, int], MultiTaskNetEstimator]] = {
        "single-task nets": lambda data, seed: fitted(data, seed, architecture="independent"),
        f"fixed weights, best of {N_CANDIDATES}": tuned,
    }
    for name in WEIGHTINGS:
        made[name] = lambda data, seed, name=name: fitted(data, seed, weighting=name)
    return made


def scores(net: MultiTaskNetEstimator, data: Table) -> list[float]:
    """Test AUC of each class of two, R2 of each number."""
    by_task = net.score_tasks(data.X_test, data.y_test)
    proba = net.predict_proba(data.X_test) if any(t.kind == "classification" for t in net.tasks_.values()) else {}
    for name in proba:
        by_task[name] = float(roc_auc_score(data.y_test[name], proba[name][:, 1]))
    return list(by_task.values())


def quality(name: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Print mean and standard error over seeds of the mean score over tasks, and of the worst task."""
    data = TABLES[name]()
    print(f"\n{name}: {data.y.shape[1]} tasks, {len(data.X)} training rows, {len(seeds)} seeds")
    print(f"{'contender':30s}{'mean score':>20s}{'worst task':>20s}{'fit s':>8s}")
    results = {}
    for contender, fit in contenders().items():
        rows, seconds = [], []
        for seed in seeds:
            start = time.perf_counter()
            net = fit(data, seed)
            seconds.append(time.perf_counter() - start)
            rows.append(scores(net, data))
        table = np.array(rows)
        cells = [f"{v.mean():.4f} +- {v.std(ddof=1) / len(v) ** 0.5:.4f}" for v in (table.mean(1), table.min(1))]
        print(f"{contender:30s}{cells[0]:>20s}{cells[1]:>20s}{np.median(seconds):8.1f}", flush=True)
        results[contender] = {"scores": table.tolist(), "seconds": seconds}
    return {"tasks": list(data.y), "results": results}
