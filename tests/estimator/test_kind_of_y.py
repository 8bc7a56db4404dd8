"""The kind of y in which predictions come back."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_mtl import Targets

from .._helpers import (
    assert_same,
    assert_same_model,
    mixed_targets,
    net,
)
from ._data import MASS, SICK, SPECIES, N, X, labels_of_sets


def test_array_comes_back_as_array():
    estimator = net().fit(X, SPECIES)
    assert isinstance(estimator.predict(X), np.ndarray)
    assert estimator.predict(X).shape == (N,)
    assert estimator.task_names_ == ["y"]
    assert estimator.classes_.tolist() == ["ape", "bee", "cat"]
    assert estimator.predict_proba(X).shape == (N, 3)


def test_list_comes_back_as_array():
    assert_same(net().fit(X, SPECIES.tolist()).predict(X), net().fit(X, SPECIES).predict(X))


@pytest.mark.parametrize("library", [pd, pl])
def test_series_names_its_task(library):
    estimator = net().fit(X, library.Series(name="species", **_series_data(library)))
    assert estimator.task_names_ == ["species"]
    assert isinstance(estimator.predict(X), np.ndarray)


def _series_data(library):
    return {"data": SPECIES} if library is pd else {"values": SPECIES.tolist()}


def test_matrix_of_numbers_comes_back_as_matrix():
    estimator = net().fit(X, np.column_stack([MASS, X[:, 0]]))
    assert estimator.predict(X).shape == (N, 2)
    assert estimator.predict(X).dtype == np.float64
    assert estimator.task_names_ == ["0", "1"]
    assert not hasattr(estimator, "classes_")


def test_matrix_of_classes_has_lists_of_classes():
    estimator = net().fit(X, np.column_stack([SICK, 1 + 2 * SICK]))
    assert estimator.predict(X).shape == (N, 2)
    assert estimator.predict(X).dtype.kind == "i"
    assert [classes.tolist() for classes in estimator.classes_] == [[0, 1], [1, 3]]
    assert [proba.shape for proba in estimator.predict_proba(X)] == [(N, 2), (N, 2)]


def test_matrix_of_mixed_kinds_keeps_text_and_numbers():
    y = np.column_stack([SPECIES.astype(object), MASS.astype(object)])
    estimator = net().fit(X, y)
    predictions = estimator.predict(X)
    assert predictions.dtype == object
    assert set(predictions[:, 0]) <= set(SPECIES)
    assert all(isinstance(value, float) for value in predictions[:, 1])
    assert estimator.classes_[1] is None
    assert [proba.shape for proba in estimator.predict_proba(X)] == [(N, 3)]


def test_pandas_comes_back_as_pandas_with_the_index_of_X():
    index = np.arange(N)[::-1] * 10
    y = pd.DataFrame({"species": SPECIES, "mass": MASS}, index=index)
    frame = pd.DataFrame(X, columns=list("abcd"), index=index)
    predictions = net().fit(frame, y).predict(frame[5:9])
    assert isinstance(predictions, pd.DataFrame)
    assert list(predictions.columns) == ["species", "mass"]
    assert predictions.index.tolist() == index[5:9].tolist()
    assert predictions["mass"].dtype == np.float64


def test_integer_labels_of_a_frame_are_kept():
    predictions = net().fit(X, pd.DataFrame({7: MASS, 8: X[:, 0]})).predict(X)
    assert list(predictions.columns) == [7, 8]


def test_polars_comes_back_as_polars():
    y = pl.DataFrame({"species": SPECIES.tolist(), "mass": MASS})
    predictions = net().fit(X, y).predict(X)
    assert isinstance(predictions, pl.DataFrame)
    assert predictions.columns == ["species", "mass"]
    assert predictions.height == N


def test_structured_array_comes_back_as_structured_array():
    y = np.empty(N, dtype=[("mass", "f8"), ("sick", "i8"), ("size", "f8", (2,))])
    y["mass"], y["sick"], y["size"] = MASS, SICK, X[:, :2]
    predictions = net().fit(X, y).predict(X)
    assert predictions.dtype.names == ("mass", "sick", "size")
    assert predictions.shape == (N,)
    assert predictions["size"].shape == (N, 2)
    assert predictions["sick"].dtype == np.int64


@pytest.mark.parametrize("kind", [dict, Targets])
def test_mapping_comes_back_as_targets(kind):
    predictions = net().fit(X, kind(mixed_targets(X))).predict(X)
    assert isinstance(predictions, Targets)
    assert predictions.shape == (N, 5)
    shapes = {name: values.shape for name, values in predictions.items()}
    assert shapes == {"species": (N,), "sick": (N,), "mass": (N,), "size": (N, 2), "tags": (N, 3)}


def test_sets_of_labels_come_back_as_sets():
    labels = labels_of_sets()
    estimator = net(max_epochs=40, learning_rate=0.02).fit(X, {"tags": labels})
    predictions = estimator.predict(X)["tags"]
    assert all(isinstance(row, set) for row in predictions)
    assert np.mean([row == true for row, true in zip(predictions, labels, strict=True)]) > 0.7


KINDS_OF_Y = {
    "dict": lambda y: dict(y),
    "targets": lambda y: Targets(y),
    "pandas": lambda y: pd.DataFrame(dict(y)),
    "polars": lambda y: pl.DataFrame({name: values.tolist() for name, values in y.items()}),
    "structured": lambda y: _structured(y),
}


def _structured(y):
    array = np.empty(len(y), dtype=[(name, values.dtype) for name, values in y.items()])
    for name, values in y.items():
        array[name] = values
    return array


@pytest.mark.parametrize("kind", KINDS_OF_Y.values(), ids=KINDS_OF_Y)
def test_kind_of_y_does_not_change_the_model(kind):
    y = mixed_targets(X, missing=0.2)
    y = Targets({name: y[name] for name in ("species", "sick", "mass")})
    assert_same_model(net().fit(X, kind(y)), net().fit(X, y))


def test_one_task_by_any_name_of_position_is_one_model():
    assert_same_model(net().fit(X, MASS), net().fit(X, MASS[:, None]))
