import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_mtl.nn._layers import Dropout
from sklearn_mtl.testing._trunk import Owner, TrunkCase, gather, network, represent
from sklearn_mtl.trunks import MLP, SparseRows, resolve_trunk
from sklearn_mtl.trunks._mlp import _auto_bins
from sklearn_mtl.utils._random import Streams

X = np.random.default_rng(0).normal(5, 3, size=(9, 3))
FRAME = pd.DataFrame({"x": X[:, 0], "c": list("abcabcabc"), "z": X[:, 1]})


def built(trunk, X=X):
    fitted, inputs = TrunkCase(trunk, X).fitted()
    return fitted, network(fitted, Streams(0)), inputs


def layers(trunk):
    _, (_, body), _ = built(trunk)
    return [layer for stage in body.stages for layer in stage]


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "n_bins"),
    [(20, 3, 8), (1_000, 3, 8), (1_100, 3, 16), (20_000, 6, 64), (10**6, 2, 64), (20_000, 30, 16), (500, 1000, 2)],
)
def test_auto_takes_more_bins_for_more_rows_and_fewer_for_more_columns(n_rows, n_columns, n_bins):
    assert _auto_bins(n_rows, n_columns) == n_bins


def test_what_the_stem_makes_of_each_column():
    owner = Owner()
    trunk = MLP((4,), ranks=True, n_bins=3, embedding_size=2).fit(FRAME, owner=owner)
    stem = trunk.stem(Streams(0))
    before = stem(trunk.encode(FRAME, owner=owner)).values
    assert before.shape[1] == trunk.stem_width_ == 2 * (1 + 1 + 3) + 2
    for column in FRAME:
        changed = FRAME.assign(**{column: FRAME[column].to_numpy()[::-1]})
        differs = (stem(trunk.encode(changed, owner=owner)).values != before).any(dim=0).numpy()
        assert np.array_equal(differs, trunk.stem_mask([column]))


def test_indicators_come_from_their_columns():
    owner = Owner()
    numbers = np.array([[1.0, 2.0, np.nan], [np.nan, 3.0, 5.0], [3.0, 5.0, 6.0]])
    trunk = MLP((4,), ranks=True, n_bins=1).fit(numbers, owner=owner)
    stem = trunk.stem(Streams(0))
    before = stem(trunk.encode(numbers, owner=owner)).values
    assert before.shape[1] == trunk.stem_width_ == 3 * (1 + 1 + 1) + 2
    assert before[:, -2:].tolist() == [[0, 1], [1, 0], [0, 0]]
    for column in range(3):
        changed = numbers.copy()
        changed[:, column] = numbers[[1, 2, 0], column]
        differs = (stem(trunk.encode(changed, owner=owner)).values != before).any(dim=0).numpy()
        assert np.array_equal(differs, trunk.stem_mask([column]))


def test_it_is_linear_and_relu_and_nothing_else():
    _, (stem, body), _ = built(MLP(hidden_sizes=(8, 5)))
    layers = [layer for stage in body.stages for layer in stage]
    assert [type(layer) for layer in layers] == [*2 * [type(layers[0]), nn.ReLU]]
    assert all(isinstance(layer, nn.Linear | nn.ReLU) for layer in layers)
    assert [tuple(p.shape) for p in body.parameters()] == [(8, 3), (8,), (5, 8), (5,)]
    assert not list(stem.parameters())


def test_it_computes_what_numpy_computes():
    _, modules, inputs = built(MLP(hidden_sizes=(8, 5), scaling="standard"))
    w1, b1, w2, b2 = (parameter.detach().numpy() for parameter in modules[1].parameters())
    hidden = np.maximum((X - X.mean(axis=0)) / X.std(axis=0) @ w1.T + b1, 0)
    expected = np.maximum(hidden @ w2.T + b2, 0)
    result = represent(modules, gather(inputs, slice(None))).sample
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=1e-6)


def test_dropout_follows_each_hidden_layer():
    assert [type(layer) for layer in layers(MLP(hidden_sizes=(4, 4), dropout=0.3))][2::3] == [Dropout, Dropout]
    assert not [layer for layer in layers(MLP(dropout=0.0)) if isinstance(layer, Dropout)]


def test_units_of_scaled_inputs_do_not_matter():
    results = []
    for inputs in (X, 1000 * X - 5):
        _, modules, encoded = built(MLP(scaling="standard"), inputs)
        results.append(represent(modules, gather(encoded, slice(None))).sample)
    torch.testing.assert_close(*results)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8))
def test_squashed_numbers_stay_small_and_in_order(values):
    column = np.sort(np.array(values))[:, None]
    _, (stem, _), inputs = built(MLP(scaling="squash"), column)
    squashed = stem(gather(inputs, slice(None))).values.numpy()[:, 0]
    assert (np.abs(squashed) <= 3).all()
    assert (np.diff(squashed) >= 0).all()


def test_squashed_numbers_are_standardised_ones_near_the_middle():
    wide = np.append(np.linspace(-1, 1, 1001), [-200.0, 200.0])[:, None]
    _, (stem, _), inputs = built(MLP(scaling="squash"), wide)
    squashed = stem(gather(inputs, slice(None))).values.numpy()
    z = (wide - wide.mean()) / wide.std()
    np.testing.assert_allclose(squashed[:-2], z[:-2], rtol=0.01, atol=1e-12)
    np.testing.assert_allclose(squashed, z / np.sqrt(1 + (z / 3) ** 2), atol=1e-12)


