import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csc_matrix, csr_matrix, issparse
from sklearn.base import BaseEstimator

from sklearn_mtl.columns._categories import UNSEEN
from sklearn_mtl.trunks import MLP
from sklearn_mtl.trunks._table import Table

from .._helpers import net

NAN = float("nan")
NUMBERS = np.arange(6.0).reshape(3, 2)


def table(X, categorical_features="from_dtype", dtype="float32"):
    owner = BaseEstimator()
    return Table(categorical_features, np.dtype(dtype)).fit(X, owner), owner


def encode(X, other=None, **params):
    fitted, owner = table(X, **params)
    return fitted.encode(X if other is None else other, owner)


def codes(X, other=None, **params):
    return encode(X, other, **params)[1][:, -1].tolist()


# -- numbers


@pytest.mark.parametrize(
    "X",
    [
        NUMBERS,
        NUMBERS.tolist(),
        NUMBERS.astype(int),
        NUMBERS.astype(object),
        NUMBERS[:, ::-1][:, ::-1],
        np.asfortranarray(NUMBERS),
        pd.DataFrame(NUMBERS),
        pd.DataFrame({"a": NUMBERS[:, 0].astype(int), "b": NUMBERS[:, 1]}),
        pd.DataFrame({"a": pd.array([0, 2, 4], dtype="Int64"), "b": NUMBERS[:, 1]}),
        pl.DataFrame(NUMBERS),
    ],
)
def test_numbers_of_every_container_are_the_same(X):
    numbers, categories = encode(X)
    np.testing.assert_array_equal(numbers, NUMBERS, strict=True)
    assert categories is None


@pytest.mark.parametrize(
    "X",
    [
        [[0.0, NAN], [2.0, 3.0]],
        np.array([[0, None], [2, 3]], dtype=object),
        np.array([[0, pd.NA], [2, 3]], dtype=object),
        np.ma.array([[0, 1], [2, 3]], mask=[[False, True], [False, False]]),
        pd.DataFrame({"a": [0.0, 2.0], "b": [NAN, 3.0]}),
        pd.DataFrame({"a": [0, 2], "b": pd.array([None, 3], dtype="Int64")}),
        pd.DataFrame({"a": pd.array([0, 2], dtype="Float64"), "b": pd.array([None, 3], dtype="Float64")}),
        pd.DataFrame({"a": [0, 2], "b": pd.Series([None, 3], dtype=object)}),
        pd.DataFrame({"a": [0, 2], "b": pd.Series([pd.NA, 3], dtype=object)}),
        pd.DataFrame({"a": [0, 2], "b": pd.array([None, 3], dtype="int64[pyarrow]")}),
        pl.DataFrame({"a": [0, 2], "b": [None, 3]}),
        pl.DataFrame({"a": [0.0, 2.0], "b": [None, 3.0]}),
        csr_matrix([[0.0, NAN], [2.0, 3.0]]),
    ],
    ids=str,
)
def test_missing_numbers_of_every_container_are_nan(X):
    numbers, _ = encode(X if hasattr(X, "shape") else np.array(X))
    dense = numbers.toarray() if issparse(numbers) else numbers
    np.testing.assert_array_equal(dense, [[0.0, NAN], [2.0, 3.0]], strict=True)


def test_missing_booleans_are_nan():
    numbers, _ = encode(pd.DataFrame({"a": pd.array([True, None, False], dtype="boolean"), "b": [1.0, 2.0, 3.0]}))
    np.testing.assert_array_equal(numbers[:, 0], [1.0, NAN, 0.0])


def test_missing_numbers_beside_categories_are_nan():
    numbers, categories = encode(np.array([[1.0, 7], [NAN, 5]]), categorical_features=[1])
    np.testing.assert_array_equal(numbers, [[1.0], [NAN]])
    assert categories.tolist() == [[2], [1]]


SENTENCES = [f"this is comment number {row}" for row in range(60)]


@pytest.mark.parametrize("wrap", [pd.DataFrame, pl.DataFrame])
def test_sentences_are_no_categories(wrap):
    with pytest.raises(ValueError, match="'t' of X is text of many words, 60 different ones in 60 rows"):
        encode(wrap({"t": SENTENCES}))


@pytest.mark.parametrize(
    "texts",
    [SENTENCES[:40], SENTENCES[:20] * 5, [f"word{row}" for row in range(99)], [f"two {row}" for row in range(99)]],
    ids=["few", "repeated", "words", "pairs of words"],
)
def test_other_texts_are_categories(texts):
    assert len(encode(pd.DataFrame({"t": texts}))[1]) == len(texts)


def test_sentences_that_the_user_calls_categories_are():
    assert len(set(codes(pd.DataFrame({"t": SENTENCES}), categorical_features=["t"]))) == 60
    assert len(set(codes(pd.DataFrame({"t": pd.Categorical(SENTENCES)})))) == 60


@pytest.mark.parametrize("make", [csr_matrix, csc_matrix])
def test_sparse_numbers_stay_sparse(make):
    numbers, _ = encode(make(NUMBERS))
    assert issparse(numbers)
    assert numbers.format == "csr"
    np.testing.assert_array_equal(numbers.toarray(), NUMBERS)


