"""Tasks with rows of their own: exam scores of schools, and copyists of the Avila bible."""

from __future__ import annotations

import pandas as pd
from _harness import data_folder
from _rows import Rows

from sklearn_mtl import concatenate_task_sets


def own_rows(name: str, kind: str) -> Rows:
    folder = data_folder("own_rows")
    X = pd.read_csv(folder / f"{name}_data.csv.gz")
    y = pd.read_csv(folder / f"{name}_target.csv.gz").iloc[:, 0]
    X, task = X.iloc[:, :-1], X.iloc[:, -1].astype(int)
    y = y.astype(float) if kind == "regression" else y.map("class {:02d}".format)
    sets = {f"{number:03d}": (X[task == number], y[task == number]) for number in sorted(task.unique())}
    together, targets = concatenate_task_sets(sets)
    owner = pd.Series([name for name, (_, y) in sets.items() for _ in range(len(y))])
    labels = pd.DataFrame({name: targets[name] for name in targets})
    return Rows(together.reset_index(drop=True), labels, owner=owner)
