"""What do heads that learn a distribution gain over residuals, and what do they cost?

``--part quality`` compares the continuous ranked probability score on test rows with that of a plain network whose
predictions have the normal distribution of its held-out residuals, one deviation for each task. All networks are
the same but for the loss. Scores are in standard deviations of the target, means over tasks; standard errors are
those of the difference over splits. ``--part cost`` times training with each loss in turn.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from _datasets import ROWS
from _harness import run_in_turn, save, stored, table
from _molecules import molecules
from _rows import Rows, shuffled
from scipy import stats
from sklearn.model_selection import train_test_split

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.metrics import crps, interval_coverage
from sklearn_mtl.tasks import Count, Regression
from sklearn_mtl.trunks import MLP

MOST_ROWS, MOST_TASKS = 2000, 8
BASE = "residuals"
LOSSES = ("normal", "student_t", "laplace", "lognormal", "mixture")
# Batch size and number of epochs of the timed fits.
BATCH, EPOCHS = 256, 20


def made() -> Rows:
    """Make two numbers above 0 whose noise depends on the row."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(MOST_ROWS, 8))
    noise = np.exp(X[:, 1] - 1)[:, None] * rng.normal(size=(MOST_ROWS, 2))
    centre = np.column_stack([np.sin(2 * X[:, 0]) + X[:, 2], X[:, 0] * X[:, 3]])
    y = pd.DataFrame(centre + noise, columns=["first", "second"])
    y["positive"] = np.exp(0.5 * y["first"])
    return Rows(pd.DataFrame(X).add_prefix("x"), y)


def sample(rows: Rows) -> Rows:
    """Draw rows, and every third of many tasks."""
    chosen = np.random.default_rng(0).permutation(len(rows.X))[:MOST_ROWS]
    few = rows.take(np.sort(chosen))
    return few._replace(y=few.y.iloc[:, ::3]) if few.y.shape[1] > MOST_TASKS else few


SETS: dict[str, Callable[[], Rows]] = {
    "made": made,
    "communities_crime": lambda: sample(ROWS["communities_crime"]()),
    "qm8": lambda: sample(molecules("qm8", n_tasks=4)._replace(part=None)),
}


def net(tasks: dict[str, Any], seed: int) -> MultiTaskNetEstimator:
    return MultiTaskNetEstimator(
        tasks, trunk=MLP((64, 64), scaling="standard"), n_members=4, max_epochs=40, device="cpu", random_state=seed
    )


def predicted(loss: str, train: Rows, test: Rows, seed: int) -> dict[str, Any]:
    """Return the distribution of each task that the loss suits, for the test rows."""
    names = [name for name in train.y if loss != "lognormal" or (train.y[name].dropna() > 0).all()]
    y = train.y[names]
    if not names:
        return {}
    if loss != BASE:
        tasks = {name: Regression(loss=loss) for name in names}
        return dict(net(tasks, seed).fit(train.X, y).predict_distribution(test.X))
    learned, held = train_test_split(np.arange(len(y)), test_size=0.2, random_state=seed)
    tasks = dict.fromkeys(names, "regression")
    judge = net(tasks, seed).fit(train.X.iloc[learned], y.iloc[learned])
    residuals = y.iloc[held] - judge.predict(train.X.iloc[held])
    full = net(tasks, seed).fit(train.X, y).predict(test.X)
    return {name: stats.norm(full[name].to_numpy(), residuals[name].std()) for name in names}


def compare(name: str, rows: Rows, n_splits: int) -> list[dict[str, Any]]:
    records = []
    scale = rows.y.std()
    for seed, (train, test) in enumerate(shuffled(rows, n_splits, 1 / 3, 0)):
        train_rows, test_rows = rows.take(train), rows.take(test)
        for loss in (BASE, *LOSSES):
            for task, law in predicted(loss, train_rows, test_rows, seed).items():
                true = test_rows.y[task].to_numpy()
                score = crps(true, law) / scale[task]
                inside = interval_coverage(true, *law.interval(0.9))
                records.append({"set": name, "split": seed, "loss": loss, "task": task,
                                "crps": score, "coverage_90": inside})  # fmt: skip
        print(f"{name}: split {seed} done", flush=True)
    return records


def summary(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Return for each set and loss the score, that of residuals for the same tasks, and the difference."""
    each = pd.DataFrame(records)
    keys = ["set", "split", "task"]
    base = each[each["loss"] == BASE].set_index(keys)["crps"].rename("of residuals")
    joined = each.join(base, on=keys)
    by_split = joined.groupby(["set", "loss", "split"], sort=False)[["crps", "of residuals", "coverage_90"]].mean()
    by_split["difference"] = by_split["crps"] - by_split["of residuals"]
    by = by_split.groupby(["set", "loss"], sort=False)
    return by.mean().assign(
        standard_error=by["difference"].sem(), tasks=joined.groupby(["set", "loss"])["task"].nunique()
    )


def cost(rounds: int, n_members: int, n_tasks: int) -> list[dict[str, Any]]:
    """Time fits with each loss; those of tasks whose outputs are predictions are computed together."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4096, 32)).astype(np.float32)
    y = {f"y{number}": np.exp(0.3 * X[:, number]) for number in range(n_tasks)}
    counts = {name: np.round(3 * values) for name, values in y.items()}

    def fit(task: Any, labels: dict[str, np.ndarray]) -> Callable[[], Any]:
        estimator = MultiTaskNetEstimator(
            dict.fromkeys(labels, task), trunk=MLP((64, 64)), n_members=n_members, max_epochs=EPOCHS,
            batch_size=BATCH, early_stopping=False, device="cpu", random_state=0,
        )  # fmt: skip
        return lambda: estimator.fit(X, labels)

    contenders = {"squared_error": fit(Regression(), y)}
    contenders |= {loss: fit(Regression(loss=loss), y) for loss in LOSSES}
    contenders["quantile, 3 levels"] = fit(Regression(loss="quantile", quantile=[0.05, 0.5, 0.95]), y)
    contenders["poisson"] = fit(Count(), counts)
    contenders["negative_binomial"] = fit(Count(loss="negative_binomial"), counts)
    return table(f"fits: {n_members} network(s), {n_tasks} task(s)", run_in_turn(contenders, rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["quality", "cost", "both"], default="both")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    content = {key: value for key, value in stored("distributions").items() if key != "environment"}
    if options.part != "quality":
        content["cost"] = {
            f"{n_members} networks, {n_tasks} tasks": cost(options.rounds, n_members, n_tasks)
            for n_members, n_tasks in ((1, 1), (4, 1), (4, 4))
        }
    if options.part != "cost":
        warnings.simplefilter("ignore")  # of epochs that were too few
        records = [record for name in options.sets for record in compare(name, SETS[name](), options.splits)]
        shown = summary(records)
        print(shown.round(4).to_string())
        kept = [record for record in content.get("records", []) if record["set"] not in options.sets]
        content["records"] = kept + records
        content["summary"] = summary(content["records"]).reset_index().to_dict("records")
    save("distributions", content)


if __name__ == "__main__":
    main()
