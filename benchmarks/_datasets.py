"""Tables with several targets, from the folder in SKLEARN_MTL_DATA and from installed libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from _harness import data_folder
from adult import load as load_adult
from scipy.io import arff
from sklearn.datasets import load_digits, load_linnerud, load_wine
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit


class Rows(NamedTuple):
    """All rows of a data set; rows of one group are kept together. Targets that are not floats are classes."""

    X: pd.DataFrame
    y: pd.DataFrame
    groups: pd.Series | None = None

    def take(self, rows: np.ndarray) -> Rows:
        """Choose rows by position."""
        groups = None if self.groups is None else self.groups.iloc[rows]
        return Rows(self.X.iloc[rows], self.y.iloc[rows], groups)

    @property
    def kinds(self) -> dict[str, str]:
        """Kind of each task."""
        numbers = set(self.y.select_dtypes("floating"))
        return {name: "regression" if name in numbers else "classification" for name in self.y}


class Table(NamedTuple):
    """Training and test rows of one data set."""

    X: pd.DataFrame
    y: pd.DataFrame
    X_test: pd.DataFrame
    y_test: pd.DataFrame


def split_at_random(rows: Rows) -> Table:
    """Hold out a fixed third of the rows or of the groups."""
    maker = ShuffleSplit if rows.groups is None else GroupShuffleSplit
    train, test = next(maker(n_splits=1, test_size=1 / 3, random_state=0).split(*rows))
    return Table(*rows.take(train)[:2], *rows.take(test)[:2])


def filled(X: pd.DataFrame) -> pd.DataFrame:
    """Fill missing numbers with the median of their column, and make text categories."""
    text = X.select_dtypes(exclude="number").columns
    return X.fillna(X.median(numeric_only=True)).astype(dict.fromkeys(text, "category"))


def official_adult() -> Table:
    folder = data_folder("adult")
    return Table(*load_adult(folder, "data"), *load_adult(folder, "test"))


def adult() -> Rows:
    X, y, X_test, y_test = official_adult()
    text = X.select_dtypes("category").columns
    X, X_test = X.astype(dict.fromkeys(text, "object")), X_test.astype(dict.fromkeys(text, "object"))
    return Rows(filled(pd.concat([X, X_test], ignore_index=True)), pd.concat([y, y_test], ignore_index=True))


def census_income() -> Rows:
    path = data_folder("census_income_kdd") / "census-income.test.gz"
    rows = pd.read_csv(path, header=None, skipinitialspace=True, na_values="?", keep_default_na=False)
    y = pd.DataFrame({"income": rows[41] == "50000+.", "never_married": rows[7] == "Never married"})
    X = rows.drop(columns=[7, 24, 41])  # column 24 is the weight of the interview
    X.columns = [f"c{column}" for column in X.columns]
    return Rows(filled(X), y)


def communities(fill: Callable[[pd.DataFrame], pd.DataFrame] = filled) -> Rows:
    path = data_folder("communities_crime") / "CommViolPredUnnormalizedData.txt"
    rows = pd.read_csv(path, na_values="?", encoding="utf-8-sig")
    return Rows(fill(rows.iloc[:, 5:-18]), rows.iloc[:, -18:].astype(float))


def parkinsons() -> Rows:
    rows = pd.read_csv(data_folder("parkinsons_telemonitoring") / "parkinsons_updrs.data", sep="\t")
    targets = ["motor_UPDRS", "total_UPDRS"]
    return Rows(rows.drop(columns=["subject#", *targets]), rows[targets], rows["subject#"])


def mulan(name: str, n_targets: int, fill: Callable[[pd.DataFrame], pd.DataFrame] = filled) -> Rows:
    rows, _ = arff.loadarff(data_folder("mulan_mtr") / f"{name}.arff")
    frame = pd.DataFrame(rows).map(lambda value: value.decode() if isinstance(value, bytes) else value)
    return Rows(fill(frame.iloc[:, :-n_targets]), frame.iloc[:, -n_targets:].astype(float))


def penguins() -> Rows:
    from palmerpenguins import load_penguins

    rows = load_penguins().dropna(subset=["bill_length_mm"]).reset_index(drop=True)
    measured = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "island"]
    return Rows(filled(rows[measured]), rows[["species", "sex", "body_mass_g"]])


def linnerud() -> Rows:
    return Rows(*(frame.astype(float) for frame in load_linnerud(return_X_y=True, as_frame=True)))


def wine() -> Rows:
    X, cultivar = load_wine(return_X_y=True, as_frame=True)
    numbers = ["alcohol", "color_intensity"]
    return Rows(X.drop(columns=numbers), X[numbers].assign(cultivar=cultivar))


def digits() -> Rows:
    X, digit = load_digits(return_X_y=True, as_frame=True)
    y = {"digit": digit, "odd": digit % 2 == 1, "prime": digit.isin([2, 3, 5, 7]), "large": digit >= 5}
    return Rows(X, pd.DataFrame(y))


#: data sets that the folder holds, and those that come with libraries
ROWS: dict[str, Callable[[], Rows]] = {
    "adult": adult,
    "census_income_kdd": census_income,
    "communities_crime": communities,
    "parkinsons": parkinsons,
    "enb": lambda: mulan("enb", 2),
    "slump": lambda: mulan("slump", 3),
    "sf1": lambda: mulan("sf1", 3),
    "sf2": lambda: mulan("sf2", 3),
    "penguins": penguins,
    "linnerud": linnerud,
    "wine": wine,
    "digits": digits,
}

#: the same with a fixed split
TABLES: dict[str, Callable[[], Table]] = {
    name: lambda load=load: split_at_random(load()) for name, load in list(ROWS.items())[:8]
} | {"adult": official_adult}
