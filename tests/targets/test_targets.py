import copy
import pickle
from collections.abc import Mapping

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, check_consistent_length, shuffle

from sklearn_mtl import Targets
from sklearn_mtl.tasks import infer_task

NAN = float("nan")


def targets():
    return Targets(
        species=["ape", "bee", "ape", "cat"], mass=[1.0, NAN, 3.0, 4.0], tags=[["x"], [], ["x", "y"], None]
    )


# -- a mapping


def test_it_is_a_mapping_of_arrays():
    y = targets()
    assert isinstance(y, Mapping)
    assert list(y) == list(y.keys()) == ["species", "mass", "tags"]
    assert all(isinstance(values, np.ndarray) for values in y.values())
    assert [name for name, values in y.items() if values is y[name]] == list(y)
    assert "mass" in y
    assert 0 not in y
    assert y.get("nothing") is None
    with pytest.raises(KeyError, match="nothing"):
        y["nothing"]


def test_names_come_from_a_mapping_from_pairs_and_from_keywords():
    columns = {"a": [1, 2], "b": [3, 4]}
    assert Targets(columns) == Targets(columns.items()) == Targets(**columns) == Targets({"a": [1, 2]}, b=[3, 4])


def test_names_become_text():
    assert list(Targets({0: [1], "b": [2]})) == ["0", "b"]


@pytest.mark.parametrize("data", [{1: [1], "1": [2]}, [("a", [1]), (0, [1]), ("0", [2])]])
def test_a_name_given_twice_is_refused(data):
    with pytest.raises(ValueError, match="more than once"):
        Targets(data)


def test_a_keyword_that_repeats_a_name_is_refused():
    with pytest.raises(ValueError, match="more than once"):
        Targets({"a": [1]}, a=[2])


def test_no_target_is_refused():
    with pytest.raises(ValueError, match="at least one task"):
        Targets()


def test_lengths_are_named_when_they_differ():
    with pytest.raises(ValueError, match=r"same number of rows; got \{'a': 2, 'b': 3\}"):
        Targets(a=[1, 2], b=[1, 2, 3])


@pytest.mark.parametrize(
    "values", [None, 3, "text", b"bytes", {1, 2}, np.float64(1), iter([1, 2])], ids=lambda v: type(v).__name__
)
def test_what_has_no_rows_is_refused_by_name(values):
    with pytest.raises(ValueError, match="'a'"):
        Targets(a=values)


# -- rows


def test_it_has_the_shape_of_rows():
    y = targets()
    assert (len(y), y.shape, y.ndim) == (4, (4, 3), 2)


@pytest.mark.parametrize(
    ("rows", "positions"),
    [
        ([2, 0], [2, 0]),
        (np.array([2, 0]), [2, 0]),
        ([True, False, True, False], [0, 2]),
        (slice(1, None), [1, 2, 3]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        ([-1, -1], [3, 3]),
        ([], []),
    ],
    ids=repr,
)
def test_rows_are_those_of_every_target(rows, positions):
    y = targets()
    for picked in (y[rows], y[rows, ...]):
        assert isinstance(picked, Targets)
        for name in y:
            np.testing.assert_array_equal(picked[name], y[name].take(positions))


@pytest.mark.parametrize("row", [0, -1, np.int64(2)])
def test_one_row_is_a_dict(row):
    y = targets()
    expected = {"species": y["species"][row], "mass": y["mass"][row], "tags": y["tags"][row]}
    assert y[row] == y[row, ...] == expected


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n - 1)))))
def test_indexing_rows_and_indexing_targets_commute(case):
    n_rows, rows = case
    y = Targets(number=np.arange(n_rows), pair=np.arange(2 * n_rows).reshape(n_rows, 2))
    picked = y[np.array(rows, dtype=int)]
    assert len(picked) == len(rows)
    for name in y:
        np.testing.assert_array_equal(picked[name], y[name][np.array(rows, dtype=int)])


def test_scikit_learn_takes_it_for_rows():
    y, X = targets(), np.arange(8).reshape(4, 2)
    check_consistent_length(X, y)
    assert _safe_indexing(y, [1, 3]) == y[[1, 3]]
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    for rows, part in [(X_train, y_train), (X_test, y_test)]:
        assert part == y[rows[:, 0] // 2]
    X_mixed, y_mixed = shuffle(X, y, random_state=0)
    assert y_mixed == y[X_mixed[:, 0] // 2]


def test_concatenate_joins_rows():
    y = targets()
    assert np.concatenate([y[:1], y[1:3], y[3:]]) == y


def test_other_functions_of_numpy_take_the_rows():
    y = Targets(a=[1, 2, 3], b=[0.5, 1.5, 2.5])
    np.testing.assert_array_equal(np.cumsum(y, axis=0), [[1, 0.5], [3, 2], [6, 4.5]])
    np.testing.assert_array_equal(np.unique(y), [0.5, 1, 1.5, 2, 2.5, 3])


# -- equality


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, Targets.copy])
def test_copies_keep_frames_and_categories(copied):
    frame = pd.DataFrame({"size": [1.0, 2.0], "kind": pd.Categorical(["u", "v"])})
    y = copied(Targets(f=frame, k=pd.Series(["a", "b"], dtype="category")))
    assert y.as_given("f").dtypes.astype(str).tolist() == ["float64", "category"]
    assert y.categories_of("k").values == ("a", "b")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda y: pickle.loads(pickle.dumps(y))])
