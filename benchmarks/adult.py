"""Adult, official split: test AUC of income and never-married, compared with published figures and other nets.

The published figures are those of a shared-bottom net, 128-128 and towers 64-32, 5 epochs, batches of 256
(github.com/morningsky/multi_task_learning, executed notebook).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from _harness import data_folder, save
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_mtl import MultiTaskNetEstimator

COLUMNS = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship",
    "race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
]  # fmt: skip
PUBLISHED = {"income": 0.9098, "never_married": 0.9635}


def load(folder: Path, part: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read inputs without the two target columns, and both targets."""
    rows = pd.read_csv(folder / f"census-income.{part}", header=None, names=COLUMNS, skipinitialspace=True)
    targets = pd.DataFrame(
        {
            "income": rows["income"].str.rstrip(".") == ">50K",
            "never_married": rows["marital_status"] == "Never-married",
        }
    )
    inputs = rows.drop(columns=["income", "marital_status"])
    text = inputs.select_dtypes(exclude="number").columns
    return inputs.astype(dict.fromkeys(text, "category")), targets


Predict = Callable[[int, pd.DataFrame, pd.DataFrame, pd.DataFrame], Mapping[str, np.ndarray]]


def ours(seed: int, X: pd.DataFrame, y: pd.DataFrame, X_test: pd.DataFrame) -> Mapping[str, np.ndarray]:
    """Learn all tasks of y with one net, and predict the probability of each."""
    proba = MultiTaskNetEstimator(random_state=seed, n_members=1).fit(X, y).predict_proba(X_test)
    return {name: proba[name][:, 1] for name in y}


def ours_per_task(seed: int, X: pd.DataFrame, y: pd.DataFrame, X_test: pd.DataFrame) -> Mapping[str, np.ndarray]:
    return {name: ours(seed, X, y[[name]], X_test)[name] for name in y}


def one_per_task(make: Callable[[int], BaseEstimator]) -> Predict:
    def predict(seed: int, X: pd.DataFrame, y: pd.DataFrame, X_test: pd.DataFrame) -> Mapping[str, np.ndarray]:
        return {name: make(seed).fit(X, y[name]).predict_proba(X_test)[:, 1] for name in y}

    return predict


def boosting(seed: int) -> BaseEstimator:
    return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)


def scikit_learn_net(seed: int) -> BaseEstimator:
    encode = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            lambda X: X.select_dtypes("category").columns,
        ),
        remainder=StandardScaler(),
    )
    return make_pipeline(
        encode, MLPClassifier(hidden_layer_sizes=(128, 128), early_stopping=True, random_state=seed)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    folder = data_folder("adult")
    X, y = load(folder, "data")
    X_test, y_test = load(folder, "test")
    contenders = {
        "sklearn_mtl, defaults": ours,
        "sklearn_mtl, one net per task": ours_per_task,
        "HistGradientBoosting, one per task": one_per_task(boosting),
        "MLPClassifier, one per task": one_per_task(scikit_learn_net),
    }
    print(f"test AUC, mean of {len(seeds)} seeds (smallest)")
    print(f"{'contender':40s}{'income':>18s}{'never-married':>18s}{'fit + predict s':>18s}")
    print(f"{'published shared-bottom':40s}{PUBLISHED['income']:>18.4f}{PUBLISHED['never_married']:>18.4f}")
    results = {}
    for name, contender in contenders.items():
        aucs: dict[str, list[float]] = {task: [] for task in PUBLISHED}
        seconds = []
        for seed in seeds:
            start = time.perf_counter()
            proba = contender(seed, X, y, X_test)
            seconds.append(time.perf_counter() - start)
            for task in PUBLISHED:
                aucs[task].append(float(roc_auc_score(y_test[task], proba[task])))
        results[name] = {"auc": aucs, "seconds": seconds}
        cells = "".join(f"{f'{statistics.mean(a):.4f} ({min(a):.4f})':>18s}" for a in aucs.values())
        print(f"{name:40s}{cells}{statistics.median(seconds):18.1f}", flush=True)
    save("adult", {"published": PUBLISHED, "results": results})


if __name__ == "__main__":
    main()
