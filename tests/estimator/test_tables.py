"""Tables: sparse, of frames, with categories."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.trunks import MLP

from .._helpers import (
    assert_same,
    assert_same_model,
    mixed_targets,
    net,
    weights_of,
)
from ._data import COLOURS, MASS, SPECIES, N, X, table


def test_sparse_inputs_are_dense_inputs():
    dense = np.where(np.abs(X) > 0.7, X, 0)
    trunk = MLP((8,))
    sparse_fit, dense_fit = net(trunk=trunk).fit(csr_matrix(dense), MASS), net(trunk=trunk).fit(dense, MASS)
    assert_same_model(sparse_fit, dense_fit)
    assert_same(sparse_fit.predict(csr_matrix(dense)), dense_fit.predict(dense))
    assert_same(sparse_fit.predict(dense), dense_fit.predict(dense))


@pytest.mark.parametrize("form", ["csc", "coo", "lil"])
def test_sparse_formats_are_one(form):
    dense = np.where(np.abs(X) > 0.7, X, 0)
    expected = net().fit(csr_matrix(dense), MASS)
    assert_same_model(net().fit(csr_matrix(dense).asformat(form), MASS), expected)


def test_pandas_and_polars_give_the_same_model():
    from_pandas = net().fit(pd.DataFrame(table()), COLOURS)
    from_polars = net().fit(pl.DataFrame(table()), COLOURS)
    assert_same_model(from_pandas, from_polars)
    assert_same(from_pandas.predict(pd.DataFrame(table())), from_polars.predict(pl.DataFrame(table())))
    assert from_polars.feature_names_in_.tolist() == ["size", "colour", "age"]


COLUMN_TYPES = {
    "object": lambda frame: frame.astype({"colour": object}),
    "category": lambda frame: frame.astype({"colour": "category"}),
    "string": lambda frame: frame.astype({"colour": "string"}),
}


@pytest.mark.parametrize("kind", COLUMN_TYPES.values(), ids=COLUMN_TYPES)
def test_types_of_text_columns_give_the_same_model(kind):
    frame = pd.DataFrame(table())
    assert_same_model(net().fit(kind(frame), COLOURS), net().fit(frame, COLOURS))


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["red", "green", "blue"]), pl.String], ids=str)
def test_types_of_polars_columns_give_the_same_model(dtype):
    frame = pl.DataFrame(table()).with_columns(pl.col("colour").cast(dtype))
    assert_same_model(net().fit(frame, COLOURS), net().fit(pd.DataFrame(table()), COLOURS))


def test_categories_are_learned():
    frame = pd.DataFrame(table())
    estimator = net(max_epochs=60, learning_rate=0.03).fit(frame, COLOURS)
    assert estimator.score(frame, COLOURS) > 0.95


def test_unseen_category_is_allowed_and_has_a_row_of_its_own():
    frame = pd.DataFrame(table())
    estimator = net().fit(frame, COLOURS)
    unseen, other = frame.assign(colour="violet"), frame.assign(colour="mauve")
    assert_same(estimator.predict(unseen), estimator.predict(other))
    assert (estimator.predict(unseen) != estimator.predict(frame.assign(colour="red"))).any()


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=str)
def test_missing_category_is_a_category(missing):
    frame = pd.DataFrame(table()).astype({"colour": object})
    frame.loc[::4, "colour"] = missing
    y = np.where(np.arange(N) % 4 == 0, 50.0, COLOURS)
    estimator = net(max_epochs=80, learning_rate=0.03).fit(frame, y)
    assert estimator.score(frame, y) > 0.95
    unseen = estimator.predict(frame.assign(colour="violet"))
    assert np.abs(unseen - estimator.predict(frame))[::4].max() > 1


def test_missing_category_at_predict_only_is_an_unseen_one():
    frame = pd.DataFrame(table()).astype({"colour": object})
    estimator = net().fit(frame, COLOURS)
    assert_same(estimator.predict(frame.assign(colour=None)), estimator.predict(frame.assign(colour="violet")))


@pytest.mark.parametrize(
    ("categorical", "columns"),
    [([1], [1]), ([False, True, True], [1, 2]), (["colour", "age"], [1, 2]), ("from_dtype", [1])],
    ids=str,
)
def test_columns_chosen_as_categories(categorical, columns):
    estimator = net(categorical_features=categorical).fit(pd.DataFrame(table()), COLOURS)
    assert estimator._model.blueprint.trunk.table_.categorical_ == columns


def test_categories_of_an_array():
    codes = np.column_stack([X[:, 0], np.arange(N) % 3])
    y = 9.5 * (np.arange(N) % 3 == 1)
    estimator = net(categorical_features=[1], max_epochs=60, learning_rate=0.03).fit(codes, y)
    assert estimator.score(codes, y) > 0.95
    assert np.isfinite(estimator.predict([[0.0, 17.0]])).all()


def test_table_of_categories_only():
    frame = pd.DataFrame(table())[["colour"]]
    estimator = net(max_epochs=60, learning_rate=0.03).fit(frame, COLOURS)
    assert estimator.score(frame, COLOURS) > 0.95


def test_bool_columns_are_numbers():
    frame = pd.DataFrame({"flag": X[:, 0] > 0, "size": X[:, 1]})
    assert_same_model(net().fit(frame, MASS), net().fit(frame.astype(float), MASS))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_of_what_comes_out(dtype):
    estimator = net(dtype=dtype).fit(X, {"mass": MASS, "size": X[:, :2], "species": SPECIES})
    # large numbers, and probabilities close to 1, keep their digits
    assert {values.dtype.name for k, values in estimator.predict(X).items() if k != "species"} == {"float64"}
    assert estimator.predict_proba(X)["species"].dtype == np.float64
    assert estimator.transform(X).dtype == dtype
    assert {values.dtype.name for values in weights_of(estimator).values()} == {dtype}


def test_wide_numbers_need_float64():
    assert np.isfinite(net(dtype="float64").fit(1e60 * X, MASS).predict(1e60 * X)).all()


def test_inputs_are_not_written_to():
    frozen, y = X.copy(), mixed_targets(X, missing=0.2)
    before = copy.deepcopy(y)
    frozen.flags.writeable = False
    for values in y.values():
        values.flags.writeable = False
    net(early_stopping=True).fit(frozen, y, np.ones(N)).predict(frozen)
    assert y == before


def test_the_order_in_memory_does_not_matter():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 5)).astype(np.float32), rng.standard_normal(60)
    net = MultiTaskNetEstimator(max_epochs=2, random_state=0, n_members=1)
    predictions = [net.fit(A, y).predict(A) for A in (X, np.asfortranarray(X))]
    assert np.array_equal(*predictions)