def test_bools_are_numbers():
    X = pd.DataFrame({"a": [True, False]})
    assert encode(X)[0].tolist() == [[1], [0]]


@pytest.mark.parametrize("X", [NUMBERS, NUMBERS.astype(np.float32)])
def test_floats_are_not_copied(X):
    assert np.shares_memory(encode(X)[0], X)
    assert np.shares_memory(encode(pd.DataFrame(X, copy=False))[0], X)


# -- categories

WORDS = ["b", "a", "b", None]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(WORDS),
        pd.Series(WORDS, dtype="string"),
        pd.Series(WORDS, dtype="category"),
        pl.Series(WORDS),
        pl.Series(WORDS, dtype=pl.Categorical),
        pl.Series(WORDS, dtype=pl.Enum(["b", "a"])),
    ],
    ids=lambda series: f"{type(series).__module__.split('.')[0]} {series.dtype}",
)
def test_text_and_categories_are_found_by_dtype(column):
    frame = (pd if isinstance(column, pd.Series) else pl).DataFrame({"x": [1.0, 2, 3, 4], "c": column})
    fitted, owner = table(frame)
    assert (fitted.numeric_, fitted.categorical_, fitted.cardinalities_) == ([0], [1], [4])
    numbers, categories = fitted.encode(frame, owner)
    assert numbers.tolist() == [[1], [2], [3], [4]]
    assert categories[:, 0].tolist() == [2, 1, 2, 3]


FRAME = pd.DataFrame({"x": [1.0, 2, 3], "n": [7, 5, 7]})


@pytest.mark.parametrize("wanted", [["n"], [1], [False, True], np.array([1]), np.array(["n"])], ids=repr)
def test_categories_by_name_position_or_mask(wanted):
    assert codes(FRAME, categorical_features=wanted) == [2, 1, 2]


@pytest.mark.parametrize("wanted", [[1], [False, True]])
def test_categories_of_an_array(wanted):
    numbers, categories = encode(FRAME.to_numpy(), categorical_features=wanted)
    assert numbers.tolist() == [[1], [2], [3]]
    assert categories.tolist() == [[2], [1], [2]]


@pytest.mark.parametrize("wanted", [None, [], "from_dtype"])
def test_numbers_only(wanted):
    numbers, categories = encode(FRAME.to_numpy(), categorical_features=wanted)
    np.testing.assert_array_equal(numbers, FRAME)
    assert categories is None


def test_categories_only():
    numbers, categories = encode(FRAME[["n"]], categorical_features=["n"])
    assert numbers.shape == (3, 0)
    assert categories.tolist() == [[2], [1], [2]]


@pytest.mark.parametrize("wrap", [np.asarray, pd.DataFrame])
def test_a_missing_category_is_one_of_its_own(wrap):
    X = wrap([[0.0, 3.0], [1.0, NAN], [2.0, 4.0]])
    assert codes(X, categorical_features=[1]) == [1, 3, 2]


@pytest.mark.parametrize(
    ("seen", "later", "expected"),
    [
        (["a", "b"], ["b", "new", None], [2, UNSEEN, UNSEEN]),
        (["a", None], ["new", None, "a"], [UNSEEN, 2, 1]),
        ([None, None], ["new", None], [UNSEEN, 1]),
        (["only"], ["only", "new"], [1, UNSEEN]),
    ],
)
def test_a_category_that_was_not_seen_has_a_code_of_its_own(seen, later, expected):
    frames = [pd.DataFrame({"c": pd.Series(values, dtype=object)}) for values in (seen, later)]
    assert codes(*frames) == expected


def test_numbers_of_categories_do_not_depend_on_their_dtype():
    seen, later = pd.DataFrame({"c": pd.Categorical([5, 7])}), pd.DataFrame({"c": [7.0, 5.0, 6.0]})
    assert codes(seen, later) == [2, 1, UNSEEN]


def test_large_numbers_that_float32_cannot_tell_apart_are_two_categories():
    X = np.array([[0, 2**24], [0, 2**24 + 1]])
    assert codes(X, categorical_features=[1]) == [1, 2]


# -- errors


