"""Changes of the default for tables on which one would expect them to help, on inner splits.

Tables are wide or noisy, have inputs of 0 and 1, counts, or targets with long tails. No row of these splits is a
test row of `quality.py`. The table shows the mean score (AUC, and R2 with a minimum of -1) minus that of the
default in hundredths, and the standard error of the mean over data sets. Results of data sets that are not run are
kept.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from _contenders import Predicted, one_net, predicted_by_net
from _datasets import ROWS
from _harness import save, stored
from _quality_scores import inner_splits, score
from _rows import Rows
from _single_targets import Contender, Predict
from sklearn.preprocessing import QuantileTransformer

from sklearn_mtl import MultiTaskNetEstimator, Portfolio, recommended_recipes
from sklearn_mtl.tasks import Regression

DATA = (
    "linnerud", "andro", "slump", "atp7d", "sf1", "oes10", "osales", "birds", "enb", "scpf", "clintox", "yeast",
)  # fmt: skip
N_SPLITS = 3
# Skewness from which a column has a long tail.
SKEWED = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(DATA), help="data sets to run")
    parser.add_argument("--changes", nargs="*", choices=CHANGES, default=list(CHANGES))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    records: list[dict[str, Any]] = [
        one for one in stored("portfolio_ablations").get("records", []) if one["data"] not in options.only
    ]
    for data in options.only:
        for change in dict.fromkeys(["default", *options.changes]):
            start = time.perf_counter()
            found = mean_score(data, CHANGES[change])
            seconds = round(time.perf_counter() - start, 2)
            records.append({"data": data, "change": change, "score": round(found, 5), "seconds": seconds})
        save("portfolio_ablations", {"records": records})
        show(pd.DataFrame(records))


def mean_score(data: str, contender: Contender) -> float:
    rows, results = ROWS[data](), []
    for seed, (train, test) in enumerate(inner_splits(rows, N_SPLITS if rows.part is None else 2)):
        for task, predicted in contender(rows.take(train), seed)(rows.X.iloc[test]).items():
            results.append(score(rows.y[task].iloc[test].to_numpy(), predicted)["score"])
    return float(np.nanmean(np.maximum(results, -1)))


def show(records: pd.DataFrame) -> None:
    scores = records.pivot(index="change", columns="data", values="score")
    gains = 100 * (scores - scores.loc["default"]).drop(index="default")
    table = gains.assign(mean=gains.mean(axis=1), error=gains.sem(axis=1))
    times = records.groupby("change")["seconds"].sum()
    table["seconds"] = times / times["default"]
    print(f"\n{table.round(2).to_string()}", flush=True)


def changed(**params: Any) -> Contender:
    """Change parameters of every recipe."""

    def contender(rows: Rows, seed: int) -> Predict:
        recipes = {name: {**recipe, **params} for name, recipe in _recipes(rows).items()}
        return one_net(ensemble=Portfolio(recipes))(rows, seed)

    return contender


def in_trunks(**params: Any) -> Contender:
    """Change parameters of the trunks of all recipes that are not linear."""

    def contender(rows: Rows, seed: int) -> Predict:
        recipes = _recipes(rows)
        for recipe in recipes.values():
            if recipe["trunk"].hidden_sizes:
                recipe["trunk"].set_params(**params)
        return one_net(ensemble=Portfolio(recipes))(rows, seed)

    return contender


def _recipes(rows: Rows) -> dict[str, dict[str, Any]]:
    return recommended_recipes(*rows.X.shape, rows.y.shape[1])


def transformed(transform: Callable[[pd.DataFrame], Callable[[pd.DataFrame], pd.DataFrame]]) -> Contender:
    """Transform the skewed inputs; ``transform`` learns them and returns a function."""

    def contender(rows: Rows, seed: int) -> Predict:
        numbers = rows.X.select_dtypes("number")
        skewed = list(numbers.columns[(numbers.skew().abs() > SKEWED) & (numbers.nunique() > 2)])
        apply = transform(rows.X[skewed]) if skewed else None

        def changed(X: pd.DataFrame) -> pd.DataFrame:
            return X if apply is None else X.assign(**apply(X[skewed]))

        predict = one_net()(rows._replace(X=changed(rows.X)), seed)
        return lambda X: predict(changed(X))

    return contender


def log_inputs(X: pd.DataFrame) -> Callable[[pd.DataFrame], pd.DataFrame]:
    centre = X.median()
    scale = (X - centre).abs().mean()
    return lambda X: np.sign(X - centre) * np.log1p((X - centre).abs() / scale)


def quantile_inputs(X: pd.DataFrame) -> Callable[[pd.DataFrame], pd.DataFrame]:
    ranks = QuantileTransformer(n_quantiles=min(1000, len(X)), output_distribution="normal", random_state=0)
    ranks.set_output(transform="pandas").fit(X)
    return ranks.transform


def log_targets(rows: Rows, seed: int) -> Predict:
    """Learn the logarithm of targets of at least 0 that are skewed."""
    numbers = rows.y.select_dtypes("float")
    tails = list(numbers.columns[(numbers.min() >= 0) & (numbers.skew() > SKEWED)])
    predict = one_net()(rows._replace(y=rows.y.assign(**np.log1p(rows.y[tails]))), seed)

    def predict_all(X: pd.DataFrame) -> Mapping[str, Predicted]:
        predicted = predict(X)
        return {k: Predicted(np.expm1(v.values)) if k in tails else v for k, v in predicted.items()}

    return predict_all


def refitted(rows: Rows, seed: int) -> Predict:
    """Train every recipe again on all rows, for the epochs that early stopping found, with the weights found."""
    tasks, recipes = rows.kinds, _recipes(rows)
    weights = MultiTaskNetEstimator(tasks=tasks, random_state=seed).fit(rows.X, rows.y).recipe_weights_
    nets = {}
    for name, recipe in recipes.items():
        found = MultiTaskNetEstimator(tasks=tasks, random_state=seed, **recipe).fit(rows.X, rows.y).history_
        if "valid_loss" in found:
            best = found.groupby("member")["valid_loss"].idxmin()
            recipe = {**recipe, "max_epochs": max(1, int(best.median())), "early_stopping": False}
        nets[name] = MultiTaskNetEstimator(tasks=tasks, random_state=seed, **recipe).fit(rows.X, rows.y)

    def predict(X: pd.DataFrame) -> Mapping[str, Predicted]:
        each = {name: predicted_by_net(net, X) for name, net in nets.items()}
        return {
            task: Predicted(
                sum(weights[task][name] * each[name][task].values for name in nets),
                next(iter(each.values()))[task].classes,
            )
            for task in tasks
        }

    return predict


CHANGES: dict[str, Contender] = {
    "default": one_net(),
    "logarithm of skewed inputs": transformed(log_inputs),
    "quantiles of skewed inputs": transformed(quantile_inputs),
    "logarithm of skewed targets": log_targets,
    "Huber loss": one_net(regression=Regression(loss="huber")),
    "trained again on all rows": refitted,
    "2 members": changed(n_members=2),
    "8 members": changed(n_members=8),
    "weight decay 0.1": changed(weight_decay=0.1),
    "dropout 0.4": in_trunks(dropout=0.4),
    "256 wide": in_trunks(hidden_sizes=(256,) * 2),
}


if __name__ == "__main__":
    main()
