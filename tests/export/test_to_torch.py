import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LinearRegression

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.export import to_torch
from sklearn_mtl.trunks import MLP, SequenceEncoder

from .answers import assert_same, expected_answers

ROWS = 40
RNG = np.random.default_rng(0)
LABELS = {"kind": [4, 5, 6, 7] * 10, "size": 1e6 + RNG.normal(size=ROWS)}


def answers_of(program, *arrays):
    found = program.module()(*map(torch.as_tensor, arrays))
    return {name: values.numpy() for name, values in found.items()}


def test_a_loaded_program_of_an_ensemble_answers_as_predict(tmp_path):
    X = np.column_stack([RNG.normal(size=(ROWS, 2)), RNG.integers(3, size=ROWS)])
    X[3, 0] = np.nan
    net = MultiTaskNetEstimator(
        trunk=MLP((4,), ranks=True), n_members=2, categorical_features=[2], max_epochs=2, random_state=0
    ).fit(X, LABELS)
    to_torch(net, tmp_path / "net.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt2"]
    extra = {"sklearn_mtl.json": ""}
    program = torch.export.load(tmp_path / "net.pt2", extra_files=extra)
    assert json.loads(extra["sklearn_mtl.json"])["classes"] == {"kind": [4, 5, 6, 7]}
    for rows in (X, X[:1]):
        assert_same(net, answers_of(program, rows), expected_answers(net, rows))


def test_a_recurrent_encoder_of_numbers_takes_sequences_of_any_length():
    X = RNG.normal(size=(ROWS, 4, 2))
    tags = np.where(X[..., 0] > 0, 1, 0)
    net = MultiTaskNetEstimator(trunk=SequenceEncoder(hidden_size=4), n_members=1, max_epochs=2, random_state=0)
    net.fit(X, {"tags": tags, **LABELS})
    program = to_torch(net, tasks=["tags", "size"])
    longer = RNG.normal(size=(3, 7, 2))
    longer[0, 5:] = np.nan
    expected = expected_answers(net, longer)
    found = answers_of(program, longer)
    assert set(found) == {"tags_labels", "tags_probabilities", "size"}
    np.testing.assert_allclose(found["size"], expected["size"], rtol=1e-9)
    np.testing.assert_allclose(found["tags_probabilities"][1], expected["tags_probabilities"][1], atol=1e-5)
    assert found["tags_labels"].tolist() == expected["tags_labels"].tolist()


def test_texts_and_other_estimators_are_refused():
    texts = pd.DataFrame({"colour": ["red", "blue"] * 20, "size": RNG.normal(size=ROWS)})
    net = MultiTaskNetEstimator(trunk=MLP((4,)), n_members=1, max_epochs=1, random_state=0)
    with pytest.raises(TypeError, match=r"the columns \['colour'\] of X are categories of text"):
        to_torch(net.fit(texts, LABELS))
    net.set_params(trunk=SequenceEncoder(hidden_size=4))
    with pytest.raises(TypeError, match="X is tokens of text"):
        to_torch(net.fit([["a", "b"]] * ROWS, LABELS))
    with pytest.raises(TypeError, match=r"to_torch takes a MultiTaskNetEstimator.*got LinearRegression"):
        to_torch(LinearRegression())
