"""Emerging entities of WNUT17, and whether a post has one, from one network and from two, from scratch.

Published, all with pretrained embeddings: entity F1 between 26.3 and 41.9 (Derczynski et al., WNUT 2017).
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from _harness import save
from _texts import wnut17

from sklearn_mtl import MultiTaskNetEstimator, Optimizer, Targets
from sklearn_mtl.trunks import SequenceEncoder

COLUMNS = ("entity precision", "entity recall", "entity F1", "has entity: accuracy", "has entity: F1", "fit s")


def make_net(seed: int, max_epochs: int) -> MultiTaskNetEstimator:
    return MultiTaskNetEstimator(
        trunk=SequenceEncoder(),
        batch_size=16,
        max_epochs=max_epochs,
        learning_rate=3e-3,
        optimizer=Optimizer(schedule="cosine"),
        early_stopping=False,
        random_state=seed,
    )


def run(seed: int, max_epochs: int, groups: list[list[str]]) -> dict[str, float]:
    """Fit a network for each group of tasks, and score the test posts."""
    train, test = wnut17("train"), wnut17("test")
    metrics: dict[str, dict[str, Any]] = {}
    start = time.perf_counter()
    for group in groups:
        net = make_net(seed, max_epochs).fit(train.X, Targets({name: train.y[name] for name in group}))
        predicted = net.predict(test.X)
        predicted = predicted if len(group) > 1 else {group[0]: predicted[group[0]]}
        metrics |= {name: net.tasks_[name].metrics(test.y[name], predicted[name]) for name in group}
    entities, has_entity = metrics["entities"], metrics["has_entity"]
    values = (
        *(100 * entities[f"entity_{what}"] for what in ("precision", "recall", "f1")),
        100 * has_entity["accuracy"], 100 * has_entity["f1_macro"], time.perf_counter() - start,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    arguments = parser.parse_args()
    results = {}
    print(f"{'':14s}" + "  ".join(COLUMNS))
    for name, groups in {
        "one network": [["entities", "has_entity"]],
        "two networks": [["entities"], ["has_entity"]],
    }.items():
        rows = [run(seed, arguments.epochs, groups) for seed in range(arguments.seeds)]
        results[name] = rows
        means = {column: statistics.mean(row[column] for row in rows) for column in COLUMNS}
        print(f"{name:14s}" + "  ".join(f"{mean:{len(c)}.2f}" for c, mean in means.items()), flush=True)
    save("wnut17", results)


if __name__ == "__main__":
    main()
