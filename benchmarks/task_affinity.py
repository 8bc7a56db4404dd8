"""Affinities of tasks against the truth of all pairs: rank correlation and CPU seconds.

The truth is the gain of a task by a second one on other folds than those of the methods; "pairs" itself is among
the methods, on folds of its own, which is what its noise allows.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from _datasets import ROWS
from _harness import save
from _rows import Rows
from scipy.stats import spearmanr

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.model_selection import task_affinity
from sklearn_mtl.trunks import MLP

DATA = {"yeast": (2417, 8), "qm8": (3000, 8), "school": (15362, 8)}
METHODS = ("pairs", "subsets", "lookahead", "gradient")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=DATA, default=list(DATA), help="data sets to run")
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    records: list[dict[str, Any]] = []
    for data in options.only:
        rows = some_tasks(data)
        net = MultiTaskNetEstimator(
            tasks=rows.kinds, trunk=MLP((64,), scaling="standard"), max_epochs=50, random_state=0
        )
        truth = task_affinity(net, rows.X, rows.y, method="pairs", cv=5, random_state=100).to_numpy()
        others = ~np.eye(len(truth), dtype=bool)
        for method in options.methods:
            start = time.process_time()
            found = task_affinity(net, rows.X, rows.y, method=method, cv=3, random_state=0).to_numpy()
            records.append(
                {
                    "data": data,
                    "method": method,
                    "correlation": round(float(spearmanr(found[others], truth[others])[0]), 3),
                    "seconds": round(time.process_time() - start, 1),
                }
            )
            print(records[-1], flush=True)
        save("task_affinity", {"records": records})
    table = pd.DataFrame(records)
    print(f"\n{table.pivot(index='method', columns='data', values=['correlation', 'seconds']).to_string()}")


def some_tasks(data: str) -> Rows:
    """Take the first tasks, and rows that have a label of any of them."""
    n_rows, n_tasks = DATA[data]
    rows = ROWS[data]()
    tasks = list(rows.y)[:n_tasks]
    known = rows.y[tasks].notna().any(axis=1).to_numpy().nonzero()[0][:n_rows]
    taken = rows.take(known)
    return taken._replace(y=taken.y[tasks])


if __name__ == "__main__":
    main()
