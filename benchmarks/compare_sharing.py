"""Verdicts of `compare_sharing` on real data: are they the same on other folds, and what do they cost?

The cost is the CPU time of `compare_sharing` as a ratio to that of one cross-validation of the shared network on
the same folds. The first 8,000 rows of a data set are used, and of the many tasks of school the first 20 schools.
Results of what is not run are kept.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import pandas as pd
from _datasets import ROWS
from _harness import save, stored
from _rows import Rows
from sklearn.model_selection import cross_validate

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.model_selection import (
    MultiTaskStratifiedGroupKFold,
    MultiTaskStratifiedKFold,
    compare_sharing,
    sharing_report,
)
from sklearn_mtl.trunks import MLP

DATA = ("penguins", "communities_crime", "yeast", "clintox", "school", "adult")
MOST_ROWS, N_SCHOOLS, N_FOLDS = 8_000, 20, 5
NETS: dict[str, dict[str, Any]] = {"(64, 64)": {"trunk": MLP((64, 64), scaling="standard")}, "default": {}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(DATA), help="data sets to run")
    parser.add_argument("--nets", nargs="*", choices=NETS, default=list(NETS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    records: list[dict[str, Any]] = [
        one
        for one in stored("compare_sharing").get("records", [])
        if one["data"] not in options.only or one["net"] not in options.nets
    ]
    for data in options.only:
        for net in options.nets:
            records.append({"data": data, "net": net, **compare(some_rows(data), NETS[net])})
            save("compare_sharing", {"records": records})
    print(f"\n{pd.DataFrame(records).set_index(['data', 'net']).to_string()}")


def some_rows(data: str) -> Rows:
    rows = ROWS[data]()
    if data == "school":
        schools = list(rows.y)[:N_SCHOOLS]
        rows = rows.take(rows.y[schools].notna().any(axis=1).to_numpy().nonzero()[0])
        rows = rows._replace(y=rows.y[schools])
    return rows.take(range(min(MOST_ROWS, len(rows.X))))


def compare(rows: Rows, params: dict[str, Any]) -> dict[str, Any]:
    net = MultiTaskNetEstimator(tasks=rows.kinds, random_state=0, **params)
    kind = MultiTaskStratifiedKFold if rows.groups is None else MultiTaskStratifiedGroupKFold
    folds = kind(N_FOLDS, shuffle=True, random_state=0)
    start = time.process_time()
    cross_validate(net, rows.X, rows.y, cv=folds, groups=rows.groups)
    once = time.process_time() - start
    tables = []
    for seed in (0, 1):
        start = time.process_time()
        tables.append(compare_sharing(net, rows.X, rows.y, cv=N_FOLDS, groups=rows.groups, random_state=seed))
        seconds = time.process_time() - start
        print(f"\n{sharing_report(tables[-1])}", flush=True)
    first, second = (table["verdict"] for table in tables)
    turned = int(((first == "gains") & (second == "loses") | (first == "loses") & (second == "gains")).sum())
    counts = {kind: [int((of == kind).sum()) for of in (first, second)] for kind in ("gains", "loses")}
    means = tables[0][["shared", "separate", "searched", "linear", "dummy"]].mean().round(4).to_dict()
    times = {"once_s": round(once, 1), "ratio": round(seconds / once, 2)}
    return {"tasks": len(first), **means, **counts, "turned": turned, **times}


if __name__ == "__main__":
    main()
