"""Does early stopping on whole groups help where the test rows are of other groups?

Parkinsons telemonitoring: test patients have no row among the training rows. The network stops on random rows of
the training patients, or on some of the patients (``fit(groups=)``). "by hand" is what this replaces: a tenth of
the patients is split off, and the training goes on epoch by epoch as long as they are predicted better. Ridge
regression stands beside. R2 is the mean over both tasks. The splits test on a quarter of the patients, or are
those of `quality.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from _contenders import PEERS
from _datasets import ROWS, Rows
from _harness import save
from _quality_scores import splits
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupShuffleSplit

from sklearn_mtl import MultiTaskNetEstimator, Optimizer

Predict = Callable[[pd.DataFrame], Any]


def net(rows: Rows, seed: int, **params: Any) -> MultiTaskNetEstimator:
    return MultiTaskNetEstimator(**{"tasks": rows.kinds, "n_members": 1, "random_state": seed, **params})


def random_rows(rows: Rows, seed: int, **params: Any) -> Predict:
    return net(rows, seed, **params).fit(rows.X, rows.y).predict


def groups(rows: Rows, seed: int, **params: Any) -> Predict:
    return net(rows, seed, **params).fit(rows.X, rows.y, groups=rows.groups).predict


def by_hand(rows: Rows, seed: int, **params: Any) -> Predict:
    """Hold out a tenth of the patients, and train as many epochs as are best on them."""
    splitter = GroupShuffleSplit(n_splits=1, test_size=0.1, random_state=seed)
    train, held = next(splitter.split(rows.X, groups=rows.groups))
    learned, watched = rows.take(train), rows.take(held)
    grown = net(
        rows,
        seed,
        early_stopping=False,
        max_epochs=1,
        warm_start=True,
        optimizer=Optimizer(schedule="constant"),
        **params,
    )
    best, model, waited = -np.inf, grown, 0
    for _ in range(100):
        now = grown.fit(learned.X, learned.y).score(watched.X, watched.y)
        waited += 1
        if now > best:
            best, model, waited = now, grown.__copy__(), 0
        if waited == 10:
            break
    return model.predict


def ridge(rows: Rows, seed: int) -> Predict:
    predict = PEERS["ridge / logistic"](rows, seed)
    return lambda X: {name: predicted.values for name, predicted in predict(X).items()}


CONTENDERS: dict[str, Callable[..., Predict]] = {
    "random rows": random_rows,
    "groups": groups,
    "groups, validation=0.2": lambda rows, seed: groups(rows, seed, validation=0.2),
    "by hand": by_hand,
    "random rows, n_members=8": lambda rows, seed: random_rows(rows, seed, n_members=8),
    "groups, n_members=8": lambda rows, seed: groups(rows, seed, n_members=8),
    "ridge": ridge,
}


def quarters(rows: Rows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return GroupShuffleSplit(n_splits=5, test_size=0.25, random_state=0).split(rows.X, groups=rows.groups)


SPLITS = {"quarters": quarters, "quality": splits}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contenders", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--splits", choices=SPLITS, default="quarters")
    parser.add_argument("--seeds", type=int, default=3, help="fits of each split, with other seeds")
    options = parser.parse_args()
    records = compare(options.splits, options.contenders, options.seeds)
    save(f"grouped_validation_{options.splits}", {"data": "parkinsons", "records": records})


def compare(splits_name: str, contenders: list[str], n_seeds: int) -> list[dict[str, Any]]:
    rows, records = ROWS["parkinsons"](), []
    for split, (train, test) in enumerate(SPLITS[splits_name](rows)):
        for name in contenders:
            for seed in range(1 if name == "ridge" else n_seeds):
                predicted = CONTENDERS[name](rows.take(train), 10 * seed + split)(rows.X.iloc[test])
                scores = [r2_score(rows.y[task].iloc[test], predicted[task]) for task in rows.y]
                described = {"splits": splits_name, "contender": name, "split": split, "seed": seed}
                records.append({**described, "r2": round(float(np.mean(scores)), 5)})
    print(f"\nsplits: {splits_name}")
    scores_of = pd.DataFrame(records).groupby(["contender", "split"], sort=False)["r2"].mean().unstack()
    by_seed = pd.DataFrame(records).groupby(["contender", "seed"], sort=False)["r2"].mean().unstack()
    table = scores_of.assign(mean=scores_of.mean(axis=1), worst=by_seed.min(axis=1), best=by_seed.max(axis=1))
    print(table.to_string(float_format=lambda value: f"{value:.2f}"), flush=True)
    return records


if __name__ == "__main__":
    main()
