"""Adult, official split: test AUC by every route of the public metrics, beside scikit-learn's on the predictions.

The searches get the official split as their only fold, so that their fits are those of the estimator alone. The
published figures are those of adult.py.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from _harness import data_folder, save
from adult import PUBLISHED, load
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator
from sklearn_mtl.metrics import make_multitask_scorer
from sklearn_mtl.model_selection import TaskWeightSearchCV

SCORER = make_multitask_scorer({name: "roc_auc" for name in PUBLISHED})
GRID = {"task_weights__income": [1.0, 3.0]}


def aucs(estimator: MultiTaskNetEstimator, X: pd.DataFrame, y: pd.DataFrame) -> dict[str, float]:
    """Compute scikit-learn's AUC of the predicted probabilities."""
    proba = estimator.predict_proba(X)
    return {name: float(roc_auc_score(y[name], proba[name][:, 1])) for name in y}


def routes(seed: int) -> dict[str, dict[str, float]]:
    folder = data_folder("adult")
    (X, y), (X_test, y_test) = load(folder, "data"), load(folder, "test")
    both, targets = pd.concat([X, X_test]), pd.concat([y, y_test])
    text = both.select_dtypes(exclude="number").columns
    both = both.astype(dict.fromkeys(text, "category")).reset_index(drop=True)
    targets, train = targets.reset_index(drop=True), np.arange(len(X))
    test = np.arange(len(X), len(both))
    estimator = MultiTaskNetEstimator(random_state=seed, n_members=1)
    by_auc = MultiTaskNetEstimator(
        early_stopping=EarlyStopping(monitor="score"),
        metrics=dict.fromkeys(PUBLISHED, "roc_auc"),
        random_state=seed,
        n_members=1,
    )
    rows = both.iloc[test], targets.iloc[test]
    found = {"published": PUBLISHED}
    for name, each in {"fit": estimator, "stopped by AUC": by_auc}.items():
        each.fit(both.iloc[train], targets.iloc[train])
        found[f"{name}: scikit-learn on the predictions"] = aucs(each, *rows)
        scores = SCORER(each, *rows)
        found[f"{name}: make_multitask_scorer"] = {task: scores[f"{task}_roc_auc"] for task in PUBLISHED}
    found["stopped by AUC: score_tasks"] = by_auc.score_tasks(*rows)
    options = {"scoring": SCORER, "refit": False, "cv": [(train, test)]}
    for name, search in {
        "GridSearchCV": GridSearchCV(estimator, GRID, **options),
        "TaskWeightSearchCV, stacked": TaskWeightSearchCV(estimator, GRID, stacked=True, **options),
        "TaskWeightSearchCV, stacked, stopped by AUC": TaskWeightSearchCV(by_auc, GRID, stacked=True, **options),
    }.items():
        results = search.fit(both, targets).cv_results_
        found[name] = {task: float(results[f"mean_test_{task}_roc_auc"][0]) for task in PUBLISHED}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    found = routes(parser.parse_args().seed)
    print(f"{'test AUC':52s}{'income':>10s}{'never_married':>16s}")
    for name, by_task in found.items():
        print(f"{name:52s}{by_task['income']:10.6f}{by_task['never_married']:16.6f}")
    save("adult_metrics", {"auc": found})


if __name__ == "__main__":
    main()
