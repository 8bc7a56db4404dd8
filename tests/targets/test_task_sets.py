import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse

from sklearn_mtl import Targets, concatenate_task_sets

from .._helpers import inputs, net

ONE, OTHER = inputs(30, seed=1), inputs(50, seed=2)
COLUMNS = list("abcd")


def both(make, y_one=None, y_other=None):
    y_one = ONE[:, 0] if y_one is None else y_one
    y_other = OTHER[:, 1] if y_other is None else y_other
    return {"one": (make(ONE), y_one), "other": (make(OTHER), y_other)}


def labelled(values):
    return [value is not None and value == value for value in values]


# -- the rows


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (np.asarray, np.ndarray),
        (np.ndarray.tolist, np.ndarray),
        (lambda X: pd.DataFrame(X, columns=COLUMNS), pd.DataFrame),
        (lambda X: pd.DataFrame(X, columns=COLUMNS, index=range(7, 7 + len(X))), pd.DataFrame),
        (lambda X: pl.DataFrame(X, schema=COLUMNS), pl.DataFrame),
        (sparse.csr_matrix, sparse.csr_matrix),
        (sparse.csc_array, sparse.csr_array),
    ],
    ids=["array", "list", "pandas", "pandas with an index", "polars", "sparse matrix", "sparse array"],
)
def test_rows_are_below_each_other(make, kind):
    X, y = concatenate_task_sets(both(make))
    assert isinstance(X, kind)
    assert isinstance(y, Targets)
    values = X.toarray() if sparse.issparse(X) else np.asarray(X)
    np.testing.assert_array_equal(values, np.vstack([ONE, OTHER]))
    np.testing.assert_array_equal(y["one"], np.append(ONE[:, 0], np.full(50, np.nan)))
    np.testing.assert_array_equal(y["other"], np.append(np.full(30, np.nan), OTHER[:, 1]))
    if isinstance(X, pd.DataFrame):
        assert X.index.tolist() == list(range(80))
    if isinstance(X, pd.DataFrame | pl.DataFrame):
        assert list(X.columns) == COLUMNS
    assert net(max_epochs=1).fit(X, y).predict(X)["other"].shape == (80,)


def test_frames_keep_their_types():
    frames = [
        pd.DataFrame({"size": values[:, 0], "kind": pd.Categorical(["u", "v"] * (len(values) // 2))})
        for values in (ONE, OTHER)
    ]
    X, _ = concatenate_task_sets({"one": (frames[0], ONE[:, 0]), "other": (frames[1], OTHER[:, 0])})
    assert X.dtypes.astype(str).tolist() == ["float64", "category"]


def test_one_set_is_as_it_was():
    X, y = concatenate_task_sets({"one": (ONE, ONE[:, 0])})
    np.testing.assert_array_equal(X, ONE)
    np.testing.assert_array_equal(y["one"], ONE[:, 0])


def test_what_was_given_is_not_written_to():
    y = ONE[:, 0].copy()
    whole, targets = concatenate_task_sets({"one": (ONE, y)})
    targets["one"][0] = 99
    np.testing.assert_array_equal(y, ONE[:, 0])
    assert whole is not ONE


def test_names_that_are_no_text():
    _, y = concatenate_task_sets({0: (ONE, ONE[:, 0]), 1: (OTHER, OTHER[:, 0])})
    assert list(y) == ["0", "1"]


# -- the targets


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (np.arange(30) % 3, [0, 1, 2]),
        (np.arange(30) % 2 == 0, [False, True]),
        (np.array(["no", "yes", "or"])[np.arange(30) % 3], ["no", "or", "yes"]),
        (pd.Series(np.arange(30) % 2, dtype="category"), [0, 1]),
        (pd.Series(["no", "yes"] * 15), ["no", "yes"]),
        (pl.Series(["no", "yes"] * 15), ["no", "yes"]),
        ((np.arange(30) % 3).tolist(), [0, 1, 2]),
    ],
    ids=["integers", "booleans", "texts", "category", "pandas", "polars", "list"],
)
def test_classes_stay_classes(values, classes):
    X, y = concatenate_task_sets(both(np.asarray, y_one=values))
    assert labelled(y["one"]) == [True] * 30 + [False] * 50
    estimator = net(max_epochs=1).fit(X, y)
    assert estimator.classes_["one"].tolist() == classes
    assert set(estimator.predict(X)["one"].tolist()) <= set(classes)
    assert estimator.tasks_["other"].kind == "regression"


def test_numbers_stay_numbers_of_their_width():
    _, y = concatenate_task_sets(both(np.asarray, y_one=ONE[:, 0].astype("float32")))
    assert y["one"].dtype == np.float32


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, lambda y: pl.DataFrame(y, schema=["p", "q"])])
def test_several_numbers_of_a_task(make):
    X, y = concatenate_task_sets(both(np.asarray, y_one=make(ONE[:, :2])))
    assert y["one"].shape == (80, 2)
    assert np.isnan(y["one"][30:]).all()
    assert net(max_epochs=1).fit(X, y).predict(X)["one"].shape == (80, 2)


