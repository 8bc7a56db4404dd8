"""Compare settings on inner splits, whose rows are never test rows of `quality.py`.

A setting changes some parameters of ``MultiTaskNetEstimator(n_members=8)``. The table shows its mean score minus
that of the defaults by data set, in hundredths (AUC, and R2 with a minimum of -1).
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from _contenders import one_net
from _datasets import ROWS
from _harness import save
from _quality_scores import inner_splits, score
from _recipes import RECIPES

N_SPLITS = {"adult": 2, "census_income_kdd": 1, "communities_crime": 3, "parkinsons": 4, "digits": 2}
# Enough rows to distinguish the settings.
MOST_ROWS = 16_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), help="data sets to run")
    parser.add_argument("--recipes", nargs="*", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--name", default="ablations", help="of the file of results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    scores: dict[str, dict[str, float]] = {}
    seconds: dict[str, dict[str, float]] = {}
    for name in options.only:
        for recipe in dict.fromkeys(["default", *options.recipes]):
            start = time.perf_counter()
            scores.setdefault(recipe, {})[name] = mean_score(name, RECIPES[recipe])
            seconds.setdefault(recipe, {})[name] = time.perf_counter() - start
        show(scores, seconds)
        save(options.name, {"scores": scores, "seconds": seconds})


def mean_score(name: str, params: Mapping[str, Any]) -> float:
    """Fit a setting to each inner split of a data set; return the mean score over tasks and splits."""
    rows = ROWS[name]()
    results = []
    for seed, (train, test) in enumerate(inner_splits(rows, N_SPLITS.get(name, 8))):
        predict = one_net(**{"n_members": 8, **params})(rows.take(train[:MOST_ROWS]), seed)
        for task, predicted in predict(rows.X.iloc[test]).items():
            results.append(score(rows.y[task].iloc[test].to_numpy(), predicted)["score"])
    return float(np.mean(np.maximum(results, -1)))


def show(scores: Mapping[str, Mapping[str, float]], seconds: Mapping[str, Mapping[str, float]]) -> None:
    table = pd.DataFrame(scores)
    gains = 100 * table.sub(table["default"], axis=0)
    gains.insert(0, "(default)", 100 * table["default"])
    gains.loc["MEAN"] = gains.mean()
    gains.loc["SECONDS"] = pd.DataFrame(seconds).sum()
    print(f"\n{gains.T.round(2).to_string()}", flush=True)


if __name__ == "__main__":
    main()
