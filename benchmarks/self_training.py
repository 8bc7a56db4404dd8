"""Does self-training help a task of which few rows have a label?

Most labels of one task are removed from the training rows; the other tasks keep theirs. The plain network and
`SelfTrainingMultiTask` of the same network learn the same rows, and are scored on test rows that have all labels:
accuracy or R2 of the task, and the mean of the others. "oracle" is the plain network that learned all labels.

One round is tried, with ``margin=0``: "errors" is by how many standard errors it helped the task on held-out
labels. If that is more than 1 the default margin gives the same network, and otherwise the plain one, so that one
fit shows the gain of both, "gain" and "gain_at_1".
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _datasets import ROWS, Rows
from _harness import save
from _molecules import molecules
from _rows import shuffled
from joblib import Parallel, delayed
from sklearn.base import clone

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.semi_supervised import SelfTrainingMultiTask
from sklearn_mtl.trunks import MLP


class Thinned(NamedTuple):
    """A data set, and the task whose labels are removed."""

    rows: Callable[[], Rows]
    task: str


def sample(rows: Rows, n: int) -> Rows:
    return rows.take(np.sort(np.random.default_rng(0).choice(len(rows.X), n, replace=False)))


def qm8() -> Rows:
    return sample(molecules("qm8", n_tasks=3)._replace(part=None), 800)


DATA = {
    "penguins": Thinned(ROWS["penguins"], "species"),
    "digits": Thinned(lambda: sample(ROWS["digits"](), 600), "digit"),
    "adult": Thinned(lambda: sample(ROWS["adult"](), 1000), ""),
    "qm8": Thinned(qm8, ""),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="*", choices=DATA, default=list(DATA))
    parser.add_argument("--kept", nargs="*", type=float, default=[0.02, 0.05, 0.1], help="shares of labels")
    parser.add_argument("--seeds", type=int, default=5, help="splits, choices of labels and fits")
    parser.add_argument("--max-epochs", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    runs = itertools.product(range(options.seeds), options.data, options.kept)
    records: list[dict[str, Any]] = []
    calls = (delayed(compare)(name, kept, seed, options.max_epochs) for seed, name, kept in runs)
    for record in Parallel(options.jobs, return_as="generator")(calls):
        records.append(record)
        print(record, flush=True)
    print(f"\n{table(records).to_string()}")
    save("self_training", {"max_epochs": options.max_epochs, "records": records})


def compare(name: str, kept: float, seed: int, max_epochs: int) -> dict[str, Any]:
    """Score both on the test rows of one split."""
    rows = DATA[name].rows()
    task = DATA[name].task or str(rows.y.columns[0])
    train, test = next(shuffled(rows, 1, 1 / 3, seed))
    learned, tested = rows.take(train), rows.take(test)
    y = learned.y.copy()
    y[task] = thin(y[task], kept, seed)
    net = MultiTaskNetEstimator(
        tasks=rows.kinds,
        trunk=MLP((64,), scaling="standard"),
        n_members=2,
        max_epochs=max_epochs,
        device="cpu",
        random_state=seed,
    )
    plain = net.fit(learned.X, y)
    with warnings.catch_warnings():  # of tasks that are complete but for a few rows, and of too few labels
        warnings.simplefilter("ignore", UserWarning)
        taught = SelfTrainingMultiTask(net, max_iter=1, n_folds=3, margin=0.0).fit(learned.X, y)
    before, after = (each.score_tasks(tested.X, tested.y) for each in (plain, taught))
    oracle = clone(net).fit(learned.X, learned.y).score_tasks(tested.X, tested.y)
    others = [other for other in before if other != task]
    judged = taught.rounds_.query("task == @task")
    errors = (judged["loss_before"] - judged["loss_after"]) / judged["standard_error"]
    return {
        "data": name,
        "task": task,
        "kept": kept,
        "seed": seed,
        "labels": int(y[task].notna().sum()),
        "added": taught.labels_added_[task],
        "plain": round(before[task], 5),
        "oracle": round(oracle[task], 5),
        "gain": round(after[task] - before[task], 5),
        "gain_others": round(float(np.mean([after[other] - before[other] for other in others])), 5),
        "accepted": taught.labels_added_[task] > 0,
        "errors": None if errors.empty else round(float(errors.iloc[0]), 3),
        "ended": taught.termination_condition_,
    }


def thin(labels: pd.Series, kept: float, seed: int) -> pd.Series:
    """Keep a share of the labels, with one of each class at least."""
    random = np.random.default_rng(seed)
    order = random.permutation(np.flatnonzero(labels.notna()))
    chosen = order[: max(2, round(kept * len(order)))]
    if labels.dtype.kind != "f":
        first = labels.iloc[order].drop_duplicates().index
        chosen = np.union1d(chosen, labels.index.get_indexer(first))
    thinned = labels.astype(labels.dtype if labels.dtype.kind == "f" else object).copy()
    thinned.iloc[np.setdiff1d(np.arange(len(labels)), chosen)] = np.nan if labels.dtype.kind == "f" else None
    return thinned


def table(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Return means over the seeds, and the standard errors of the gains."""
    scores = pd.DataFrame(records)
    helped = scores["accepted"] & (scores["errors"].astype(float) > 1)
    scores["gain_at_1"] = scores["gain"].where(helped, 0.0)
    by = scores.groupby(["data", "task", "kept"], sort=False)
    columns = {
        "labels": by["labels"].mean(),
        "added": by["added"].mean(),
        "accepted": by["accepted"].sum(),
        "seeds": by.size(),
        "plain": by["plain"].mean(),
        "oracle": by["oracle"].mean(),
        "gain": by["gain"].mean(),
        "gain_se": by["gain"].sem(),
        "gain_at_1": by["gain_at_1"].mean(),
        "gain_at_1_se": by["gain_at_1"].sem(),
        "gain_others": by["gain_others"].mean(),
        "gain_others_se": by["gain_others"].sem(),
    }
    return pd.DataFrame(columns).round(4)


if __name__ == "__main__":
    main()
