"""Tables of the results of `quality.py`."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

DEFAULT = "ours"
TABULAR = ["RealMLP", "TabM"]
CLASSIC = ["ridge / logistic", "random forest", "gradient boosting", "sklearn MLP"]


def read(folder: Path) -> pd.DataFrame:
    """Read one row per data set, contender, split and task."""
    parts = []
    for path in sorted(folder.glob("*.json")):
        for contender, kept in json.loads(path.read_text()).items():
            parts.append(pd.DataFrame(kept["records"]).assign(data=path.stem, contender=contender))
    return pd.concat(parts, ignore_index=True)


def report(folder: Path) -> None:
    rows = read(folder)
    with pd.option_context("display.width", 250, "display.max_columns", 30, "display.max_rows", 200):
        for title, table in tables(rows).items():
            print(f"\n{title}\n{table.to_string(float_format=lambda value: f'{value:.4f}')}")


def tables(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    by_data = rows.pivot_table(index="data", columns="contender", values="score")
    made = {
        "mean score over tasks and splits (R2, AUC)": by_data,
        "score of each task": by_task(rows),
        "mean rank over tasks": ranks(rows),
        "mean rank over tasks, the default among its peers": ranks(rows, [*CLASSIC, DEFAULT]),
        "fit seconds": _seconds(rows, "fit_s"),
        "predict seconds": _seconds(rows, "predict_s"),
        "expected calibration error": rows.dropna(subset="ece").pivot_table(
            index="data", columns="contender", values="ece"
        ),
        "log loss": rows.dropna(subset="ece").pivot_table(index="data", columns="contender", values="log_loss"),
    }
    for name in [name for name in TABULAR if name in by_data]:
        shared = rows[rows["data"].isin(by_data[name].dropna().index)]
        made[f"mean rank where {name} ran"] = ranks(shared, [*CLASSIC, name, DEFAULT])
    others = [*CLASSIC, "ours, n_members=8", "ours, a net per task", *TABULAR]
    for peer in [name for name in others if name in by_data]:
        made[f"{DEFAULT} minus {peer}: mean and standard error over splits"] = gains(rows, peer)
    return made


def by_task(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.pivot_table(index=["data", "task"], columns="contender", values="score")


def ranks(rows: pd.DataFrame, contenders: list[str] | None = None) -> pd.DataFrame:
    """Rank contenders in each task by their mean score, 1 for the best; mean over tasks, and over data sets.

    Data sets are those with results of all of them; without names, of the default and its peers, and then
    contenders are all that have results on these.
    """
    scores = by_task(rows).dropna(subset=contenders or [*CLASSIC, DEFAULT])
    chosen = scores[contenders] if contenders else scores.dropna(axis=1)
    ranked = chosen.rank(axis=1, ascending=False)
    means = {"all tasks": ranked.mean(), "all data sets": ranked.groupby("data").mean().mean()}
    return pd.DataFrame(means).sort_values("all tasks")


def gains(rows: pd.DataFrame, peer: str, contender: str = DEFAULT) -> pd.DataFrame:
    """Compare two contenders split by split: mean difference over tasks, and its standard error over splits."""
    scores = rows.pivot_table(index=["data", "split"], columns="contender", values="score")
    difference = (scores[contender] - scores[peer]).dropna().groupby("data")
    return pd.DataFrame({"mean": difference.mean(), "standard error": difference.sem()})


def _seconds(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    return rows.groupby(["data", "contender"])[column].median().unstack()