def test_copies_are_equal(copied):
    assert copied(targets()) == targets()


@pytest.mark.parametrize(
    "values",
    [["a", NAN], ["a", None], [1.0, NAN], [1, pd.NA], [["a"], ["b", "c"]], [np.array([1]), np.array([1, 2])], []],
    ids=repr,
)
def test_equal_though_labels_are_missing_or_ragged(values):
    assert Targets(a=values) == Targets(a=list(values))


@pytest.mark.parametrize(
    "other",
    [
        Targets(a=[1.0, 2.0]), Targets(a=[1.0, NAN, NAN]), Targets(b=[1.0, NAN]), Targets(a=[NAN, 1.0]),
        Targets(a=[1.0, NAN], b=[1, 2]), Targets(a=["1.0", "nan"]), {"a": [1.0, NAN]}, None,
    ],
    ids=repr,
)  # fmt: skip
def test_unequal(other):
    assert Targets(a=[1.0, NAN]) != other


def test_it_cannot_be_hashed():
    with pytest.raises(TypeError):
        hash(targets())


# -- missing and mixed labels keep their type


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([1, None, 3], dtype="Int64"),
        pl.Series([1, None, 3]),
        pd.Series(pd.Categorical([1, None, 3])),
        pd.Series(["a", None, "b"]),
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series([True, None, False], dtype="boolean"),
        pl.Series([True, None, False]),
        pl.Series(["a", None, "b"], dtype=pl.Categorical),
        [1, None, 3],
        ["a", None, "b"],
        ["a", NAN, "b"],
        [True, None, False],
    ],
    ids=repr,
)
def test_a_missing_label_does_not_change_what_a_target_is(series):
    column = Targets(a=series)["a"]
    assert infer_task(column).kind == infer_task(column[[0, 2]]).kind == "classification"
    assert [type(label) for label in column[[0, 2]]] == [type(label) for label in Targets(a=series)["a"][[0, 2]]]


@pytest.mark.parametrize(
    "series", [pd.Series([1.5, None, 3]), pl.Series([1.5, None, 3]), [1.5, NAN, 3], [1, 2.5, None]]
)
def test_numbers_with_missing_ones_are_regression(series):
    assert infer_task(Targets(a=series)["a"]).kind == "regression"


def test_numbers_and_text_in_a_list_are_not_mixed_up():
    assert Targets(a=[1, "a"])["a"].tolist() == [1, "a"]


def test_lists_of_one_length_in_a_series_are_rows():
    assert Targets(a=pd.Series([["x", "y"], ["z", "x"]]))["a"].shape == (2,)


def test_a_sparse_block_becomes_dense():
    assert Targets(a=csr_matrix(np.eye(3)))["a"].tolist() == np.eye(3).tolist()


def test_a_frame_may_be_the_block_of_one_task():
    assert Targets(a=pd.DataFrame({"u": [1, 2], "v": [1.5, 2.5]}))["a"].tolist() == [[1, 1.5], [2, 2.5]]


def test_parts_that_are_joined_are_read_as_their_whole():
    whole = Targets(a=np.arange(60) % 30, b=pd.Categorical(["u", "v"] * 30, categories=["v", "u"], ordered=True))
    joined = np.concatenate([whole[:5], whole[5:9]])
    assert joined == whole[:9]
    assert joined.facts() == whole.facts()
    assert joined.categories_of("b") == whole.categories_of("b")
    apart = np.concatenate([Targets(a=[1, 2]), Targets(a=[3, 3])])
    assert apart.facts_of("a").n_different == 3


def test_labels_of_one_task_can_be_replaced_or_added():
    y = Targets(a=pd.Categorical(["u", "v"], categories=["v", "u"]), b=[1, 2], c=pd.Categorical(["x", "y"]))[:]
    changed = y._with("a", [7, 7])
    assert list(changed) == ["a", "b", "c"]
    assert changed["a"].tolist() == [7, 7]
    assert changed.categories_of("a") is None
    assert changed.categories_of("c") == y.categories_of("c")
    assert changed.facts_of("a").n_different == 1
    assert list(y._with("d", pd.Categorical(["q", "p"], categories=["q", "p"]))) == ["a", "b", "c", "d"]
    assert y["a"].tolist() == ["u", "v"]
