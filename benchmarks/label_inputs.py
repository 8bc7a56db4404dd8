"""Do known labels of other tasks help, and does a network that may read them lose where none is known?

Three predictions of the same test rows, by two networks: the plain one; one of ``label_inputs=True`` without
``given``; and the same one with the labels of all other tasks. A score is the mean over the tasks of accuracy or
R2. Differences to the plain network are paired by split.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from _datasets import ROWS, Rows
from _harness import save
from _molecules import molecules
from _rows import shuffled

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.trunks import MLP


def made() -> Rows:
    """Make a class, a number that follows from X only together with it, and a number that does not need it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 5))
    sign = rng.choice(["minus", "plus"], size=len(X))
    level = np.where(sign == "plus", X[:, 0], -X[:, 0]) + 0.3 * rng.normal(size=len(X))
    total = X[:, 1] + X[:, 2] + 0.5 * rng.normal(size=len(X))
    return Rows(pd.DataFrame(X).add_prefix("x"), pd.DataFrame({"sign": sign, "level": level, "total": total}))


def sample(rows: Rows, n: int) -> Rows:
    return rows.take(np.sort(np.random.default_rng(0).choice(len(rows.X), n, replace=False)))


DATA: dict[str, Callable[[], Rows]] = {
    "made": made,
    "penguins": ROWS["penguins"],
    "yeast": ROWS["yeast"],
    "adult": lambda: sample(ROWS["adult"](), 3000),
    "qm8": lambda: sample(molecules("qm8", n_tasks=4)._replace(part=None), 2000),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="*", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", type=int, default=10, help="splits and fits")
    parser.add_argument("--max-epochs", type=int, default=50)
    options = parser.parse_args()
    records: list[dict[str, Any]] = []
    for name in options.data:
        rows = DATA[name]()
        for seed in range(options.seeds):
            records += compare(name, rows, seed, options.max_epochs)
    print(f"\n{table(records).to_string()}")
    save("label_inputs", {"max_epochs": options.max_epochs, "records": records})


def compare(name: str, rows: Rows, seed: int, max_epochs: int) -> list[dict[str, Any]]:
    """Score the three predictions of each task on the test rows of one split."""
    train, test = next(shuffled(rows, 1, 1 / 3, seed))
    learned, tested = rows.take(train), rows.take(test)
    net = MultiTaskNetEstimator(
        tasks=rows.kinds,
        trunk=MLP((64, 64), scaling="standard"),
        n_members=1,
        max_epochs=max_epochs,
        device="cpu",
        random_state=seed,
    )
    plain = net.fit(learned.X, learned.y).score_tasks(tested.X, tested.y)
    reader = net.set_params(label_inputs=True).fit(learned.X, learned.y)
    without = reader.score_tasks(tested.X, tested.y)
    known = reader.score_tasks(tested.X, tested.y, given=tested.y)
    return [
        {
            "data": name,
            "task": task,
            "seed": seed,
            "plain": round(plain[task], 5),
            "without": round(without[task], 5),
            "with": round(known[task], 5),
        }
        for task in plain
    ]


def table(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Return means over tasks and splits, and paired differences with standard errors over the splits."""
    scores = pd.DataFrame(records).groupby(["data", "seed"], sort=False)[["plain", "without", "with"]].mean()
    rows = {}
    for name, each in scores.groupby(level="data", sort=False):
        changes = each[["without", "with"]].sub(each["plain"], axis=0)
        rows[name] = {**each.mean(), **changes.mean().add_prefix("gain "), **changes.sem().add_prefix("se ")}
    return pd.DataFrame(rows).T.round(4)


if __name__ == "__main__":
    main()
