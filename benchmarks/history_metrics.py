"""Fit time with metrics in the history, compared with the same fit without, on shape A of fit_speed.py.

"without" holds out the same validation rows and has the default scores. The labels of classes are the signs of the
numbers.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import torch
from _harness import run_in_turn, save
from fit_speed import SHAPES

from sklearn_mtl import EarlyStopping, MultiTaskNetClassifier, MultiTaskNetRegressor
from sklearn_mtl.trunks import MLP

KINDS: dict[str, tuple[type, dict[str, Any]]] = {
    "numbers": (
        MultiTaskNetRegressor,
        {
            "neg_mean_absolute_error": "neg_mean_absolute_error",
            "explained_variance, neg_median_absolute_error": ["explained_variance", "neg_median_absolute_error"],
        },
    ),
    "classes": (
        MultiTaskNetClassifier,
        {"roc_auc": "roc_auc", "roc_auc, average_precision": ["roc_auc", "average_precision"]},
    ),
}


def fits(kind: str) -> Mapping[str, Callable[[], Any]]:
    shape = SHAPES["A"]
    X, y = shape.data()
    estimator, metrics = KINDS[kind]
    y = y if kind == "numbers" else (y > 0).astype(int)

    def fit(early_stopping: bool, metric: Any) -> Callable[[], Any]:
        net = estimator(
            trunk=MLP(hidden_sizes=shape.hidden),
            batch_size=shape.batch,
            max_epochs=shape.epochs,
            early_stopping=EarlyStopping(True, n_iter_no_change=shape.epochs) if early_stopping else False,
            metrics=None if metric is None else {str(task): metric for task in range(shape.tasks)},
            device="cpu",
            random_state=0,
        )
        return lambda: net.fit(X, y)

    chosen = {name: fit(True, metric) for name, metric in metrics.items()}
    return {"without": fit(True, None), **chosen, "no validation rows": fit(False, None)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = {}
    for kind in KINDS:
        seconds = run_in_turn(fits(kind), arguments.rounds)
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        print(
            f"\nfit, shape A, {kind}, {SHAPES['A']}\n{'metrics of all tasks':50s}{'median ms':>12s}{'ratio':>8s}"
        )
        for name, median in medians.items():
            print(f"{name:50s}{median * 1e3:12.1f}{median / medians['without']:8.3f}")
        results[kind] = {
            name: {"median_s": median, "ratio": median / medians["without"], "all_s": seconds[name]}
            for name, median in medians.items()
        }
    save("history_metrics", {"fit": results})


if __name__ == "__main__":
    main()