def test_blocks_of_labels():
    X, y = concatenate_task_sets(both(np.asarray, y_one=(ONE[:, :3] > 0).astype(int)))
    assert y["one"].shape == (80, 3)
    assert net(max_epochs=1, tasks={"one": "multilabel"}).fit(X, y).predict(X)["one"].shape == (
        80,
        3,
    )


def test_missing_labels_of_the_own_rows_stay_missing():
    gaps = ONE[:, 0].copy()
    gaps[:5] = np.nan
    _, y = concatenate_task_sets(both(np.asarray, y_one=gaps))
    assert np.isnan(y["one"]).tolist() == [True] * 5 + [False] * 25 + [True] * 50


def test_it_is_the_fit_of_a_table_with_gaps():
    X, y = concatenate_task_sets(both(np.asarray))
    gaps = Targets(one=np.append(ONE[:, 0], [np.nan] * 50), other=np.append([np.nan] * 30, OTHER[:, 1]))
    one, other = net().fit(X, y).predict(ONE), net().fit(np.vstack([ONE, OTHER]), gaps).predict(ONE)
    for name in y:
        np.testing.assert_array_equal(one[name], other[name])


# -- errors

ONE_KIND = "X of all tasks must have one kind to be concatenated; got"


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({}, "should be a mapping from task to .* with at least one task, got {}"),
        ([(ONE, ONE[:, 0])], "should be a mapping from task to"),
        (None, "should be a mapping from task to .*, got None"),
        ({"one": ONE}, r"sets\['one'\] should be a pair \(X, y\)"),
        ({"one": (ONE, ONE[:, 0], None)}, r"sets\['one'\] should be a pair \(X, y\)"),
        ({"one": (ONE, ONE[:9, 0])}, r"inconsistent numbers of samples: \[30, 9\]"),
        (
            {"one": (ONE, ONE[:, 0]), "other": (OTHER[:, :2], OTHER[:, 0])},
            r"X of all tasks should have the same columns; got the shapes \[\(30, 4\), \(50, 2\)\]",
        ),
        (
            {
                "one": (pd.DataFrame(ONE, columns=COLUMNS), ONE[:, 0]),
                "other": (pd.DataFrame(OTHER, columns=list("abce")), OTHER[:, 0]),
            },
            r"the frames of all tasks should have the same columns; the first has \['a', 'b', 'c', 'd'\]",
        ),
        (
            {"one": (sparse.csr_matrix(ONE), ONE[:, 0]), "other": (sparse.csr_matrix(OTHER[:, :2]), OTHER[:, 0])},
            r"X of all tasks should have the same columns; got the shapes \[\(30, 4\), \(50, 2\)\]",
        ),
        ({"one": (ONE, ONE[:, 0]), "other": (sparse.csr_matrix(OTHER), OTHER[:, 0])}, ONE_KIND),
        (
            {"one": (pd.DataFrame(ONE, columns=COLUMNS), ONE[:, 0]), "other": (OTHER, OTHER[:, 0])},
            r"one kind to be concatenated; got \['frames of pandas', 'tables'\]",
        ),
        (
            {
                "one": (pd.DataFrame(ONE, columns=COLUMNS), ONE[:, 0]),
                "other": (pl.DataFrame(OTHER, schema=COLUMNS), OTHER[:, 0]),
            },
            ONE_KIND,
        ),
    ],
    ids=[
        "no set", "a list", "nothing", "no pair", "three", "lengths", "columns", "names of columns",
        "columns of sparse matrices", "sparse and dense", "frame and array", "two libraries",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(sets, message):
    with pytest.raises(ValueError, match=message):
        concatenate_task_sets(sets)


# -- sets of other rows than tables

RNG = np.random.default_rng(0)
STEPS = RNG.normal(size=(9, 2))
IMAGES = RNG.integers(256, size=(3, 8, 8, 3), dtype=np.uint8)
TOKENS = [["a", "b"], ["c"], ["d"]]
ROWS = {
    "sentences": ["a b", "c", "d"],
    "array of sentences": np.array(["a b", "c", "d"]),
    "series of sentences": pd.Series(["a b", "c", "d"], index=[7, 8, 9]),
    "token lists": TOKENS,
    "token lists of one length": [["a", "b"], ["c", "d"], ["e", "f"]],
    "series of token lists": pd.Series(TOKENS),
    "empty rows": [[], ["a"], ["b"]],
    "steps": [STEPS[:3], STEPS[:5], STEPS[:2]],
    "steps of one length": [STEPS[:3], STEPS[3:6], STEPS[6:]],
    "array of steps": STEPS.reshape(3, 3, 2),
    "tensors of steps": [torch.from_numpy(STEPS[:3]), torch.from_numpy(STEPS[:5]), torch.from_numpy(STEPS)],
    "images": IMAGES,
    "list of images": list(IMAGES),
    "tensor": torch.from_numpy(STEPS[:3]),
    "several inputs": Targets(u=STEPS[:3], w=["a b", "c", "d"]),
    "a dict of inputs": {"u": STEPS[:3], "w": TOKENS, "i": IMAGES},
    "polars": pl.DataFrame({"u": STEPS[:3, 0], "k": pl.Series(["a", "b", "a"], dtype=pl.Categorical)}),
}


@pytest.mark.parametrize("kind", ROWS)
def test_rows_of_every_kind_are_below_each_other_and_learned(kind):
    X, y = concatenate_task_sets({"a": (ROWS[kind], [0, 1, 0]), "b": (ROWS[kind], [0.5, 1.5, 2.5])})
    assert len(X) == 6
    learned = net(max_epochs=1, trunk="auto").fit(X, y)
    predicted = learned.predict(X)["b"]
    np.testing.assert_allclose(predicted[:3], predicted[3:], rtol=1e-5)
    np.testing.assert_allclose(learned.predict(ROWS[kind])["b"], predicted[:3], rtol=1e-5)


def test_steps_of_two_lengths_are_rows():
    sets = {"a": (STEPS.reshape(3, 3, 2), [0, 1, 0]), "b": (STEPS[:6].reshape(3, 2, 2), [0.5, 1.5, 2.5])}
    X, _ = concatenate_task_sets(sets)
    assert [len(row) for row in X] == [3, 3, 3, 2, 2, 2]


def test_frames_among_several_inputs_keep_their_dtypes():
    frame = pd.DataFrame({"size": STEPS[:3, 0], "kind": pd.Categorical(["u", "v", "u"])})
    X, _ = concatenate_task_sets({"a": ({"f": frame}, [0, 1, 0]), "b": ({"f": frame}, [0.5, 1.5, 2.5])})
    assert X.as_given("f").dtypes.astype(str).tolist() == ["float64", "category"]


@pytest.mark.parametrize("ordered", [False, True])
def test_categories_are_united(ordered):
    one = pd.DataFrame({"k": pd.Categorical(["u", "v"], ordered=ordered), "n": [1, 2]})
    other = pd.DataFrame({"n": [0.5, 1.5], "k": pd.Categorical(["w", "v"], ordered=ordered)})
    X, _ = concatenate_task_sets({"a": (one, [0, 1]), "b": (other, [0.5, 1.5])})
    assert X["k"].cat.categories.tolist() == ["u", "v", "w"]
    assert X["k"].tolist() == ["u", "v", "w", "v"]
    assert X["n"].tolist() == [1, 2, 0.5, 1.5]


@pytest.mark.parametrize("dtypes", [(pl.Categorical, pl.Categorical), (pl.Enum(["u", "v"]), pl.Enum(["v", "w"]))])
def test_categories_of_polars_are_united(dtypes):
    frames = [
        pl.DataFrame({"k": pl.Series(labels, dtype=dtype)})
        for labels, dtype in zip((["u", "v"], ["v", "w"]), dtypes, strict=True)
    ]
    X, _ = concatenate_task_sets({"a": (frames[0], [0, 1]), "b": (frames[1], [0.5, 1.5])})
    assert X["k"].to_list() == ["u", "v", "v", "w"]
    assert type(X["k"].dtype) is type(frames[0]["k"].dtype)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (TOKENS, STEPS[:3], r"one kind to be concatenated; got .*'sequences of tokens', 'tables'"),
        (
            TOKENS,
            [STEPS[:3]] * 3,
            r"one kind to be concatenated; got .*'sequences of steps', 'sequences of tokens'",
        ),
        ({"u": STEPS[:3]}, STEPS[:3], r"mappings with the same inputs; got \[\['u'\], 'ndarray'\]"),
        ({"u": STEPS[:3]}, {"w": STEPS[:3]}, r"mappings with the same inputs; got \[\['u'\], \['w'\]\]"),
        ({"u": STEPS[:3]}, {"u": STEPS[:3, :1]}, "input 'u': X of all tasks should have the same columns"),
        (pd.DataFrame({"a": [1, 2, 3]}), pd.DataFrame({"a": ["u", "v", "w"]}), "column 'a' of the frames of all"),
        (IMAGES, IMAGES[:, :4], "the same columns; got the shapes"),
    ],
)
def test_sets_of_different_kinds_are_refused(one, other, message):
    with pytest.raises(ValueError, match=message):
        concatenate_task_sets({"a": (one, [0, 1, 0]), "b": (other, [0.5, 1.5, 2.5])})
