"""What lifts F1 of a class of less than 5 % of the rows: class weights, a tuned threshold, or both?

The recipe of the user guide, for a net with several tasks and for gradient boosting with one model per task: a
fifth of the training rows is held out, the model is fitted to the others, and the threshold with the best F1 on
the rows held out is used on the test rows. The rare classes are capital losses in Adult (official split), and
capital gains and losses in Census-Income (two thirds to learn from). Other tasks of the nets are income and
never-married.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from _datasets import Table, census_income, official_adult, split_at_random
from _harness import save
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.tasks import Classification

#: the inputs of each data set that become tasks: whether they are above 0
RARE = {
    "adult": {"capital_loss": "capital_loss"},
    "census_income_kdd": {"capital_gain": "c16", "capital_loss": "c17"},
}


def load(data: str) -> Table:
    """Read a data set, with the rare classes among its targets instead of its inputs."""
    table = official_adult() if data == "adult" else split_at_random(census_income())
    columns = RARE[data]
    parts = []
    for X, y in (table[:2], table[2:]):
        rare = {task: X[column] > 0 for task, column in columns.items()}
        parts += [X.drop(columns=list(columns.values())), y.assign(**rare)]
    return Table(*parts)


def net(X: pd.DataFrame, y: pd.DataFrame, rare: list[str], weight: str | None, seed: int) -> Mapping[str, Any]:
    """Fit a net to all tasks, and view the rare ones."""
    tasks = {task: Classification(class_weight=weight) for task in rare}
    fitted = MultiTaskNetEstimator(tasks=tasks, random_state=seed, n_members=1).fit(X, y)
    return {task: fitted.task_view(task) for task in rare}


def boosting(
    X: pd.DataFrame, y: pd.DataFrame, rare: list[str], weight: str | None, seed: int
) -> Mapping[str, Any]:
    """Fit one model for each rare task."""
    settings = {"categorical_features": "from_dtype", "class_weight": weight, "random_state": seed}
    return {task: HistGradientBoostingClassifier(**settings).fit(X, y[task]) for task in rare}


CONTENDERS = {"net": net, "HistGradientBoosting": boosting}


def compare(data: str, seed: int) -> Iterator[dict[str, Any]]:
    table, rare = load(data), list(RARE[data])
    learned, tuned = train_test_split(
        np.arange(len(table.X)), test_size=0.2, stratify=table.y[rare].to_numpy(), random_state=seed
    )
    X, y, X_tuned, y_tuned = (part.iloc[rows] for rows in (learned, tuned) for part in table[:2])
    for name, fit in CONTENDERS.items():
        for weight in (None, "balanced"):
            for task, classifier in fit(X, y, rare, weight, seed).items():
                frozen = TunedThresholdClassifierCV(
                    FrozenEstimator(classifier), scoring="f1", cv="prefit", refit=False
                ).fit(X_tuned, y_tuned[task])
                scores = _scores(classifier, frozen, table.X_test, table.y_test[task])
                yield {
                    "data": data,
                    "task": task,
                    "model": name,
                    "class_weight": str(weight),
                    "seed": seed,
                } | scores


def _scores(plain: ClassifierMixin, tuned: ClassifierMixin, X: pd.DataFrame, y: pd.Series) -> dict[str, float]:
    proba = plain.predict_proba(X)[:, 1]
    return {
        "F1": float(f1_score(y, plain.predict(X))),
        "F1, tuned threshold": float(f1_score(y, tuned.predict(X))),
        "threshold": float(tuned.best_threshold_),
        "average precision": float(average_precision_score(y, proba)),
        "AUC": float(roc_auc_score(y, proba)),
        "positives": float(y.mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=RARE, default=list(RARE), help="data sets to run")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    records = []
    for data in options.only:
        for seed in range(options.seeds):
            records += list(compare(data, seed))
        means = pd.DataFrame([record for record in records if record["data"] == data]).drop(
            columns=["data", "seed"]
        )
        print(f"{data}, means of {options.seeds} seeds")
        table = means.groupby(["task", "model", "class_weight"], sort=False).mean()
        print(table.to_string(float_format=lambda value: f"{value:.3f}"), flush=True)
    save("rare_class", {"records": records})


if __name__ == "__main__":
    main()
