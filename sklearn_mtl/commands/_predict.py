"""Predictions of the rows of a file, written to another file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from glob import has_magic
from pathlib import Path
from typing import Any

import numpy as np

from ..estimator import MultiTaskNetEstimator
from ..files._atomic import replaced_file
from ..persistence import load_model
from ..streaming import Stream, predict_to_parquet
from ..streaming._answers import names_of_tasks
from ..streaming._predict import predicted_tables
from ..streaming._stream import open_source
from ..utils._optional import import_optional
from ..utils._types import RowsLike
from ._csv import columns_named, open_csv


def predict_file(asked: argparse.Namespace) -> None:
    """Predict the rows of a Parquet or CSV file block by block, and write them to another one."""
    rows, out = Path(asked.rows), Path(asked.out)
    if not out.parent.is_dir():
        raise FileNotFoundError(f"{out}: there is no folder {str(out.parent)!r}")
    is_csv = rows.suffix.lower() == ".csv"
    if not rows.exists() and (is_csv or not has_magic(asked.rows)):
        raise FileNotFoundError(f"{rows}: no such file")
    model = load_model(asked.model)
    with columns_named(rows) if is_csv else nullcontext():
        source = open_source(open_csv(rows, model) if is_csv else asked.rows)
        reader = _Reader(model, rows.name, source.names, asked.keep)
        stream = Stream(source, memory=asked.memory)
        if out.suffix.lower() == ".csv":
            n_rows = _to_csv(predicted_tables(reader, stream, keep=asked.keep, proba=asked.proba), out)
        else:
            n_rows = predict_to_parquet(reader, stream, out, keep=asked.keep, proba=asked.proba)
    n_tasks = len(names_of_tasks(model)) or 1
    print(f"{n_rows} rows, {n_tasks} task{'s' * (n_tasks != 1)}: {out.name}")


class _Reader:
    """A model that reads the blocks of a file: frames by name, or arrays if it was fitted to an array.

    Parameters
    ----------
    model : fitted estimator
    file : str
        Name of the file, for messages.
    columns : sequence of str
        Columns of the file.
    keep : sequence of str
        Columns to copy.

    Raises
    ------
    ValueError
        If the file does not have the columns of the model, or those to copy.
    """

    def __init__(self, model: Any, file: str, columns: Sequence[str], keep: Sequence[str]) -> None:
        self.model = model
        self.is_network = isinstance(model, MultiTaskNetEstimator)
        self.is_named = hasattr(model, "feature_names_in_")
        self.task_names_ = names_of_tasks(model)
        names = list(getattr(model, "feature_names_in_", (name for name in columns if name not in keep)))
        lacking = [name for name in (*names, *keep) if name not in columns]
        if lacking:
            raise ValueError(f"{file} lacks the columns {lacking}; it has {list(columns)}")
        if len(names) != model.n_features_in_:
            raise ValueError(
                f"{file} has {len(names)} columns {names}, but the model was fitted to an array of "
                f"{model.n_features_in_} columns without names; drop the others, or name them by --keep"
            )
        self.feature_names_in_ = names

    def __getattr__(self, name: str) -> Any:
        if name not in ("predict_proba", "predict_all", "classes_"):
            raise AttributeError(name)
        found = getattr(self.model, name)
        return found if name == "classes_" else lambda X: found(self._rows(X))

    def predict(self, X: RowsLike) -> Any:
        return self.model.predict(self._rows(X))

    def _rows(self, table: Any) -> Any:
        """Convert a table of pyarrow to what the model reads; steps of other packages need pandas."""
        if not self.is_named:
            return np.column_stack([column.to_numpy() for column in table.itercolumns()])
        return table if self.is_network else table.to_pandas()


def _to_csv(tables: Iterator[Any], path: Path) -> int:
    """Write tables to a CSV file, which appears when it is complete; return the number of rows."""
    arrow = import_optional("pyarrow", "streaming", "writing CSV")
    csv = import_optional("pyarrow.csv", "streaming", "writing CSV")
    writer, n_rows = None, 0
    with replaced_file(path) as file:
        try:
            for table in tables:
                nested = [field.name for field in table.schema if arrow.types.is_nested(field.type)]
                if nested:
                    raise ValueError(
                        f"the predictions of {nested} are lists, which CSV does not hold; name a file *.parquet"
                    )
                if writer is None:
                    writer = csv.CSVWriter(file, table.schema)
                writer.write_table(table.cast(writer.schema) if hasattr(writer, "schema") else table)
                n_rows += len(table)
        finally:
            if writer is not None:
                writer.close()
    return n_rows
