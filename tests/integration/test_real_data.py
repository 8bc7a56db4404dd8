"""Fits on public data sets, read from the folder that SKLEARN_MTL_DATA names."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from sklearn_mtl import MultiTaskNetEstimator, MultiTaskNetRegressor, Targets

FOLDER = os.environ.get("SKLEARN_MTL_DATA")
pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="set SKLEARN_MTL_DATA to the folder of the public data sets"),
    pytest.mark.slow,
]


def path_to(*parts):
    path = Path(FOLDER, *parts)
    if not path.exists():
        pytest.skip(f"the folder of SKLEARN_MTL_DATA has no {path.relative_to(FOLDER)}")
    return path


@pytest.fixture(scope="module")
def crime():
    """Communities and Crime, unnormalised: 18 rates to predict, some of them missing."""
    path = path_to("communities_crime", "CommViolPredUnnormalizedData.txt")
    table = pd.read_csv(path, encoding="utf-8-sig", na_values="?")
    X, y = table.iloc[:, 5:-18], table.iloc[:, -18:]
    return X.loc[:, X.notna().all()], y


def read_arff(path):
    lines = path.read_text().splitlines()
    names = [line.split()[1] for line in lines if line.lower().startswith("@attribute")]
    start = next(number for number, line in enumerate(lines) if line.lower().startswith("@data"))
    rows = [line.split(",") for line in lines[start + 1 :] if line.strip()]
    return pd.DataFrame(rows, columns=names).astype(float)


@pytest.fixture(scope="module")
def energy():
    """Energy efficiency of buildings: heating and cooling load."""
    table = read_arff(path_to("mulan_mtr", "enb.arff"))
    return table.iloc[:, :-2], table.iloc[:, -2:]


def test_missing_rates_of_crime(crime):
    X, y = crime
    assert y.isna().any(axis=None)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    estimator = MultiTaskNetRegressor(max_epochs=15, random_state=0, n_members=1).fit(X_train, y_train)
    scores = estimator.score_tasks(X_test, y_test)
    assert list(scores) == list(y.columns)
    assert np.median(list(scores.values())) > 0.25
    predictions = estimator.predict(X_test)
    assert predictions.index.equals(X_test.index)
    assert np.isfinite(predictions.to_numpy()).all()


def test_rates_of_crime_and_a_class(crime):
    X, y = crime
    violent = y["ViolentCrimesPerPop"]
    level = pd.cut(violent, [-1, 200, 600, np.inf], labels=["low", "middle", "high"])
    targets = Targets(level=level, burglaries=y["burglPerPop"], arsons=y["arsonsPerPop"])
    X_train, X_test, y_train, y_test = train_test_split(X, targets, random_state=0)
    estimator = MultiTaskNetEstimator(max_epochs=15, random_state=0, task_weights={"arsons": 0.3}, n_members=1)
    estimator.fit(X_train, y_train)
    assert sorted(estimator.classes_["level"]) == ["high", "low", "middle"]
    scores = estimator.score_tasks(X_test, y_test)
    assert scores["level"] > 0.6
    assert scores["burglaries"] > 0.3


def test_energy_of_buildings(energy):
    X, y = energy
    assert X.shape == (768, 8)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    estimator = MultiTaskNetRegressor(max_epochs=60, learning_rate=5e-3, random_state=0, n_members=1).fit(
        X_train, y_train
    )
    error = (y_test - estimator.predict(X_test)) ** 2
    rrmse = np.sqrt(error.sum() / ((y_test - y_train.mean()) ** 2).sum())
    assert rrmse.mean() < 0.3
