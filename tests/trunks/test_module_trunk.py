import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.nn._layers import Dropout
from sklearn_mtl.trunks import ModuleTrunk, Representation
from sklearn_mtl.utils._random import Streams

X = np.random.default_rng(0).normal(size=(30, 4))
Y = X[:, 0] > 0


class Net(nn.Module):
    """Two layers with dropout between them, nested in a module."""

    def __init__(self, in_features, width=5, p=0.5):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(in_features, width), nn.Dropout(p))

    def forward(self, x):
        return torch.tanh(self.inner(x))


def net(**params):
    return MultiTaskNetEstimator(**{"max_epochs": 3, "early_stopping": False, "random_state": 0, **params})


def backbone(**params):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())


def fitted(module, X=X, params=None):
    return ModuleTrunk(module, params).fit(X, owner=BaseEstimator())


def test_a_class_is_short_for_a_trunk_of_it():
    np.testing.assert_array_equal(
        net(trunk=Net).fit(X, Y).transform(X), net(trunk=ModuleTrunk(Net)).fit(X, Y).transform(X)
    )


def test_params_reach_the_module():
    assert net(trunk=ModuleTrunk(Net, {"width": 7})).fit(X, Y).transform(X).shape == (30, 7)
    assert fitted(Net, params={"width": 3}).width_ == 3


def test_the_same_seed_gives_the_same_network_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    one, other = (net(trunk=Net).fit(X, Y).transform(X) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert not np.array_equal(one, net(trunk=Net, random_state=1).fit(X, Y).transform(X))


def test_dropout_inside_is_ours():
    body = fitted(Net).body(Streams(0))
    kinds = [type(layer) for layer in body.modules()]
    assert Dropout in kinds
    assert nn.Dropout not in kinds


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
def test_the_shape_of_a_row_reaches_the_module(shape):
    def flat(input_shape):
        return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(input_shape)), 2))

    rows = np.zeros((5, *shape))
    trunk = fitted(flat, rows)
    assert trunk.input_shape_ == shape
    assert trunk.width_ == 2


def test_tokens_and_representations():
    tokens = fitted(lambda in_features: nn.Linear(in_features, 2), np.zeros((5, 3, 4)))
    assert tokens.has_tokens
    assert tokens.lengths(np.zeros((5, 3, 4))).tolist() == [3] * 5

    class Whole(nn.Module):
        def forward(self, x):
            return Representation(x[:, :2])

    assert fitted(Whole).width_ == 2


def test_tags_of_tokens_that_a_module_gives():
    steps = np.random.default_rng(0).normal(size=(30, 3, 4))
    tags = (steps[:, :, 0] > 0).astype(int) + 1
    learned = net(trunk=lambda in_features: nn.Linear(in_features, 8), max_epochs=60, learning_rate=0.02)
    learned.fit(steps, {"tags": tags})
    assert learned.score(steps, {"tags": tags}) > 0.9


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (lambda: 3, TypeError, "should make a torch.nn.Module, got 3"),
        (lambda: nn.Unflatten(1, (2, 2, 1)), ValueError, r"should return a tensor of floats \(B, D\)"),
        (3, ValueError, "'module' parameter of ModuleTrunk"),
    ],
    ids=["no module", "four axes", "no factory"],
)
def test_what_is_no_factory_of_modules_is_refused(module, error, message):
    with pytest.raises(error, match=message):
        fitted(module)


def test_rows_of_another_shape_are_refused():
    trunk = fitted(nn.Flatten, np.zeros((5, 3, 4)))
    with pytest.raises(
        ValueError, match=r"shape \(2, 4\), but BaseEstimator was fitted to rows of shape \(3, 4\)"
    ):
        trunk.encode(np.zeros((5, 2, 4)), owner=BaseEstimator())
    with pytest.raises(ValueError, match="NaN"):
        trunk.encode(np.full((5, 3, 4), np.nan), owner=BaseEstimator())


# -- what comes out


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: nn.LSTM(4, 3), "result of type tuple"),
        (lambda: nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), r"result of shape \(2,\) and torch.float32"),
        (lambda: nn.Sequential(nn.Linear(4, 3), nn.Flatten(0), nn.Unflatten(0, (3, 2))), r"shape \(3, 2\)"),
        (lambda: nn.Linear(3, 3), "failed for a batch of float32 of shape"),
    ],
    ids=["a tuple", "1-D", "other rows", "other columns"],
)
def test_what_is_no_vector_for_each_row_is_refused_by_the_name_of_the_module(module, message):
    module.__name__ = "mine"
    with pytest.raises(ValueError, match=f"the module mine of ModuleTrunk .*{message}"):
        net(trunk=module).fit(X, Y)


def test_vectors_of_another_precision_become_those_of_the_fit():
    class Precise(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, x):
            return self.linear(x).double()

    assert net(trunk=Precise).fit(X, Y).transform(X).dtype == np.float32


# -- normalisation over a batch


@pytest.mark.parametrize("n_rows", [16, 17, 32, 33])
@pytest.mark.parametrize("params", [{}, {"task_sampling": "round_robin"}], ids=["all", "sampled"])
def test_a_last_batch_of_one_row_joins_the_one_before(n_rows, params):
    rows = np.random.default_rng(0).normal(size=(n_rows, 4))
    y = Targets(a=rows[:, 0], b=rows[:, 1])
    learner = MultiTaskNetRegressor(
        trunk=backbone, batch_size=16, max_epochs=2, early_stopping=False, random_state=0, **params
    )
    assert np.isfinite(learner.fit(rows, y).score(rows, y))


def test_a_batch_of_one_row_is_refused_in_words_where_it_is_all_there_is():
    for spoilt in (
        lambda: net(trunk=backbone).partial_fit(X[:1], X[:1, 0]),
        lambda: net(trunk=backbone, batch_size=1).fit(X, Y),
    ):
        with pytest.raises(
            ValueError, match=r"the module backbone .* batch of one; train on more rows, .*batch_size"
        ):
            spoilt()