def test_sparse_and_dense_inputs_agree():
    sparse = X * (X > 5)
    results = []
    for inputs in (sparse, csr_matrix(sparse)):
        _, modules, encoded = built(MLP(), inputs)
        results.append(represent(modules, gather(encoded, slice(None))).sample)
    torch.testing.assert_close(*results)


def scaled(X, **params):
    owner = Owner()
    fitted = MLP(scaling="standard").fit(X, owner=owner, dtype="float64", **params)
    stem, _ = network(fitted, Streams(0))
    return stem(gather(fitted.encode(X, owner=owner), slice(None))).values.numpy()


@pytest.mark.parametrize("weight", [None, np.arange(9.0)])
def test_scale_is_that_of_scikit_learn(weight):
    expected = StandardScaler().fit(X, sample_weight=weight).transform(X)
    np.testing.assert_allclose(scaled(X, sample_weight=weight), expected)


def test_a_sparse_table_keeps_its_zeros():
    sparse = csr_matrix(X * (X > 5))
    expected = StandardScaler(with_mean=False).fit_transform(sparse).toarray()
    np.testing.assert_allclose(scaled(sparse), expected)


def test_a_constant_column_becomes_zero():
    assert not scaled(np.full((4, 1), 7.0)).any()


def test_numbers_come_before_the_embedded_categories():
    _, (stem, _), inputs = built(MLP(embedding_size=4), FRAME)
    middle = stem(gather(inputs, slice(None))).values.detach()
    np.testing.assert_allclose(middle[:, :2], FRAME[["x", "z"]])
    assert middle.shape == (9, 6)


def test_rows_of_one_category_share_an_embedding():
    _, (stem, _), inputs = built(MLP(), FRAME)
    embedded = stem(gather(inputs, slice(None))).values[:, 2:]
    assert torch.equal(embedded[0], embedded[3])
    assert not torch.equal(embedded[0], embedded[1])


def test_equal_names_in_two_columns_are_two_categories():
    frame = pd.DataFrame({"c": ["a", "b"], "d": ["a", "b"]})
    _, (stem, _), inputs = built(MLP(embedding_size=2), frame)
    first, second = stem(gather(inputs, slice(None))).values[0].split(2)
    assert not torch.equal(first, second)


def test_an_unseen_category_is_embedded_as_zeros():
    owner = Owner()
    fitted = MLP(embedding_size=4).fit(FRAME, owner=owner)
    (stem, _) = network(fitted, Streams(0))
    unseen = fitted.encode(FRAME.assign(c="new"), owner=owner)
    assert not stem(gather(unseen, slice(None))).values[:, 2:].any()


@pytest.mark.parametrize(
    "array", [np.arange(3.0), np.frombuffer(np.arange(3.0).tobytes()), np.broadcast_to(np.arange(3.0), (2, 3)).T]
)
def test_read_only_inputs_are_taken(array):
    X = np.column_stack([array, array]) if array.ndim == 1 else array
    X = X.copy()
    X.flags.writeable = False
    _, modules, inputs = built(MLP(), X)
    assert torch.isfinite(represent(modules, gather(inputs, slice(None))).sample).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hidden_sizes": (0,)}, "hidden_sizes"),
        ({"n_bins": -1}, "n_bins"),
        ({"n_bins": "many"}, "n_bins"),
        ({"hidden_sizes": (2.5,)}, "hidden_sizes"),
        ({"hidden_sizes": (True,)}, "hidden_sizes"),
        ({"hidden_sizes": 64}, "hidden_sizes"),
        ({"hidden_sizes": "wide"}, "hidden_sizes"),
        ({"dropout": 1.0}, "dropout"),
        ({"dropout": -0.1}, "dropout"),
        ({"scaling": "minmax"}, "scaling"),
        ({"embedding_size": 0}, "embedding_size"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        MLP(**params).fit(X, owner=Owner())


@pytest.mark.parametrize("sizes", [[7], (7,), np.array([7])])
def test_sizes_of_any_sequence(sizes):
    assert MLP(hidden_sizes=sizes).fit(X, owner=Owner()).width_ == 7


@pytest.mark.parametrize(
    "rows", [slice(1, 3), slice(None), torch.tensor([2, 0, 2]), torch.tensor([], dtype=torch.int64)]
)
def test_sparse_rows_become_dense_batch_by_batch(rows):
    matrix = csr_matrix(X * (X > 5))
    batch = SparseRows(matrix)[rows]
    assert batch.dtype == torch.float64
    np.testing.assert_array_equal(batch, matrix.toarray()[rows if isinstance(rows, slice) else rows.numpy()])
    assert len(SparseRows(matrix)) == 9


def test_shorthands():
    assert resolve_trunk("mlp").get_params() == MLP().get_params()
    assert resolve_trunk("auto").get_params() == resolve_trunk("auto").get_params()
    assert resolve_trunk("auto") is not resolve_trunk("auto")
    trunk = MLP()
    assert resolve_trunk(trunk) is trunk
    with pytest.raises(ValueError, match=r"trunk='deep' should be a Trunk or one of \['auto', .*'mlp'"):
        resolve_trunk("deep")
