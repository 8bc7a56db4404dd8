"""`predict_all`: what `predict` and `predict_proba` return, from one pass."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_mtl import AllPredictions, MultiTaskNetClassifier, MultiTaskNetRegressor, Targets

from .._helpers import assert_same, inputs, mixed_targets, net

X = inputs(60)
Y = mixed_targets(X)
CLASSES = np.column_stack([np.digitize(X[:, 0], [-0.5, 0.5]), X[:, 1] > 0]).astype(int)


def assert_equals_both(estimator, X, tasks=None):
    labels, probabilities = found = estimator.predict_all(X, tasks)
    assert isinstance(found, AllPredictions)
    for result, expected in (
        (labels, estimator.predict(X, tasks)),
        (probabilities, estimator.predict_proba(X, tasks)),
    ):
        if isinstance(expected, pd.DataFrame):
            pd.testing.assert_frame_equal(result, expected, check_exact=True)
        elif isinstance(expected, pl.DataFrame):
            assert result.equals(expected)
        else:
            assert_same(result, expected)


@pytest.mark.parametrize(
    "y",
    [
        Y,
        dict(Y),
        CLASSES,
        CLASSES[:, 0],
        CLASSES[:, 0].tolist(),
        pd.DataFrame(CLASSES, columns=["a", "b"], index=range(5, 65)),
        pl.DataFrame(CLASSES, schema=["a", "b"]),
        np.array([tuple(row) for row in CLASSES], dtype=[("a", int), ("b", int)]),
    ],
    ids=["Targets", "dict", "2-D", "1-D", "list", "pandas", "polars", "structured"],
)
@pytest.mark.parametrize("n_members", [1, 3])
def test_equal_to_both_in_every_container(y, n_members):
    rows = pd.DataFrame(X, index=range(5, 65)).rename(columns=str) if isinstance(y, pd.DataFrame) else X
    estimator = net(n_members=n_members).fit(rows, y)
    assert_equals_both(estimator, rows)
    assert_equals_both(estimator, rows[:1])


def test_some_tasks():
    estimator = net().fit(X, Y)
    assert_equals_both(estimator, X, ["sick", "mass"])
    labels, probabilities = estimator.predict_all(X, ["mass"])
    assert_same(labels, estimator.predict(X, ["mass"]))
    assert probabilities is None
    with pytest.raises(ValueError, match="should name some of the tasks"):
        estimator.predict_all(X, ["weight"])


def test_companions():
    assert_equals_both(MultiTaskNetClassifier(max_epochs=2, random_state=0, n_members=1).fit(X, CLASSES), X)
    frame = pd.DataFrame({"a": CLASSES[:, 0]})
    assert_equals_both(MultiTaskNetClassifier(max_epochs=2, random_state=0, n_members=1).fit(X, frame), X)
    regressor = MultiTaskNetRegressor(max_epochs=2, random_state=0, n_members=1).fit(X, X[:, :2])
    labels, probabilities = regressor.predict_all(X)
    assert_same(labels, regressor.predict(X))
    assert probabilities is None


def test_sequences_and_images():
    rng = np.random.default_rng(0)
    texts = [["a", "b", "c"][: 1 + number % 3] for number in range(30)]
    tags = Targets(
        tags=[["X" if word == "b" else "O" for word in row] for row in texts], long=[len(r) > 2 for r in texts]
    )
    assert_equals_both(net(trunk="auto").fit(texts, tags), texts)
    images = rng.random((30, 1, 8, 8)).astype(np.float32)
    masks = Targets(mask=(images[:, 0] > 0.5).astype(int))
    assert_equals_both(net(trunk="auto", tasks={"mask": "segmentation"}, max_epochs=1).fit(images, masks), images)


def test_one_pass(monkeypatch):
    estimator = net().fit(X, Y)
    calls, outputs = [], type(estimator._model).outputs
    monkeypatch.setattr(type(estimator._model), "outputs", lambda *args: calls.append(1) or outputs(*args))
    estimator.predict_all(X)
    assert len(calls) == 1
