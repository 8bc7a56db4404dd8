"""Tables with several targets, from the folder in SKLEARN_MTL_DATA and from installed libraries."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from _harness import data_folder
from _molecules import molecules
from _multilabel import one_set, single_labels
from _own_rows import own_rows
from _rows import Rows, Table, filled, shuffled
from adult import load as load_adult
from scipy.io import arff
from sklearn.datasets import load_digits, load_linnerud, load_wine


def split_at_random(rows: Rows) -> Table:
    """Hold out a fixed third of the rows or of the groups."""
    train, test = next(shuffled(rows, 1, 1 / 3, 0))
    return Table(*rows.take(train)[:2], *rows.take(test)[:2])


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
    """Read targets that are the last columns; missing inputs are filled."""
    rows, _ = arff.loadarff(data_folder("mulan_mtr") / f"{name}.arff")
    frame = pd.DataFrame(rows).map(lambda value: value.decode() if isinstance(value, bytes) else value)
    return Rows(fill(frame.iloc[:, :-n_targets]), frame.iloc[:, -n_targets:].astype(float))


def mulan_with_gaps(name: str, n_targets: int) -> Rows:
    """Read numbers of which some are missing, in X too."""
    rows, _ = arff.loadarff(data_folder("mulan_mtr") / f"{name}.arff")
    frame = pd.DataFrame(rows).astype(float)
    return Rows(frame.iloc[:, :-n_targets], frame.iloc[:, -n_targets:])


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
    "andro": lambda: mulan("andro", 6),
    "atp7d": lambda: mulan("atp7d", 6),
    "oes10": lambda: mulan("oes10", 16),
    "osales": lambda: mulan_with_gaps("osales", 12),
    "scpf": lambda: mulan_with_gaps("scpf", 3),
    "yeast": lambda: single_labels("yeast"),
    "yeast_set": lambda: one_set("yeast"),
    "birds": lambda: single_labels("birds"),
    "birds_set": lambda: one_set("birds"),
    "enron": lambda: single_labels("enron"),
    "enron_set": lambda: one_set("enron"),
    "school": lambda: own_rows("school", "regression"),
    "avila": lambda: own_rows("avila", "classification"),
    "clintox": lambda: molecules("clintox"),
    "toxcast60": lambda: molecules("toxcast", n_tasks=60),
    "toxcast": lambda: molecules("toxcast"),
    "qm8": lambda: molecules("qm8"),
    "qm8_descriptors": lambda: molecules("qm8", descriptors=True),
}

#: sets of one source: what is learned on one may fit the others
FAMILIES: dict[str, tuple[str, ...]] = {
    "census": ("adult", "census_income_kdd"),
    "solar flares": ("sf1", "sf2"),
    "yeast": ("yeast", "yeast_set"),
    "birds": ("birds", "birds_set"),
    "enron": ("enron", "enron_set"),
    "molecules": ("clintox", "toxcast60", "toxcast", "qm8", "qm8_descriptors"),
}


def family(name: str) -> str:
    """Return the family of a data set: its own name where it has no siblings."""
    return next((found for found, members in FAMILIES.items() if name in members), name)


#: the same with a fixed split
TABLES: dict[str, Callable[[], Table]] = {
    name: lambda load=load: split_at_random(load()) for name, load in list(ROWS.items())[:8]
} | {"adult": official_adult}
