"""Do the sets of `ConformalMultiTask` cover what they say, and how large are they beside MAPIE's?

Every set of the quality benchmark with 500 rows or more. About half of the rows are learned, once, by a network
with the default parameters; the others are split into calibration and test rows many times. As in the quality
benchmark, rows of one group are learned together or not at all, tasks with rows of their own are each halved, and
a given split is kept. For each task, level and split, the number of covered test labels is compared with the
central 95% of its exact distribution, a beta-binomial one; at most 5% of the cells should be outside. It is exact
for scores without ties; ties cover more. Sets of labels control the mean share of true labels that are found,
which has no such distribution.

Peers are MAPIE around a random forest for each task, and, at one level and for numbers, conformalised quantiles of
gradient boosting; "ours, quantiles" is a network that learns the same quantiles. Widths of intervals are in
standard deviations of the target; sizes of sets are numbers of classes. Results are stored by data set, and not
made again without ``--again``; ``--report`` prints what is stored.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from _conformal_sets import (
    ALL,
    FEWEST_JOINT,
    JOINT,
    LEVEL_OF_QUANTILES,
    BoostedQuantiles,
    Cell,
    Forest,
    Ours,
    labelled,
    place_of,
)
from _datasets import ROWS
from _harness import RESULTS, environment, stored
from _rows import Rows, shuffled
from scipy.stats import betabinom

NAME = "conformal"
FEWEST_ROWS = 500
#: tasks that peers are fitted to, by the largest number of features
MOST_TASKS = {100: 20, 500: 6, np.inf: 3}
#: numbers up to which a network with quantiles is fitted: each has a loss of its own
MOST_QUANTILES = 20
#: one split: from positions of calibration and test rows to its cells
Split = Callable[[np.ndarray, np.ndarray], Iterator[Cell]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="*", choices=ROWS, default=list(ROWS), help="data sets to run")
    parser.add_argument("--splits", type=int, default=20, help="splits into calibration and test rows")
    parser.add_argument("--most-rows", type=int, default=4000, help="rows that are drawn of larger sets")
    parser.add_argument("--again", action="store_true", help="also what has a result")
    parser.add_argument("--report", action="store_true", help="print what was kept, run nothing")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    for name in options.sets:
        if options.report or (name in stored(NAME).get("sets", {}) and not options.again):
            continue
        rows = drawn(ROWS[name](), options.most_rows)
        if len(rows.X) < FEWEST_ROWS:
            print(f"{name}: fewer than {FEWEST_ROWS} rows", flush=True)
            continue
        store(name, compare(name, rows, options.splits))
    report(stored(NAME)["sets"])


def drawn(rows: Rows, most: int) -> Rows:
    """Draw rows of a large set; where tasks have rows of their own, all are kept, which are few for each task."""
    if len(rows.X) <= most or rows.owner is not None:
        return rows
    return rows.take(np.sort(np.random.default_rng(0).choice(len(rows.X), most, replace=False)))


def learned_and_rest(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    if rows.part is not None:
        is_learned = (rows.part == 0).to_numpy()
        return np.flatnonzero(is_learned), np.flatnonzero(~is_learned)
    return next(shuffled(rows, 1, 0.5, 0))


def compare(name: str, rows: Rows, n_splits: int) -> dict[str, Any]:
    """Fit the contenders, and return the facts of a set with a record for each contender, task and level."""
    learned, rest = learned_and_rest(rows)
    numbers = [task for task, kind in rows.kinds.items() if kind == "regression"]
    peered = tasks_of_peers(rows, learned)
    splits = [np.array_split(np.random.default_rng(seed).permutation(rest), 2) for seed in range(n_splits)]
    seconds, records = {}, []

    def run(contender: str, split: Split) -> None:
        start = time.perf_counter()
        cells = [(calibration, cell) for calibration, test in splits for cell in split(calibration, test)]
        records.extend(_records(contender, cells, rows))
        seconds[contender] = round(seconds.get(contender, 0.0) + time.perf_counter() - start, 1)
        print(f"{name:18s}{contender:26s}{seconds[contender]:8.1f} s", flush=True)

    start = time.perf_counter()
    ours = Ours(rows, learned, rest)
    seconds["ours"] = time.perf_counter() - start
    run("ours", lambda *split: ours.cells(*split, "auto"))
    if numbers:
        run("ours, absolute", lambda *split: ours.cells(*split, "absolute"))
    if numbers and len(numbers) <= MOST_QUANTILES:
        start = time.perf_counter()
        with_quantiles = Ours(rows, learned, rest, quantiles=True)
        seconds["ours, quantiles"] = time.perf_counter() - start
        run("ours, quantiles", lambda *split: with_quantiles.cells(*split, "quantile"))
    if has_joint(rows, rest):
        for joint in JOINT:
            run(f"ours, {joint}", lambda *split, joint=joint: ours.joint_cells(*split, joint))
    for contender, make, tasks in (
        ("MAPIE, random forest", Forest, peered),
        ("boosted quantiles", BoostedQuantiles, [task for task in peered if task in numbers]),
    ):
        if tasks:
            start = time.perf_counter()
            peer = make(rows, learned, rest, tasks)
            seconds[contender] = time.perf_counter() - start
            run(contender, peer.cells)
    facts = {"n_rows": len(rows.X), "n_learned": len(learned), "n_tasks": len(rows.kinds)}
    return {**facts, "n_splits": n_splits, "seconds": seconds, "environment": environment(), "records": records}


def has_joint(rows: Rows, rest: np.ndarray) -> bool:
    complete = rows.y.iloc[rest].notna().all(axis=1).sum()
    return len(rows.kinds) > 1 and "multilabel" not in rows.kinds.values() and complete >= FEWEST_JOINT


def tasks_of_peers(rows: Rows, learned: np.ndarray) -> list[str]:
    """Return the tasks that peers are fitted to: some, drawn at random, where all would take long."""
    suited = []
    for task, kind in rows.kinds.items():
        _, labels = labelled(rows, task, learned)
        if kind == "regression" or (kind == "classification" and set(labels) == set(rows.y[task].dropna())):
            suited.append(task)
    most = next(most for features, most in MOST_TASKS.items() if rows.X.shape[1] <= features)
    chosen = set(np.random.default_rng(0).permutation(len(suited))[:most])
    return [task for place, task in enumerate(suited) if place in chosen]


def _records(contender: str, cells: list[tuple[np.ndarray, Cell]], rows: Rows) -> list[dict[str, Any]]:
    """Return means over splits, for each task and level."""
    frame = pd.DataFrame([{**_rated(cell, rows, calibration)} for calibration, cell in cells])
    by = frame.groupby(["task", "level"], sort=False)
    means = by[["coverage", "median", "mean", "n_calibration"]].mean()
    with_sums = means.join(by[["below", "above", "cells"]].sum()).round(4).reset_index()
    return [{"contender": contender, **record} for record in with_sums.to_dict("records")]


def _rated(cell: Cell, rows: Rows, calibration: np.ndarray) -> dict[str, Any]:
    """Compare the number of covered labels with its exact distribution."""
    joint = cell.task == ALL
    is_labelled = (rows.y if joint else rows.y[[cell.task]]).notna().to_numpy()
    n_rows = int(is_labelled[calibration].all(axis=1).sum())
    place, known = place_of(n_rows, cell.level), ~np.isnan(cell.inside)
    n_known, n_inside = int(known.sum()), int(np.nansum(cell.inside))
    record = {"task": cell.task, "level": cell.level, "n_calibration": n_rows}
    record |= {"below": 0, "above": 0, "cells": 0}
    if not n_known or place > n_rows:  # sets hold everything
        return record | dict.fromkeys(("coverage", "median", "mean"), np.nan)
    sizes = cell.sizes[known]
    record |= {"coverage": cell.inside[known].mean(), "median": np.median(sizes), "mean": sizes.mean()}
    if joint or not isinstance(rows.y[cell.task].iloc[0], tuple):
        up_to = cumulated(n_known, place, n_rows)
        above = n_inside > 0 and up_to[n_inside - 1] >= 0.975
        record |= {"below": int(up_to[n_inside] < 0.025), "above": int(above), "cells": 1}
    return record


@cache
def cumulated(n_test: int, place: int, n_calibration: int) -> np.ndarray:
    """Return the distribution function of the number of covered test labels, without ties of scores."""
    found: np.ndarray = betabinom(n_test, place, n_calibration + 1 - place).pmf(np.arange(n_test + 1)).cumsum()
    return found


def store(name: str, result: dict[str, Any]) -> None:
    """Add the result of a set to the file, one line for each record."""
    sets = {**stored(NAME).get("sets", {}), name: result}
    ordered = {each: sets[each] for each in ROWS if each in sets}
    text = ",\n".join(f" {json.dumps(each)}: {_written(one)}" for each, one in ordered.items())
    path = RESULTS / f"{NAME}.json"
    new = path.with_suffix(".new")
    new.write_text('{"sets": {\n' + text + "\n}}\n")
    new.replace(path)


def _written(result: dict[str, Any]) -> str:
    facts = json.dumps({key: value for key, value in result.items() if key != "records"})
    records = ",\n".join(f"  {json.dumps(_without_nan(record))}" for record in result["records"])
    return f'{facts[:-1]}, "records": [\n{records}\n ]}}'


def _without_nan(record: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value != value else value for key, value in record.items()}


def report(sets: dict[str, Any]) -> None:
    """Print coverages by set and contender, sizes at one level, and how many sets ours is smallest on."""
    table = pd.concat([pd.DataFrame(one["records"]).assign(set=name) for name, one in sets.items()])
    sums = table.groupby(["set", "contender", "level"], sort=False)
    cover = sums["coverage"].mean().unstack("level")
    cells = table.groupby(["set", "contender"], sort=False)[["below", "above", "cells"]].sum()
    cells[["below", "above"]] = cells[["below", "above"]].div(cells["cells"].where(cells["cells"] > 0), axis=0)
    print(cover.join(cells).to_string(float_format=lambda value: f"{value:.3f}"))
    ours = table[table["contender"] == "ours"]
    means = ours.groupby(["set", "level"])["coverage"].mean()
    errors = (means - means.index.get_level_values("level")).abs()
    print(f"ours: {(errors <= 0.01).sum()} of {len(errors)} sets and levels within one point of the level")
    total = ours[["below", "above", "cells"]].sum()
    print(f"ours: {total['below']} cells below and {total['above']} above the band of {total['cells']}")
    own = table[(table["level"] == LEVEL_OF_QUANTILES) & (table["task"] != ALL)]
    numbers = own[own["contender"] == "ours, absolute"].set_index(["set", "task"]).index
    is_number = pd.MultiIndex.from_frame(own[["set", "task"]]).isin(numbers)
    for title, part, size in (
        ("median widths of intervals", own[is_number], "median"),
        ("mean widths of intervals", own[is_number], "mean"),
        ("mean sizes of sets of classes", own[~is_number], "mean"),
    ):
        sizes = sizes_of(part, size)
        print(f"\n{title} at {LEVEL_OF_QUANTILES}, and their ratios to the smaller of the peers'")
        print(sizes.to_string(float_format=lambda value: f"{value:.3f}"))
        for ratio in [column for column in sizes if column.startswith("ratio")]:
            print(f"{ratio}: at most 1 on {(sizes[ratio] <= 1.0).sum()} of {sizes[ratio].notna().sum()} sets")


def sizes_of(own: pd.DataFrame, size: str) -> pd.DataFrame:
    """Return the mean over the tasks that peers were fitted to, by set and contender."""
    wide = own.pivot_table(index=["set", "task"], columns="contender", values=size, sort=False)
    peers = [name for name in ("MAPIE, random forest", "boosted quantiles") if name in wide]
    wide = wide[wide[peers].notna().any(axis=1)]
    means = wide.groupby("set", sort=False).mean()
    ours = [name for name in ("ours", "ours, absolute", "ours, quantiles") if name in means]
    best = means[peers].min(axis=1)
    return means.join(pd.DataFrame({f"ratio of {name}": means[name] / best for name in ours}))


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the defaults are compared as they are
        main()
