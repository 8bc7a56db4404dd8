"""Missing numbers in X: passed as they are, or imputed by scikit-learn before the network.

Scores are means over targets of R2 (at least -1), on the same random splits. The error of a difference is its
standard error over the splits. Times are medians of a fit, with the imputer's.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from _datasets import Rows, communities, mulan
from _harness import save
from sklearn.impute import SimpleImputer
from sklearn.metrics import r2_score
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline

from sklearn_mtl import MultiTaskNetRegressor


def as_they_are(X: pd.DataFrame) -> pd.DataFrame:
    return X


def net(seed: int) -> Any:
    return MultiTaskNetRegressor(random_state=seed, n_members=1)


#: a column without a number in the training rows is dropped by the imputers, and ignored by the network
CONTENDERS: dict[str, Callable[[int], Any]] = {
    "NaN in X": net,
    "SimpleImputer(add_indicator=True)": lambda seed: make_pipeline(SimpleImputer(add_indicator=True), net(seed)),
    "the same, strategy='median'": lambda seed: make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), net(seed)
    ),
    "SimpleImputer()": lambda seed: make_pipeline(SimpleImputer(), net(seed)),
}
ROWS: dict[str, Callable[[], Rows]] = {
    "osales": lambda: mulan("osales", 12, as_they_are),
    "scpf": lambda: mulan("scpf", 3, as_they_are),
    "communities_crime": lambda: communities(as_they_are),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), help="data sets to run")
    parser.add_argument("--splits", type=int, default=20, help="random splits, 20 by default")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results = {name: run(ROWS[name](), options.splits) for name in options.only}
    print(table(results))
    save("missing_inputs", {"results": results})


def run(rows: Rows, n_splits: int) -> dict[str, dict[str, list[float]]]:
    """Fit all contenders in turn to each split; return scores and seconds."""
    numbers = {name: {"score": [], "seconds": []} for name in CONTENDERS}
    for seed, (train, test) in enumerate(ShuffleSplit(n_splits, test_size=1 / 3, random_state=0).split(rows.X)):
        seen, later = rows.take(train), rows.take(test)
        names = list(CONTENDERS)
        for name in names[seed % len(names) :] + names[: seed % len(names)]:
            model = CONTENDERS[name](seed)
            start = time.perf_counter()
            model.fit(seen.X, seen.y)
            numbers[name]["seconds"].append(time.perf_counter() - start)
            numbers[name]["score"].append(mean_r2(later.y, model.predict(later.X)))
    return numbers


def mean_r2(y: pd.DataFrame, predicted: pd.DataFrame) -> float:
    pairs = zip(y.to_numpy().T, np.asarray(predicted).T, strict=True)
    scores = [r2_score(true[~np.isnan(true)], found[~np.isnan(true)]) for true, found in pairs]
    return float(np.mean(np.maximum(scores, -1)))


def table(results: dict[str, dict[str, dict[str, list[float]]]]) -> str:
    """Return scores, differences to the first contender, and times, as text."""
    lines = [f"{'data set':19}{'inputs':36}{'R2':>7}{'difference':>18}{'fit s':>8}{'ratio':>7}"]
    for data, numbers in results.items():
        first = next(iter(numbers.values()))
        for name, one in numbers.items():
            gain = np.subtract(one["score"], first["score"])
            error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
            seconds = np.median(one["seconds"])
            change = f"{gain.mean():+.4f} +- {error:.4f}" if one is not first else ""
            lines.append(
                f"{data:19}{name:36}{np.mean(one['score']):7.4f}{change:>18}{seconds:8.2f}"
                f"{seconds / np.median(first['seconds']):7.2f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
