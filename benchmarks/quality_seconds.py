"""Seconds of fit and predict of the contenders of `quality.py`, in turn on the first split of each data set.

Run it on an idle machine. A contender is fitted three times, or once if that takes more than 20 seconds; the table
has medians, and the ratio of the default to gradient boosting.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from _contenders import OURS, PEERS, Contender
from _datasets import ROWS, Rows
from _harness import save
from _quality_scores import splits

CONTENDERS = PEERS | {"ours": OURS["ours"]}
BASE = "gradient boosting"
ROUNDS = 3
LONG = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), help="data sets to run")
    parser.add_argument("--contenders", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    options = parser.parse_args()
    chosen = {name: CONTENDERS[name] for name in options.contenders}
    warnings.simplefilter("ignore")
    compare("linnerud", chosen)  # the first use of a library takes additional time
    records: list[dict[str, Any]] = []
    for name in options.only:
        records += compare(name, chosen)
        print(f"{name} is done", flush=True)
        save("quality_seconds", {"records": records})
    show(records)


def compare(name: str, contenders: Mapping[str, Contender]) -> list[dict[str, Any]]:
    """Fit the contenders in turn; return one record of medians for each."""
    rows = ROWS[name]()
    train, test = next(iter(splits(rows)))
    taken: dict[str, list[tuple[float, float]]] = {contender: [] for contender in contenders}
    for round_ in range(ROUNDS):
        for contender, times in taken.items():
            if not times or times[0][0] <= LONG:
                times.append(fit_and_predict(rows, train, test, contenders[contender], round_))
    return [
        {
            "data": name,
            "tasks": len(rows.kinds),
            "contender": contender,
            "fit_s": round(statistics.median(fit for fit, _ in times), 4),
            "predict_s": round(statistics.median(predict for _, predict in times), 4),
        }
        for contender, times in taken.items()
    ]


def fit_and_predict(
    rows: Rows, train: Sequence[int], test: Sequence[int], contender: Contender, seed: int
) -> tuple[float, float]:
    learned, X = rows.take(train), rows.X.iloc[test]
    start = time.perf_counter()
    predict = contender(learned, seed)
    fitted = time.perf_counter()
    predict(X)
    return fitted - start, time.perf_counter() - fitted


def show(records: list[dict[str, Any]]) -> None:
    for what in ("fit_s", "predict_s"):
        table = pd.DataFrame(records).pivot(index=["data", "tasks"], columns="contender", values=what)
        for name in OURS.keys() & table.columns:
            table[f"{name} / {BASE}"] = table[name] / table[BASE]
        print(f"\n{what}\n{table.round(3).to_string()}")


if __name__ == "__main__":
    main()