@pytest.mark.parametrize(
    ("X", "wanted", "message"),
    [
        ([[1, np.inf]], None, "infinity"),
        ([[1, np.inf]], [1], "infinity"),
        ([1, 2], None, "2D array"),
        (np.zeros((2, 2, 2)), None, "dim 3"),
        (np.zeros((0, 2)), None, "0 sample"),
        (np.zeros((2, 0)), None, "0 feature"),
        (np.array([["1", "2"]], dtype=object), None, "contains text"),
        (np.array([["2020-01-01"]], dtype="M8[D]"), None, "dates"),
        ([[1 + 2j]], None, "Complex"),
        (csr_matrix([[1.0, 2]]), [1], "sparse X"),
        (csr_matrix([[1.0, np.inf]]), None, "infinity"),
        (pd.DataFrame({"a": [1.0, np.inf]}), None, "infinity"),
        (pl.DataFrame({"a": [1.0, np.inf]}), None, "infinity"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), ["a"], r"columns \['b'\] of X are text"),
        (pd.DataFrame({"a": ["x"]}), None, r"columns \['a'\] of X are text"),
        (pd.DataFrame({"a": pd.to_datetime(["2020-01-01"])}), None, "'a' of X is Datetime"),
        (pl.DataFrame({"a": [[1, 2]]}), None, "'a' of X is List"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), None, "a"),
        (pd.DataFrame({"a": []}), None, "0 sample"),
        (pd.DataFrame(index=[0, 1]), None, "0 feature"),
        (NUMBERS, [2], "categorical_features=.* X has 2 features"),
        (NUMBERS, [-1], "categorical_features"),
        (NUMBERS, ["a"], "categorical_features"),
        (NUMBERS, [True], "categorical_features"),
        (FRAME, ["nothing"], "categorical_features"),
    ],
)
def test_bad_tables_are_refused(X, wanted, message):
    with pytest.raises(ValueError, match=message):
        encode(X if hasattr(X, "shape") else np.array(X), categorical_features=wanted)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (NUMBERS[:, :1], "1 features"),
        (NUMBERS[0], "2D array"),
        (np.where(NUMBERS > 4, np.inf, NUMBERS), "infinity"),
        (NUMBERS[:0], "0 sample"),
    ],
)
def test_later_arrays_are_checked(X, message):
    with pytest.raises(ValueError, match=message):
        encode(NUMBERS, X)


@pytest.mark.parametrize(
    "X", [FRAME[["n", "x"]], FRAME[["x"]], FRAME.rename(columns={"n": "m"}), FRAME.assign(z=0)]
)
def test_other_columns_are_refused(X):
    with pytest.raises(ValueError, match="feature names"):
        encode(FRAME, X)


def test_a_column_that_was_numeric_must_stay_so():
    with pytest.raises(ValueError, match="column 'x' of X should be numeric, but is String"):
        encode(FRAME, FRAME.assign(x="text"))


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"a": ["x", None, "y", "x"], "b": pd.Categorical([3, 1, 2, 1]), "c": [1.0, 2.0, 3.0, 4.0]}),
        pd.DataFrame({"a": ["x", "y", "z", "w"], "b": ["u", None, None, "u"]}),
        np.array([[1.0, 5.0], [np.nan, 7.0], [3.0, 7.0], [1.0, 5.0]]),
    ],
    ids=["frame", "text", "array"],
)
def test_state_holds_categories_and_nothing_of_scikit_learn(X):
    owner = BaseEstimator()
    fitted = Table([0, 1], np.dtype("float64")).fit(X, owner)
    pickled = pickle.dumps(fitted)
    assert b"sklearn.preprocessing" not in pickled
    loaded = pickle.loads(pickled)
    assert loaded.cardinalities_ == fitted.cardinalities_
    rows = X.iloc[::-1] if isinstance(X, pd.DataFrame) else X[::-1] + 2
    for one, other in zip(loaded.encode(rows, owner), fitted.encode(rows, owner), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


# -- arrays that need no check of scikit-learn

ROWS = np.arange(12.0).reshape(4, 3)


def test_plain_arrays_are_predicted_as_if_they_had_been_checked(monkeypatch):
    fitted = net().fit(ROWS, ROWS[:, 0] + 0.5)
    for rows in (ROWS, ROWS[:1], ROWS[::-1], ROWS.astype(np.float32), np.asfortranarray(ROWS)):
        quick = fitted.predict(rows)
        with monkeypatch.context() as patch:
            patch.setattr(Table, "accepts", lambda self, X: False)
            np.testing.assert_array_equal(fitted.predict(rows), quick)


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:, :2], ROWS[:0], ROWS[0], np.full((2, 3), np.nan), np.array([[1.0, np.inf, 0.0]]),
        ROWS.astype(int), ROWS.astype(object), ROWS.tolist(), np.ma.array(ROWS), ROWS.astype(">f8"),
    ],
    ids=["narrow", "empty", "a row", "NaN", "infinite", "integers", "objects", "lists", "masked", "byte order"],
)  # fmt: skip
def test_other_arrays_are_checked(rows):
    assert not net().fit(ROWS, ROWS[:, 0] + 0.5)._model.blueprint.trunk.table_.accepts(rows)


def test_arrays_are_checked_where_columns_have_names_or_categories():
    frame = pd.DataFrame(ROWS, columns=list("abc"))
    assert not net().fit(frame, ROWS[:, 0] + 0.5)._model.blueprint.trunk.table_.accepts(ROWS)
    categories = net(categorical_features=[0]).fit(ROWS.round(), ROWS[:, 0] + 0.5)
    assert not categories._model.blueprint.trunk.table_.accepts(ROWS)


def test_numbers_whose_sum_overflows_are_accepted_as_before():
    large = np.full((3, 3), 3e38, dtype=np.float32)
    fitted = net(trunk=MLP((4,), scaling="standard")).fit(ROWS, ROWS[:, 0] + 0.5)
    assert np.isfinite(fitted.predict(large[:, :] / 1e30)).all()
    assert not fitted._model.blueprint.trunk.table_.accepts(large)
