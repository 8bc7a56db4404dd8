"""A small table with missing numbers, a rare category, and two tasks with missing labels."""

import numpy as np
import polars as pl

TASKS = ["num", "cls"]
COLUMNS = ["a", "b", "c"]


def table(n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 2))
    number = 50 + 10 * X[:, 0]
    kind = np.where(X[:, 1] > 0, "up", "down").astype(object)
    X[:, 1] = 1e4 + 5 * X[:, 1]
    category = np.array(["x", "y", "z"], dtype=object)[rng.integers(3, size=n_rows)]
    number[rng.random(n_rows) < 0.3] = np.nan
    kind[rng.random(n_rows) < 0.5] = None
    # what a random sample may lack: one category, one missing number and one class of a single row
    category[n_rows // 2], X[n_rows // 3, 0], kind[n_rows // 4] = "rare", np.nan, "seldom"
    columns = {"a": X[:, 0], "b": X[:, 1], "c": category.tolist(), "num": number, "cls": kind.tolist()}
    return pl.DataFrame(columns, nan_to_null=True)


def write(folder, frame, n_files=3, row_group_size=40):
    """Write a frame as several Parquet files; return the folder."""
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), n_files)):
        frame[rows].write_parquet(folder / f"part-{number}.parquet", row_group_size=row_group_size)
    return folder
