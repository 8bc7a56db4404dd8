"""Multilabel sets of the Mulan collection, as one set of labels or as a class for each label."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from _harness import data_folder
from _rows import Rows, classes, filled

FOLDER = "mulan_multilabel"
FILES = {
    "yeast": ("yeast-train", "yeast-test"),
    "birds": ("birds-train", "birds-test"),
    "enron": ("enron",),
}


def single_labels(name: str) -> Rows:
    """Read one task of two classes for each label."""
    X, labels = _read(name)
    return Rows(X, classes(labels))


def one_set(name: str) -> Rows:
    """Read one task, whose target is the tuple of labels of a row."""
    X, labels = _read(name)
    names = labels.columns.to_numpy()
    sets = [tuple(names[row]) for row in labels.to_numpy(bool)]
    column = pd.Series(index=X.index, dtype=object)
    column[:] = sets
    return Rows(X, column.to_frame("labels"))


def _read(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = data_folder(FOLDER)
    n_labels = len(ElementTree.parse(folder / f"{name}.xml").getroot())
    rows = pd.concat([_table(folder / f"{file}.arff.gz") for file in FILES[name]], ignore_index=True)
    return filled(rows.iloc[:, :-n_labels]), rows.iloc[:, -n_labels:].astype(int)


def _table(path: Path) -> pd.DataFrame:
    """Read dense or sparse ARFF, which scipy reads only where it is dense and no name has a quote."""
    with gzip.open(path, "rt") as file:
        lines = [line.strip() for line in file]
    start = next(number for number, line in enumerate(lines) if line.lower() == "@data")
    columns = [line for line in lines[:start] if line.lower().startswith("@attribute")]
    data = [line for line in lines[start + 1 :] if line and not line.startswith("%")]
    read = _sparse if data[0].startswith("{") else _dense
    table = pd.DataFrame(read(data, len(columns)), columns=[_name(column) for column in columns])
    # numbers that are names of places are categories, numbers 0 and 1 need not be
    places = [_name(column) for column in columns if column.endswith("}") and not column.endswith("{0,1}")]
    return table.astype({name: int for name in places}).astype({name: str for name in places})


def _dense(data: Iterable[str], _: int) -> np.ndarray:
    return np.array([line.split(",") for line in data], dtype=float)


def _sparse(data: Iterable[str], n_columns: int) -> np.ndarray:
    values = [dict(pair.split() for pair in line.strip("{}").split(",") if pair) for line in data]
    table = np.zeros((len(values), n_columns), dtype=np.int8)
    for row, found in enumerate(values):
        table[row, [int(column) for column in found]] = [int(value) for value in found.values()]
    return table


def _name(attribute: str) -> str:
    quoted = re.match(r"@attribute\s+'((?:[^'\\]|\\.)*)'", attribute, re.IGNORECASE)
    return quoted[1].replace("\\", "") if quoted else attribute.split()[1]
