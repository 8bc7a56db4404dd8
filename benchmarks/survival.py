"""Concordance on the survival data of scikit-survival, beside its Cox model and its random survival forest.

All contenders see the same rows and columns. One column of each set is taken out of the inputs and is the target
of the second task; rows without a label of it take part all the same. The chapter of the cause of death of flchain
is left out, because only the dead have one. Needs scikit-survival.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _harness import save
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sksurv import datasets
from sksurv.ensemble import RandomSurvivalForest
from sksurv.linear_model import CoxPHSurvivalAnalysis

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.metrics import concordance_index, integrated_brier_score
from sklearn_mtl.tasks import Survival

#: for each set the column that is the second task, and columns that are left out
SETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "whas500": ("los", ()),
    "gbsg2": ("estrec", ()),
    "veterans_lung_cancer": ("Months_from_Diagnosis", ()),
    "flchain": ("creatinine", ("chapter",)),
}
# Rows of the largest set that are drawn for each split.
MOST_ROWS = 1500


class Rows(NamedTuple):
    """Inputs, times with events, and the second target."""

    X: pd.DataFrame
    y: np.ndarray
    second: np.ndarray

    def take(self, rows: np.ndarray) -> Rows:
        return Rows(self.X.iloc[rows].reset_index(drop=True), self.y[rows], self.second[rows])


class Predicted(NamedTuple):
    """Risks of rows, and their survival at some times."""

    risk: np.ndarray
    survival: Callable[[np.ndarray], np.ndarray]


def load(name: str) -> Rows:
    """Load a set; times of 0 become half of the smallest other one."""
    X, y = getattr(datasets, f"load_{name}")()
    column, left_out = SETS[name]
    time_ = y.dtype.names[1]
    y = y.copy()
    y[time_] = np.where(y[time_] > 0, y[time_], y[time_][y[time_] > 0].min() / 2)
    return Rows(X.drop(columns=[column, *left_out]), y, X[column].to_numpy(dtype=float))


def of_scikit_survival(model: Any) -> Callable[[Rows, Rows], Predicted]:
    """Return a contender of scikit-survival, with one-hot categories and medians for missing numbers."""

    def predict(train: Rows, test: Rows) -> Predicted:
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        categories = OneHotEncoder(drop="first", sparse_output=False, handle_unknown="ignore")
        columns = make_column_transformer(
            (numbers, make_column_selector(dtype_include="number")),
            (categories, make_column_selector(dtype_exclude="number")),
        )
        fitted = make_pipeline(columns, model).fit(train.X, train.y)
        functions = fitted.predict_survival_function(test.X)
        return Predicted(fitted.predict(test.X), lambda times: np.stack([one(times) for one in functions]))

    return predict


def ours(loss: str, with_second: bool, **params: Any) -> Callable[[Rows, Rows], Predicted]:
    """Return a contender of this package."""

    def predict(train: Rows, test: Rows) -> Predicted:
        y = {"survival": train.y, **({"second": train.second} if with_second else {})}
        tasks = {"survival": Survival(loss=loss), **({"second": "regression"} if with_second else {})}
        net = MultiTaskNetEstimator(tasks=tasks, random_state=0, **params).fit(train.X, y)
        names = ["survival"]
        return Predicted(
            net.predict_risk(test.X, names)["survival"],
            lambda times: net.predict_survival_function(test.X, times, names)["survival"],
        )

    return predict


CONTENDERS = {
    "scikit-survival, Cox": of_scikit_survival(CoxPHSurvivalAnalysis(alpha=1e-3)),
    "scikit-survival, forest": of_scikit_survival(RandomSurvivalForest(200, random_state=0)),
    "ours, cox": ours("cox", False),
    "ours, cox, second task": ours("cox", True),
    "ours, discrete_time": ours("discrete_time", False),
    "ours, discrete_time, second task": ours("discrete_time", True),
}


def rate(train: Rows, test: Rows, predicted: Predicted) -> dict[str, float]:
    """Compute the concordance, and the integrated Brier score between quantiles of the test times."""
    times_of = train.y.dtype.names[1]
    inside = test.y[times_of] < train.y[times_of].max()
    low, high = np.quantile(test.y[times_of][inside], [0.1, 0.8])
    times = np.linspace(low, high, 20)
    curves = predicted.survival(times)[inside]
    return {
        "concordance": concordance_index(test.y, predicted.risk),
        "brier": integrated_brier_score(train.y, test.y[inside], curves, times),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--contenders", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--save", default="survival")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    records: list[dict[str, Any]] = []
    for name in options.sets:
        rows = load(name)
        for seed in range(options.splits):
            event = rows.y[rows.y.dtype.names[0]]
            drawn = np.random.default_rng(seed).permutation(len(event))[:MOST_ROWS]
            train, test = train_test_split(drawn, test_size=0.3, random_state=seed, stratify=event[drawn])
            for contender in options.contenders:
                start = time.perf_counter()
                predicted = CONTENDERS[contender](rows.take(train), rows.take(test))
                seconds = time.perf_counter() - start
                found = rate(rows.take(train), rows.take(test), predicted)
                record = {"set": name, "split": seed, "contender": contender, **found, "seconds": seconds}
                records.append(record)
                print(record, flush=True)
        save(options.save, {"records": records})
    table = pd.DataFrame(records).pivot_table(index="contender", columns="set", values=["concordance", "brier"])
    print(f"\n{table.round(4).to_string()}")


if __name__ == "__main__":
    main()
