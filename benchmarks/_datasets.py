"""Real tables with several targets, from the folder in SKLEARN_MTL_DATA, each with a fixed split."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
from _harness import data_folder
from adult import load as load_adult
from scipy.io import arff
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit


class Table(NamedTuple):
    """Training and test rows of one data set."""

    X: pd.DataFrame
    y: pd.DataFrame
    X_test: pd.DataFrame
    y_test: pd.DataFrame


def split_at_random(X: pd.DataFrame, y: pd.DataFrame, groups: pd.Series | None = None) -> Table:
    """Hold out a third of the rows, or of the groups, always the same."""
    maker = ShuffleSplit if groups is None else GroupShuffleSplit
    train, test = next(maker(n_splits=1, test_size=1 / 3, random_state=0).split(X, y, groups))
    return Table(X.iloc[train], y.iloc[train], X.iloc[test], y.iloc[test])


def filled(X: pd.DataFrame) -> pd.DataFrame:
    """Fill missing numbers with the median of their column, and make text categories."""
    text = X.select_dtypes(exclude="number").columns
    return X.fillna(X.median(numeric_only=True)).astype(dict.fromkeys(text, "category"))


def adult() -> Table:
    folder = data_folder("adult")
    return Table(*load_adult(folder, "data"), *load_adult(folder, "test"))


def census_income() -> Table:
    path = data_folder("census_income_kdd") / "census-income.test.gz"
    rows = pd.read_csv(path, header=None, skipinitialspace=True, na_values="?", keep_default_na=False)
    y = pd.DataFrame({"income": rows[41] == "50000+.", "never_married": rows[7] == "Never married"})
    X = rows.drop(columns=[7, 24, 41])  # column 24 is the weight of the interview
    X.columns = [f"c{column}" for column in X.columns]
    return split_at_random(filled(X), y)


def communities() -> Table:
    path = data_folder("communities_crime") / "CommViolPredUnnormalizedData.txt"
    rows = pd.read_csv(path, na_values="?", encoding="utf-8-sig")
    return split_at_random(filled(rows.iloc[:, 5:-18]), rows.iloc[:, -18:].astype(float))


def parkinsons() -> Table:
    rows = pd.read_csv(data_folder("parkinsons_telemonitoring") / "parkinsons_updrs.data", sep="\t")
    targets = ["motor_UPDRS", "total_UPDRS"]
    return split_at_random(rows.drop(columns=["subject#", *targets]), rows[targets], rows["subject#"])


def mulan(name: str, n_targets: int) -> Table:
    rows, _ = arff.loadarff(data_folder("mulan_mtr") / f"{name}.arff")
    frame = pd.DataFrame(rows).map(lambda value: value.decode() if isinstance(value, bytes) else value)
    return split_at_random(filled(frame.iloc[:, :-n_targets]), frame.iloc[:, -n_targets:].astype(float))


TABLES: dict[str, Callable[[], Table]] = {
    "adult": adult,
    "census_income_kdd": census_income,
    "communities_crime": communities,
    "parkinsons": parkinsons,
    "enb": lambda: mulan("enb", 2),
    "slump": lambda: mulan("slump", 3),
    "sf1": lambda: mulan("sf1", 3),
    "sf2": lambda: mulan("sf2", 3),
}
