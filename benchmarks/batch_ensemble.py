"""Scores and costs of ensembles that share weights, independent ensembles and single networks.

The splits are those of `quality.py`. Contenders are fitted in turn to each split; the score is the mean over tasks
and splits, the seconds of processor time and the sizes are medians over splits. Run it on one thread
(``OMP_NUM_THREADS=1``).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _contenders import predicted_by_net
from _datasets import ROWS, Rows
from _harness import save
from _quality_scores import score, splits

from sklearn_mtl import MultiTaskNetEstimator, save_model

DATA = ("wine", "digits", "enb", "communities_crime")
CONTENDERS: dict[str, dict[str, Any]] = {
    "deep, 8": {"n_members": 8},
    "batch, 8": {"n_members": 8, "ensemble": "batch"},
    "batch, 32": {"n_members": 32, "ensemble": "batch"},
    "single net": {"n_members": 1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(DATA), help="data sets to run")
    options = parser.parse_args()
    records = []
    for name in options.only:
        records += compare(name)
        show([record for record in records if record["data"] == name])
        save("batch_ensemble", {"records": records})


def compare(name: str) -> list[dict[str, Any]]:
    rows = ROWS[name]()
    return [
        {"data": name, "split": split, "contender": contender, **fit(rows, train, test, split, params)}
        for split, (train, test) in enumerate(splits(rows))
        for contender, params in CONTENDERS.items()
    ]


def fit(rows: Rows, train: np.ndarray, test: np.ndarray, seed: int, params: dict[str, Any]) -> dict[str, Any]:
    learned = rows.take(train)
    net = MultiTaskNetEstimator(**{"tasks": rows.kinds, "n_members": 1, "random_state": seed, **params})
    start = time.process_time()  # CPU time, independent of other load on the machine
    net.fit(learned.X, learned.y)
    seconds = time.process_time() - start
    predictions = predicted_by_net(net, rows.X.iloc[test])
    scores = [score(rows.y[task].iloc[test].to_numpy(), found)["score"] for task, found in predictions.items()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        save_model(net, path)
        size = path.stat().st_size
    return {
        "score": round(float(np.mean(scores)), 5),
        "fit_cpu_s": round(seconds, 4),
        "epochs": net.n_iter_,
        "parameters": sum(parameter.numel() for parameter in net.net_.module_.parameters()),
        "bytes": size,
    }


def show(records: list[dict[str, Any]]) -> None:
    by_contender = pd.DataFrame(records).groupby("contender", sort=False)
    table = by_contender[["fit_cpu_s", "epochs", "parameters", "bytes"]].median()
    table.insert(0, "score", by_contender["score"].mean())
    # of the difference to the first contender, split by split
    wide = pd.DataFrame(records).pivot(index="split", columns="contender", values="score")
    differences = wide.sub(wide[next(iter(CONTENDERS))], axis=0)
    table.insert(1, "difference", differences.mean())
    table.insert(2, "standard error", differences.sem())
    print(f"\n{records[0]['data']}\n{table.round(4).to_string()}", flush=True)


if __name__ == "__main__":
    main()
