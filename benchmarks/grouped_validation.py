"""Does early stopping on whole groups help where the test rows are of other groups?

Parkinsons telemonitoring, with the splits of `quality.py`: test patients have no row among the training rows. The
network stops on random rows of the training patients, or on some of the patients (``fit(groups=)``). "by hand" is
what this replaces: patients are split off, and the number of epochs that is best on them is found, epoch by epoch.
Ridge regression stands beside. R2 is the mean over both tasks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from _contenders import PEERS
from _datasets import ROWS, Rows
from _harness import save
from _quality_scores import splits
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupShuffleSplit

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.model_selection import MultiTaskStratifiedGroupKFold

Predict = Callable[[pd.DataFrame], Any]


def net(rows: Rows, seed: int, **params: Any) -> MultiTaskNetEstimator:
    return MultiTaskNetEstimator(tasks=rows.kinds, random_state=seed, **params)


def random_rows(rows: Rows, seed: int, **params: Any) -> Predict:
    return net(rows, seed, **params).fit(rows.X, rows.y).predict


def groups(rows: Rows, seed: int, **params: Any) -> Predict:
    return net(rows, seed, **params).fit(rows.X, rows.y, groups=rows.groups).predict


def by_hand(rows: Rows, seed: int, **params: Any) -> Predict:
    """Hold out a tenth of the patients, and train as many epochs as are best on them."""
    splitter = GroupShuffleSplit(n_splits=1, test_size=0.1, random_state=seed)
    train, held = next(splitter.split(rows.X, groups=rows.groups))
    learned, watched = rows.take(train), rows.take(held)
    grown = net(rows, seed, early_stopping=False, max_epochs=1, warm_start=True, **params)
    best, model, waited = -np.inf, grown, 0
    for _ in range(100):
        now = MultiTaskNetEstimator.fit(grown, learned.X, learned.y).score(watched.X, watched.y)
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
    "groups, stratified 5-fold": lambda rows, seed, **params: groups(
        rows, seed, validation=MultiTaskStratifiedGroupKFold(5, shuffle=True), **params
    ),
    "by hand": by_hand,
    "random rows, n_members=8": lambda rows, seed: random_rows(rows, seed, n_members=8),
    "groups, n_members=8": lambda rows, seed: groups(rows, seed, n_members=8),
    "groups, stratified 5-fold, n_members=5": lambda rows, seed: groups(
        rows, seed, validation=MultiTaskStratifiedGroupKFold(5, shuffle=True), n_members=5
    ),
    "ridge": ridge,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contenders", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--seeds", type=int, default=3, help="fits of each split, with other seeds")
    options = parser.parse_args()
    rows, records = ROWS["parkinsons"](), []
    for split, (train, test) in enumerate(splits(rows)):
        for name in options.contenders:
            for seed in range(1 if name == "ridge" else options.seeds):
                predicted = CONTENDERS[name](rows.take(train), 10 * seed + split)(rows.X.iloc[test])
                scores = [r2_score(rows.y[task].iloc[test], predicted[task]) for task in rows.y]
                records.append({"contender": name, "split": split, "seed": seed, "r2": float(np.mean(scores))})
    table = pd.DataFrame(records).groupby(["contender", "split"], sort=False)["r2"].mean().unstack()
    print(table.assign(mean=table.mean(axis=1)).to_string(float_format=lambda value: f"{value:.2f}"))
    save("grouped_validation", {"data": "parkinsons", "records": records})


if __name__ == "__main__":
    main()
