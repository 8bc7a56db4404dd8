"""Do the sets of `ConformalMultiTask` cover what they say, and how large are they beside MAPIE's?

Half of the rows of a set are learned, once; the others are split into calibration and test rows many times. For
each task, level and split, the number of covered test labels is compared with the central 95% of its exact
distribution, a beta-binomial one; 5% of the cells should be outside. Peers are MAPIE around a random forest for
each task, and, at one level, around quantiles of gradient boosting. Widths of intervals are in standard
deviations of the target; the sizes of sets are numbers of classes. Sets of labels have ours only: there the share
of true labels that are found is controlled on average, which has no such distribution.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _datasets import ROWS, Rows
from _harness import save
from scipy.stats import betabinom
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.uncertainty import ConformalMultiTask

LEVELS = (0.8, 0.9, 0.95)
#: the level at which quantiles are fitted, three models for each task
LEVEL_OF_QUANTILES = 0.9
FEWEST_ROWS = 500
SETS = ("enb", "sf2", "scpf", "parkinsons", "digits", "yeast_set")


class Cell(NamedTuple):
    """Which labels are in the sets of one task, and the sizes of the sets."""

    task: str
    level: float
    inside: np.ndarray
    sizes: np.ndarray


#: predicts sets: from positions of calibration and test rows, at all levels
Contender = Callable[[np.ndarray, np.ndarray], Iterator[Cell]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="*", choices=ROWS, default=list(SETS), help="data sets to run")
    parser.add_argument("--splits", type=int, default=20, help="splits into calibration and test rows")
    parser.add_argument("--members", type=int, default=4, help="n_members")
    parser.add_argument("--max-epochs", type=int, default=20)
    parser.add_argument("--most-rows", type=int, default=4000, help="rows that are drawn of larger sets")
    options = parser.parse_args()
    logging.disable(logging.INFO)  # MAPIE logs quantiles that cross
    records: list[dict[str, Any]] = []
    for name in options.sets:
        rows = drawn(ROWS[name](), options.most_rows)
        if len(rows.X) < FEWEST_ROWS:
            print(f"{name}: fewer than {FEWEST_ROWS} rows")
            continue
        records += compare(name, rows, options)
    print(summary(records).to_string(float_format=lambda value: f"{value:.3f}"))
    save("conformal", {**vars(options), "records": records})


def drawn(rows: Rows, most: int) -> Rows:
    if len(rows.X) <= most:
        return rows
    return rows.take(np.sort(np.random.default_rng(0).choice(len(rows.X), most, replace=False)))


def compare(name: str, rows: Rows, options: argparse.Namespace) -> list[dict[str, Any]]:
    order = np.random.default_rng(0).permutation(len(rows.X))
    learned, rest = np.split(order, [len(order) // 2])
    makers = {
        "ours": lambda: ours(rows, learned, options, "auto"),
        "ours, absolute": lambda: ours(rows, learned, options, "absolute"),
        "MAPIE, random forest": lambda: forest(rows, learned),
        "MAPIE, boosted quantiles": lambda: boosted(rows, learned),
    }
    records = []
    for contender, make in makers.items():
        start = time.perf_counter()
        predict, cells = make(), []
        for seed in range(options.splits):
            calibration, test = np.array_split(np.random.default_rng(seed).permutation(rest), 2)
            cells += [rated(cell, rows, calibration) for cell in predict(calibration, test)]
        seconds = time.perf_counter() - start
        print(f"{name:12s} {contender:26s} {seconds:6.1f} s", flush=True)
        if cells:
            by = pd.DataFrame(cells).groupby(["task", "level"], sort=False)
            each = by.agg({"coverage": "mean", "size": "mean", "outside": "sum", "cells": "sum"}).round(5)
            records += [
                {"set": name, "contender": contender, **row} for row in each.reset_index().to_dict("records")
            ]
    return records


def rated(cell: Cell, rows: Rows, calibration: np.ndarray) -> dict[str, Any]:
    """Compare the number of covered labels with its exact distribution."""
    known = ~np.isnan(cell.inside)
    n_rows = int(rows.y[cell.task].iloc[calibration].notna().sum())
    place = int(np.ceil(round((n_rows + 1) * cell.level, 9)))
    record = {
        "task": cell.task,
        "level": cell.level,
        "coverage": cell.inside[known].mean(),
        "size": cell.sizes.mean(),
        "outside": 0,
        "cells": 0,
    }
    if rows.kinds[cell.task] != "multilabel" and place <= n_rows:
        low, high = betabinom(known.sum(), place, n_rows + 1 - place).ppf([0.025, 0.975])
        record |= {"outside": int(not low <= cell.inside[known].sum() <= high), "cells": 1}
    return record


def scale(rows: Rows, task: str) -> float:
    return float(rows.y[task].std())


def inside_interval(rows: Rows, task: str, test: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y = rows.y[task].iloc[test].to_numpy(dtype=float)
    inside = np.where(np.isnan(y), np.nan, (bounds[:, 0] <= y) & (y <= bounds[:, 1]))
    return inside, (bounds[:, 1] - bounds[:, 0]) / scale(rows, task)


def inside_set(rows: Rows, task: str, test: np.ndarray, sets: np.ndarray, classes: Any) -> tuple[Any, Any]:
    y, place = rows.y[task].iloc[test], {label: code for code, label in enumerate(classes)}
    inside = [np.nan if pd.isna(label) else float(sets[n, place[label]]) if label in place else 0.0
              for n, label in enumerate(y)]  # fmt: skip
    return np.array(inside), sets.sum(axis=1)


def ours(rows: Rows, learned: np.ndarray, options: argparse.Namespace, method: str) -> Contender:
    net = MultiTaskNetEstimator(
        tasks=rows.kinds, n_members=options.members, max_epochs=options.max_epochs, device="cpu", random_state=0
    ).fit(rows.X.iloc[learned], rows.y.iloc[learned])
    numbers = [task for task, kind in rows.kinds.items() if kind == "regression"]
    if method == "absolute" and not numbers:
        return lambda calibration, test: iter(())
    shown = list(rows.kinds) if method == "auto" else numbers

    def predict(calibration: np.ndarray, test: np.ndarray) -> Iterator[Cell]:
        one = ConformalMultiTask(net, method=method, tasks=shown)
        one.conformalize(rows.X.iloc[calibration], rows.y.iloc[calibration])
        for level in LEVELS:
            sets = one.predict_set(rows.X.iloc[test], confidence_level=level)
            for task in shown:
                if rows.kinds[task] == "regression":
                    found = inside_interval(rows, task, test, sets[task])
                elif rows.kinds[task] == "classification":
                    found = inside_set(rows, task, test, sets[task], net.tasks_[task].classes_)
                else:
                    found = found_labels(rows, task, test, sets[task], net.tasks_[task].classes_)
                yield Cell(task, level, *found)

    return predict


def found_labels(rows: Rows, task: str, test: np.ndarray, sets: np.ndarray, classes: Any) -> tuple[Any, Any]:
    place = {label: code for code, label in enumerate(classes)}
    shares = [
        np.mean([sets[n, place[label]] if label in place else 0.0 for label in labels]) if len(labels) else 1.0
        for n, labels in enumerate(rows.y[task].iloc[test])
    ]
    return np.array(shares), sets.sum(axis=1)


def forest(rows: Rows, learned: np.ndarray) -> Contender:
    from mapie.classification import SplitConformalClassifier
    from mapie.regression import SplitConformalRegressor

    X, models = inputs_of(rows), {}
    for task, kind in rows.kinds.items():
        if kind == "multilabel":
            continue
        own = learned[rows.y[task].iloc[learned].notna().to_numpy()]
        make = RandomForestRegressor if kind == "regression" else RandomForestClassifier
        models[task] = make(n_estimators=100, min_samples_leaf=2, random_state=0).fit(
            X[own], rows.y[task].iloc[own]
        )

    def predict(calibration: np.ndarray, test: np.ndarray) -> Iterator[Cell]:
        for task, model in models.items():
            own = calibration[rows.y[task].iloc[calibration].notna().to_numpy()]
            peers = {"regression": SplitConformalRegressor, "classification": SplitConformalClassifier}
            peer = peers[rows.kinds[task]](model, confidence_level=list(LEVELS), prefit=True)
            peer.conformalize(X[own], rows.y[task].iloc[own].to_numpy())
            if rows.kinds[task] == "regression":
                bounds = peer.predict_interval(X[test])[1]
                found = [inside_interval(rows, task, test, bounds[:, :, n]) for n in range(len(LEVELS))]
            else:
                sets = peer.predict_set(X[test])[1]
                found = [inside_set(rows, task, test, sets[:, :, n], model.classes_) for n in range(len(LEVELS))]
            for level, each in zip(LEVELS, found, strict=True):
                yield Cell(task, level, *each)

    return predict


def boosted(rows: Rows, learned: np.ndarray) -> Contender:
    from mapie.regression import ConformalizedQuantileRegressor

    X, models = inputs_of(rows), {}
    tail = (1 - LEVEL_OF_QUANTILES) / 2
    for task, kind in rows.kinds.items():
        if kind != "regression":
            continue
        own = learned[rows.y[task].iloc[learned].notna().to_numpy()]
        models[task] = [
            HistGradientBoostingRegressor(loss="quantile", quantile=q, random_state=0).fit(
                X[own], rows.y[task].iloc[own]
            )
            for q in (tail, 1 - tail, 0.5)
        ]

    def predict(calibration: np.ndarray, test: np.ndarray) -> Iterator[Cell]:
        for task, three in models.items():
            own = calibration[rows.y[task].iloc[calibration].notna().to_numpy()]
            peer = ConformalizedQuantileRegressor(three, confidence_level=LEVEL_OF_QUANTILES, prefit=True)
            with warnings.catch_warnings():  # of quantiles that cross
                warnings.simplefilter("ignore", UserWarning)
                peer.conformalize(X[own], rows.y[task].iloc[own].to_numpy())
                bounds = peer.predict_interval(X[test])[1][:, :, 0]
            yield Cell(task, LEVEL_OF_QUANTILES, *inside_interval(rows, task, test, bounds))

    return predict


def inputs_of(rows: Rows) -> np.ndarray:
    """Return numbers: categories become columns of 0 and 1, missing numbers the median."""
    X = pd.get_dummies(rows.X, dtype=float)
    return X.fillna(X.median()).to_numpy(dtype=float)


def summary(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Return means over the tasks of a set."""
    table = pd.DataFrame(records)
    table["error"] = table["coverage"] - table["level"]
    by = table.groupby(["set", "contender", "level"], sort=False)
    sums = by[["outside", "cells"]].sum()
    outside = (sums["outside"] / sums["cells"].where(sums["cells"] > 0)).rename("share outside")
    return pd.concat([by[["coverage", "error", "size"]].mean(), outside], axis=1)


if __name__ == "__main__":
    main()
