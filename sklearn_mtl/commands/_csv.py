"""CSV files as a source of rows, read with the types that a model was fitted to."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..serving._columns import columns_of
from ..utils._optional import import_optional

# Fields that are missing values, as in pandas; those that are a category of the model are none.
MISSING = ("", "#N/A", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null")


def open_csv(path: Path, model: Any) -> Any:
    """Open a CSV file as a data set of pyarrow.

    The fitted columns have the types of the model, whatever their first rows look like. The types of others, and
    of the columns of pipelines, follow from the first megabyte.

    Raises
    ------
    ValueError
        If the file cannot be read, for instance because it has no header.
    """
    arrow = import_optional("pyarrow", "streaming", "reading CSV")
    datasets = import_optional("pyarrow.dataset", "streaming", "reading CSV")
    reading = import_optional("pyarrow.csv", "streaming", "reading CSV")
    columns = columns_of(model)
    used = {value for column in columns for value in column.known}
    settings = {"strings_can_be_null": True, "null_values": [text for text in MISSING if text not in used]}

    def opened(**types: Any) -> Any:
        options = reading.ConvertOptions(**settings, **types)
        return datasets.dataset(str(path), format=datasets.CsvFileFormat(convert_options=options))

    try:
        seen = opened().schema
        types = {str(c.name): arrow.string() if c.kind == "text" else arrow.float64() for c in columns if c.kind}
        truths = [name for name in types if name in seen.names and arrow.types.is_boolean(seen.field(name).type)]
        return opened(
            column_types=types | {name: arrow.bool_() for name in truths if types[name] != arrow.string()}
        )
    except arrow.ArrowException as error:
        reason = str(error).partition("Invalid: ")[2] or error
        raise ValueError(f"{path.name} cannot be read as CSV: {reason}") from error


@contextmanager
def columns_named(path: Path) -> Iterator[None]:
    """Name the column in errors of pyarrow about a value, which give its number."""
    try:
        yield
    except ValueError as error:
        found = re.search(r"In CSV column #(\d+): (.*)", str(error), re.DOTALL)
        if found is None:
            raise
        with path.open(newline="", encoding="utf-8") as file:
            names = next(csv.reader(file))
        raise ValueError(f"{path.name}: column {names[int(found[1])]!r}: {found[2]}") from error
