"""Errors that are comparable between tasks, ranks, and choices that are judged where they had no part.

A table of errors has one row for each data set and task, and one column for each contender. Means over data sets
give each family of siblings, `_datasets.FAMILIES`, the same weight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

CONSTANT = "constant"
# The smallest gap between the constant and the best contender, as a share of the constant's error: where nobody
# learns anything, differences of noise would decide otherwise.
LEAST_GAP = 0.2
# A contender that fails in one task should not outweigh what it does in many others.
WORST = 2.0


def errors(records: pd.DataFrame) -> pd.DataFrame:
    """Compute the mean error over splits: 1 - AUC of classes, and of numbers the root of 1 - R2.

    The latter is the root mean squared error in standard deviations of the test labels, whose mean over tasks is
    known as aRRMSE.
    """
    measures = records.reindex(columns=["accuracy", "hamming_loss"])
    of_classes = measures.notna().any(axis=1)
    error = np.where(of_classes, 1 - records["score"], np.sqrt(np.maximum(1 - records["score"], 0)))
    return records.assign(error=error).pivot_table(index=["data", "task"], columns="contender", values="error")


def normalised(table: pd.DataFrame) -> pd.DataFrame:
    """Scale the errors of each task: 0 is the best contender of the table, and 1 the constant.

    The figures depend on the contenders of the table: they are compared within it only.
    """
    best = table.min(axis=1)
    gap = np.maximum(table[CONSTANT] - best, LEAST_GAP * table[CONSTANT])
    return table.sub(best, axis=0).div(gap, axis=0).clip(upper=WORST)


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Divide the errors of each task by that of the constant: what is left to learn, whoever is compared."""
    return table.div(table[CONSTANT], axis=0).clip(upper=WORST)


def ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Rank the contenders that have an error in each task, 1 for the best; equal ones share the mean rank."""
    return table.rank(axis=1)


def rank_among(table: pd.DataFrame, contender: str, peers: Sequence[str]) -> pd.Series:
    """Rank one contender among its peers in each task, whatever other contenders the table has."""
    own = table[contender]
    others = table[[peer for peer in peers if peer != contender]]
    return 1 + others.lt(own, axis=0).sum(axis=1) + others.eq(own, axis=0).sum(axis=1) / 2


def by_set(table: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """Average over the tasks of each data set."""
    return table.groupby("data").mean()


def by_family(sets: pd.DataFrame | pd.Series, family: Callable[[str], str]) -> pd.DataFrame | pd.Series:
    """Average over the data sets of each family."""
    return sets.groupby(sets.index.map(family)).mean()


def choose(sets: pd.DataFrame, family: Callable[[str], str]) -> str:
    """Choose the column with the lowest mean over families."""
    return str(by_family(sets, family).mean().idxmin())


def choose_without(sets: pd.DataFrame, family: Callable[[str], str]) -> pd.Series:
    """Choose a column for each data set by the families that it does not belong to.

    Returns
    -------
    Series of str, by data set
        The column with the lowest mean over all other families.
    """
    families = sets.index.map(family)
    if families.nunique() < 2:
        raise ValueError(f"leaving one family out needs two or more, got {sorted(set(families))}")
    choice = {left_out: choose(sets[families != left_out], family) for left_out in families.unique()}
    return pd.Series([choice[name] for name in families], index=sets.index, name="chosen")


def taken(sets: pd.DataFrame, chosen: pd.Series) -> pd.Series:
    """Take from each row the column that was chosen for it."""
    return pd.Series({name: sets.at[name, column] for name, column in chosen.items()})


def mean_and_error(values: pd.Series) -> tuple[float, float]:
    """Compute the mean of independent values, and its standard error: NaN for one value."""
    return float(values.mean()), float(values.sem())
