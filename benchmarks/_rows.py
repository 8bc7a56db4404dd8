"""The rows of a data set, and how they may be split."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseShuffleSplit, GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit


class Rows(NamedTuple):
    """All rows of a data set.

    Targets that are floats are numbers, columns of tuples are sets of labels, and others are classes. At most one
    of ``groups``, ``owner`` and ``part`` is set.
    """

    X: pd.DataFrame
    y: pd.DataFrame
    #: rows of one group are kept together
    groups: pd.Series | None = None
    #: the one task that has a label for the row, where every task has rows of its own; each task is split
    owner: pd.Series | None = None
    #: 0 for training, 1 for validation and 2 for test, where the split is given
    part: pd.Series | None = None

    def take(self, rows: np.ndarray) -> Rows:
        """Choose rows by position."""
        return Rows(*(None if part is None else part.iloc[rows] for part in self))

    @property
    def kinds(self) -> dict[str, str]:
        """Kind of each task."""
        return {name: kind_of(self.y[name]) for name in self.y}


class Table(NamedTuple):
    """Training and test rows of one data set."""

    X: pd.DataFrame
    y: pd.DataFrame
    X_test: pd.DataFrame
    y_test: pd.DataFrame


def kind_of(target: pd.Series) -> str:
    if target.dtype.kind == "f":
        return "regression"
    return "multilabel" if isinstance(target.iloc[0], tuple) else "classification"


def shuffled(rows: Rows, n: int, test_size: float, seed: int) -> Any:
    """Split at random, and return positions: groups stay together, and tasks with rows of their own are split."""
    kind: type[BaseShuffleSplit] = ShuffleSplit
    if rows.groups is not None:
        kind = GroupShuffleSplit
    elif rows.owner is not None:
        kind = StratifiedShuffleSplit
    splitter = kind(n_splits=n, test_size=test_size, random_state=seed)
    return splitter.split(rows.X, rows.owner, rows.groups)


def filled(X: pd.DataFrame) -> pd.DataFrame:
    """Fill missing numbers with the median of their column, and make text categories."""
    text = X.select_dtypes(exclude="number").columns
    return X.fillna(X.median(numeric_only=True)).astype(dict.fromkeys(text, "category"))


def classes(labels: pd.DataFrame) -> pd.DataFrame:
    """Make "0" and "1" of 0 and 1, and None of NaN."""
    known = labels.notna()
    return labels.fillna(0).astype(int).astype(str).astype(object).where(known, None)
