"""Groups of tasks on data with known relations: three families of four tasks, and a harmful outlier.

The tasks of a family are one function of the inputs, up to its sign, a linear part of their own, and noise; each
has 60 labels, in rows of its own. The outlier is another function, of all inputs, with labels in all rows. The
trunk is narrow, so that tasks of different functions compete for it. ``TaskGrouping`` is compared with the
families as groups (the oracle), with all tasks together, and with each task alone, on new rows. Seconds are CPU
time; those of an insured grouping are without the search, whose groups it takes over.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from _harness import save, stored

from sklearn_mtl import MultiTaskNetRegressor, Targets
from sklearn_mtl.model_selection import TaskGrouping
from sklearn_mtl.trunks import MLP

N_TRAIN, N_TEST, N_COLUMNS, N_LABELS = 400, 3000, 8, 60
FAMILIES = [tuple(f"{family}{number}" for number in range(4)) for family in "abc"]
OUTLIER = "outlier"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=range(10))
    parser.add_argument("--methods", nargs="*", default=["gradient", "lookahead", "pairs", "subsets"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    # those of other seeds stay
    records = [one for one in stored("task_grouping").get("records", []) if one["seed"] not in options.seeds]
    for seed in options.seeds:
        records += compare(seed, options.methods)
        save("task_grouping", {"records": sorted(records, key=lambda one: one["seed"])})
    table = pd.DataFrame(records).groupby("contender", sort=False).mean(numeric_only=True)
    print(f"\n{table.drop(columns='seed').round(3).to_string()}")


def compare(seed: int, methods: Sequence[str]) -> list[dict[str, Any]]:
    X, y = made(seed)
    train, test = slice(0, N_TRAIN), slice(N_TRAIN, None)
    net = MultiTaskNetRegressor(
        trunk=MLP((10,), scaling="standard"), n_members=4, max_epochs=150, learning_rate=1e-2, random_state=seed
    )
    fixed = {
        "oracle": [*FAMILIES, (OUTLIER,)],
        "together": [tuple(y)],
        "alone": [(name,) for name in y],
    }
    records = []
    for contender, groups in fixed.items():
        scores: dict[str, float] = {}
        for group in groups:
            part = Targets({name: y[name] for name in group})
            scores |= net.fit(X[train], part[train]).score_tasks(X[test], part[test])
        records.append({"seed": seed, "contender": contender, **summary(scores)})
    for method in methods:
        searched = SearchedOnce(net, method=method, cv=5, random_state=seed)
        insured = SearchedOnce(net, method=method, cv=5, random_state=seed, insured=True)
        for contender, grouping in {method: searched, f"{method}, insured": insured}.items():
            start = time.process_time()
            grouping.known = searched.known
            grouping.fit(X[train], y[train])
            seconds = time.process_time() - start
            found = {frozenset(group) for group in grouping.groups_}
            advice = grouping.drop_redundant()
            records.append(
                {
                    "seed": seed,
                    "contender": f"TaskGrouping, {contender}",
                    **summary(grouping.score_tasks(X[test], y[test])),
                    "families found": sum(frozenset(family) in found for family in FAMILIES),
                    "outlier apart": int(frozenset([OUTLIER]) in found),
                    "outlier gives least": int(advice["gives"].idxmin() == OUTLIER),
                    "seconds": round(seconds, 1),
                }
            )
            print(records[-1], grouping.groups_, grouping.scores_, flush=True)
    return records


class SearchedOnce(TaskGrouping):
    """Keeps the affinities and groups that were found, or takes over those that are known."""

    known: Any = None

    def _divided(self, *args: Any) -> Any:
        if self.known is None:
            self.known = super()._divided(*args)
        return self.known


def summary(scores: dict[str, float]) -> dict[str, float]:
    families = [score for name, score in scores.items() if name != OUTLIER]
    return {"R2": float(np.mean(list(scores.values()))), "R2 of families": float(np.mean(families))}


def made(seed: int) -> tuple[np.ndarray, Targets]:
    rng = np.random.RandomState(seed)
    X = rng.randn(N_TRAIN + N_TEST, N_COLUMNS)
    columns = {}
    for family in FAMILIES:
        axes = np.linalg.qr(rng.randn(N_COLUMNS, N_COLUMNS))[0]
        first, second, third = (X @ axes[:, :3]).T
        common = np.tanh(1.5 * first) + second * third
        for name in family:
            signal = common / common.std() + 0.3 * X @ rng.randn(N_COLUMNS) / np.sqrt(N_COLUMNS)
            columns[name] = rng.choice([-1, 1]) * signal / signal.std() + 0.3 * rng.randn(len(X))
            columns[name][rng.permutation(N_TRAIN)[N_LABELS:]] = np.nan
    turned = X @ np.linalg.qr(rng.randn(N_COLUMNS, N_COLUMNS))[0]
    products = (turned[:, ::2] * turned[:, 1::2]).sum(axis=1)
    columns[OUTLIER] = products / products.std() + 0.1 * rng.randn(len(X))
    return X, Targets(columns)


if __name__ == "__main__":
    main()
