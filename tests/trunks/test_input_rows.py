"""Several inputs keep their form: frames their names and dtypes, others their checks."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.model_selection import KFold, cross_val_score, train_test_split

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.trunks import InputRows, MultiInput

N = 80
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=N), "b": 50 + 10 * RNG.normal(size=N)})
WORDS = ["x y", "z"] * (N // 2)
Y = 2 * FRAME["a"].to_numpy()
VECTORS = RNG.normal(size=(N, 4))


def net(**params):
    return MultiTaskNetRegressor(**{"max_epochs": 3, "early_stopping": False, "random_state": 0, **params})


@pytest.mark.parametrize("wrap", [dict, Targets], ids=["dict", "Targets"])
@pytest.mark.parametrize("form", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_columns_of_a_frame_are_checked_by_name(wrap, form):
    learned = net().fit(wrap({"f": form(FRAME), "w": WORDS}), Y)
    with pytest.raises(ValueError, match=r"input 'f': .*feature names"):
        learned.predict(wrap({"f": form(FRAME[["b", "a"]]), "w": WORDS}))
    with pytest.raises(ValueError, match=r"input 'f': .*feature names"):
        learned.predict(wrap({"f": form(FRAME.assign(c=1.0)), "w": WORDS}))


@pytest.mark.parametrize("form", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_columns_of_a_frame_keep_their_dtypes_and_in_folds(form):
    town = pd.Series(np.arange(N) % 3).map({0: "a", 1: "b", 2: "c"})
    frame = form(FRAME.assign(town=pd.Categorical(town)))
    y = (town == "b").to_numpy()
    X = Targets(f=frame, w=WORDS)
    classifier = MultiTaskNetClassifier(
        trunk=MultiInput({"f": "mlp", "w": "auto"}), max_epochs=30, learning_rate=0.01, random_state=0
    )
    learned = classifier.fit(X, y)
    assert learned._model.blueprint.trunk.inputs_["f"].table_.categorical_ == [2]
    assert cross_val_score(classifier, X, Targets(y=y), cv=KFold(2)).mean() > 0.9
    train, test = train_test_split(X, random_state=0)
    assert type(train.as_given("f")) is type(frame)
    assert len(train.as_given("f")) == len(train) == 60
    np.testing.assert_array_equal(
        learned.predict(test), learned.predict({"f": test.as_given("f"), "w": test["w"]})
    )


def test_categories_are_a_table_and_texts_are_sentences():
    X = {
        "k": pd.Series(["a", "b"] * 40, dtype="category"),
        "n": pd.Series([1, 2] * 40, dtype="category"),
        "w": WORDS,
    }
    learned = net().fit(X, Y)
    kinds = {name: type(trunk).__name__ for name, trunk in learned._model.blueprint.trunk.inputs_.items()}
    assert kinds == {"k": "MLP", "n": "MLP", "w": "SequenceEncoder"}
    assert learned._model.blueprint.trunk.inputs_["n"].table_.categorical_ == [0]


def test_inputs_that_fit_did_not_see_and_lacking_ones_are_refused():
    inputs = {"a": VECTORS, "b": VECTORS[:, :2]}
    for X in (inputs, Targets(inputs)):
        learned = net().fit(X, Y)
        with pytest.raises(
            ValueError, match=r"X has the inputs \['c'\], which were not seen in fit; fit saw \['a', 'b'\]"
        ):
            learned.predict({**inputs, "c": VECTORS})
        with pytest.raises(ValueError, match=r"X lacks the inputs \['b'\]"):
            learned.predict({"a": VECTORS})
    chosen = net(trunk=MultiInput({"a": "mlp"})).fit(inputs, Y)
    assert chosen.predict({"a": VECTORS}).shape == (N,)
    with pytest.raises(ValueError, match=r"\['c'\], which were not seen in fit"):
        chosen.predict({"a": VECTORS, "c": VECTORS})


def test_names_of_inputs_may_be_numbers():
    learned = net().fit({0: VECTORS, 1: WORDS}, Y)
    np.testing.assert_array_equal(
        learned.predict({0: VECTORS, 1: WORDS}), learned.predict({"0": VECTORS, "1": WORDS})
    )


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ({}, ValueError, "without any input"),
        ({"a": VECTORS, "b": VECTORS[1:]}, ValueError, r"same number of rows; got {'a': 80, 'b': 79}"),
        ({"a": "text"}, TypeError, "input 'a' of X should have a row for each sample, got str"),
        ({"a": 3}, TypeError, "input 'a' of X should have a row for each sample"),
        ({1: VECTORS, "1": VECTORS}, ValueError, "names an input more than once"),
    ],
)
def test_what_is_no_set_of_inputs_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        net().fit(X, Y)


def test_inputs_stay_what_they_are():
    sparse = csr_matrix(VECTORS)
    rows = InputRows({"f": FRAME, "s": sparse, "w": WORDS})
    assert len(rows) == N
    assert rows.shape == (N, 3)
    assert rows["f"] is FRAME
    assert rows["s"] is sparse
    assert rows["w"] is WORDS


# -- tensors


@pytest.mark.parametrize(
    ("X", "trunk"),
    [
        (VECTORS, "auto"),
        (VECTORS, "mlp"),
        (VECTORS[:, :, None], "auto"),
        (VECTORS[:, :, None], "sequence_encoder"),
        (VECTORS.reshape(N, 2, 2, 1), "auto"),
        (VECTORS.reshape(N, 1, 2, 2, 1), "video_encoder"),
        (VECTORS, torch.nn.Flatten),
    ],
    ids=["table", "mlp", "steps", "encoder", "images", "videos", "module"],
)
@pytest.mark.parametrize("wrap", [lambda X: X, lambda X: {"x": X}], ids=["alone", "in a mapping"])
def test_a_tensor_is_the_array_of_its_numbers(X, trunk, wrap):
    X = X.astype(np.float32)
    trunk = MultiInput({"x": trunk}) if isinstance(wrap(X), dict) else trunk
    learner = net(trunk=trunk, max_epochs=1)
    expected = learner.fit(wrap(X), Y).predict(wrap(X))
    for tensor in (torch.from_numpy(X), torch.from_numpy(X).requires_grad_()):
        np.testing.assert_allclose(learner.predict(wrap(tensor)), expected, atol=1e-6)
    np.testing.assert_allclose(learner.fit(wrap(torch.from_numpy(X)), Y).predict(wrap(X)), expected, atol=1e-6)


# -- columns of vectors


def forms_of_vectors():
    objects = np.empty(N, dtype=object)
    objects[:] = list(VECTORS)
    return {
        "arrays": pd.DataFrame({"v": list(VECTORS)}),
        "lists": pd.DataFrame({"v": VECTORS.tolist()}),
        "tensors": pd.DataFrame({"v": list(torch.from_numpy(VECTORS))}),
        "polars lists": pl.DataFrame({"v": VECTORS.tolist()}),
        "polars arrays": pl.DataFrame({"v": VECTORS}),
        "pyarrow": pl.DataFrame({"v": VECTORS.tolist()}).to_arrow(),
        "pandas of pyarrow": pl.DataFrame({"v": VECTORS.tolist()}).to_pandas(use_pyarrow_extension_array=True),
        "a Series": pd.Series(list(VECTORS)),
        "a polars Series": pl.Series("v", VECTORS),
        "an array of objects": objects,
        "a list of tensors": list(torch.from_numpy(VECTORS)),
        "a list of arrays": list(VECTORS),
    }


@pytest.mark.parametrize("form", forms_of_vectors())
def test_a_column_of_vectors_is_an_input(form):
    X = forms_of_vectors()[form]
    is_frame = hasattr(X, "columns") or hasattr(X, "column_names")
    learner = net(max_epochs=2)
    expected = learner.fit({"v": VECTORS} if is_frame else VECTORS, Y).predict(
        {"v": VECTORS} if is_frame else VECTORS
    )
    found = learner.fit(X, Y).predict(X)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_column_of_vectors_beside_others():
    frame = pd.DataFrame({"v": list(VECTORS), "k": ["a", "b"] * 40})
    expected = net().fit({"v": VECTORS, "k": frame[["k"]]}, Y)
    assert net().fit(frame, Y).predict(frame).shape == expected.predict({"v": VECTORS, "k": frame[["k"]]}).shape


@pytest.mark.parametrize("row", [VECTORS[3, :2], None])
def test_vectors_of_different_lengths_and_missing_ones_are_refused(row):
    frame = pd.DataFrame({"v": [row if i == 3 else VECTORS[i] for i in range(N)]})
    with pytest.raises(ValueError, match=r"input 'v': row 3 of X is"):
        net().fit(frame, Y)


def test_everything_goes_through_a_stacked_ensemble():
    X = {"f": FRAME, "v": pd.Series(list(VECTORS))}
    learned = MultiTaskNetEstimator(
        trunk=MultiInput({"f": "mlp", "v": "mlp"}), n_members=2, max_epochs=2, random_state=0
    ).fit(X, Targets(a=Y))
    assert learned.predict(X)["a"].shape == (N,)
