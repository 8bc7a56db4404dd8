"""Explained variance on the school data, as the papers on multi-task learning report it.

A quarter of the pupils of each school is for tests. The explained variance is 1 minus the sum of squared errors
over all test pupils divided by their total variance, so differences between schools count.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from _contenders import OURS, PEERS, POOLED
from _datasets import ROWS
from _harness import save
from _rows import shuffled
from _single_targets import Predicted

CONTENDERS = {
    "default": OURS["ours"],
    "n_members=8": OURS["ours, n_members=8"],
    "pooled gradient boosting": POOLED["pooled gradient boosting"],
    "pooled ridge": POOLED["pooled ridge / logistic"],
    "ridge for each school": PEERS["ridge / logistic"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--contenders", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows, records = ROWS["school"](), []
    for seed, (train, test) in enumerate(shuffled(rows, options.splits, 0.25, 10)):
        for name in options.contenders:
            start = time.perf_counter()
            predict: Callable[[pd.DataFrame], Mapping[str, Predicted]] = CONTENDERS[name](rows.take(train), seed)
            seconds = time.perf_counter() - start
            found = explained(rows.take(test), predict)
            record: dict[str, Any] = {"split": seed, "contender": name, "explained": found, "seconds": seconds}
            records.append(record)
            print(record, flush=True)
        save("school", {"records": records})
    table = pd.DataFrame(records).groupby("contender")[["explained", "seconds"]].agg(["mean", "std"])
    print(f"\n{table.round(4).to_string()}")


def explained(rows: Any, predict: Callable[[pd.DataFrame], Mapping[str, Predicted]]) -> float:
    """Compute the explained variance over the test rows of all tasks."""
    predicted = predict(rows.X)
    errors = [rows.y[name] - np.ravel(one.values) for name, one in predicted.items()]
    labels = rows.y.bfill(axis=1).iloc[:, 0]
    squares = float(sum(np.nansum(np.square(error.to_numpy(dtype=float))) for error in errors))
    return 1 - squares / float(((labels - labels.mean()) ** 2).sum())


if __name__ == "__main__":
    main()
