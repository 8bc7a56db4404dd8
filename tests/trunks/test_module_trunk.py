import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import cross_val_score
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.nn._layers import Dropout
from sklearn_mtl.trunks import ModuleTrunk, MultiInput, Representation
from sklearn_mtl.utils._random import Streams

X = np.random.default_rng(0).normal(size=(30, 4))
Y = X[:, 0] > 0


class Owner(BaseEstimator):
    dtype = "float32"


class Net(nn.Module):
    """Two layers with dropout between them, nested in a module."""

    def __init__(self, in_features, width=5, p=0.5):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(in_features, width), nn.Dropout(p))

    def forward(self, x):
        return torch.tanh(self.inner(x))


def net(**params):
    return MultiTaskNetEstimator(**{"max_epochs": 3, "early_stopping": False, "random_state": 0, **params})


def fitted(module, X=X, params=None):
    return ModuleTrunk(module, params).fit(X, owner=Owner())


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
    with pytest.raises(ValueError, match=r"shape \(2, 4\), but Owner was fitted to rows of shape \(3, 4\)"):
        trunk.encode(np.zeros((5, 2, 4)), owner=Owner())
    with pytest.raises(ValueError, match="NaN"):
        trunk.encode(np.full((5, 3, 4), np.nan), owner=Owner())


# -- modules that exist before the fit


def backbone(**params):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())


def state_of(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def is_same(state, module):
    return all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("way", ["a function", "a module", "vectors", "one of several inputs"])
def test_a_fit_trains_a_copy_of_what_was_there_before(way):
    made = backbone()
    vectors = torch.randn(4, 8)
    trunk = {
        "a function": lambda: nn.Sequential(made, nn.Linear(8, 4)),
        "a module": made,
        "vectors": lambda: _Vectors(vectors),
        "one of several inputs": MultiInput({"a": lambda: nn.Sequential(made, nn.Linear(8, 4))}),
    }[way]
    rows = Targets(a=X) if way == "one of several inputs" else X
    before, vectors_before = state_of(made), vectors.clone()
    first = net(trunk=trunk, learning_rate=0.1).fit(rows, Y)
    expected = first.transform(rows)
    other = net(trunk=trunk, learning_rate=0.1).fit(rows, ~Y)
    np.testing.assert_array_equal(first.transform(rows), expected)
    assert not np.array_equal(other.transform(rows), expected)
    np.testing.assert_array_equal(net(trunk=trunk, learning_rate=0.1).fit(rows, Y).transform(rows), expected)
    np.testing.assert_array_equal(clone(first).fit(rows, Y).transform(rows), expected)
    assert is_same(before, made)
    assert torch.equal(vectors, vectors_before)


class _Vectors(nn.Module):
    def __init__(self, vectors):
        super().__init__()
        self.vectors = nn.Parameter(vectors)

    def forward(self, x):
        return x @ self.vectors


def test_folds_share_no_weights():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(100, 4)), rng.integers(2, size=100)
    made = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
    learner = net(trunk=lambda: nn.Sequential(made, nn.ReLU()), max_epochs=60, learning_rate=0.01)
    assert cross_val_score(learner, rows, labels, cv=5).mean() < 0.7


@pytest.mark.parametrize("n_members", [1, 3])
def test_what_is_frozen_stays_as_it_is(n_members):
    made = nn.Linear(4, 8).requires_grad_(False)
    trunk = ModuleTrunk(lambda: nn.Sequential(made, nn.ReLU(), nn.Linear(8, 4)))
    learned = net(trunk=trunk, n_members=n_members, learning_rate=0.1, weight_decay=0.1).fit(X, Y)
    weights = learned.net_.module_.state_dict()
    (name,) = (name for name in weights if name.endswith("module.0.weight"))
    for weight in weights[name] if n_members > 1 else [weights[name]]:
        torch.testing.assert_close(weight, made.weight, rtol=0, atol=0)


def test_what_is_frozen_stays_as_it_is_in_a_stacked_search():
    made = nn.Linear(4, 8).requires_grad_(False)
    estimator = net(trunk=lambda: nn.Sequential(made, nn.ReLU(), nn.Linear(8, 4)), learning_rate=0.1)
    search = TaskWeightSearchCV(estimator, {"task_weights__b": [0.5, 2.0]}, cv=2)
    search.fit(X, Targets(a=Y, b=X[:, 1]))
    weights = search.best_estimator_.net_.module_.state_dict()
    (name,) = (name for name in weights if name.endswith("module.0.weight"))
    assert torch.equal(weights[name], made.weight)


def test_statistics_of_frozen_batch_normalisation_stay_and_others_are_learned():
    made = backbone().requires_grad_(False)
    learned = net(trunk=lambda: nn.Sequential(made, nn.Linear(8, 4), nn.BatchNorm1d(4))).fit(X, Y)
    weights = learned.net_.module_.state_dict()
    means = {name: values for name, values in weights.items() if name.endswith("running_mean")}
    frozen, own = means.values()
    assert (frozen == 0).all()
    assert (own != 0).all()


def test_a_module_that_cannot_be_copied_is_refused():
    made = nn.Linear(4, 2)
    made.result = made(torch.ones(1, 4))  # torch does not copy what has a gradient
    with pytest.raises(TypeError, match=r"of ModuleTrunk exists before the fit, .* it cannot be copied"):
        net(trunk=lambda: made).fit(X, Y)


def test_parameters_of_a_module_that_is_made_are_refused():
    with pytest.raises(ValueError, match=r"params=.* has no effect on a module instance"):
        net(trunk=ModuleTrunk(backbone(), {"width": 3})).fit(X, Y)


# -- random numbers


class LastStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.LSTM(1, 4, num_layers=2, dropout=0.5, batch_first=True)

    def forward(self, x):
        return self.read(x[..., None])[0][:, -1]


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 6)

    def forward(self, x):
        return nn.functional.dropout(self.linear(x), 0.5, training=self.training) + torch.rand(1)


def twice(layer):
    return nn.Sequential(layer, nn.Linear(4, 4), layer)


DRAWING = {
    "LSTM": LastStep,
    "functional, and in prediction": Functional,
    "AlphaDropout": lambda: nn.Sequential(nn.Linear(4, 4), nn.AlphaDropout(0.5)),
    "RReLU": lambda: nn.Sequential(nn.Linear(4, 4), nn.RReLU()),
    "a layer in two places": lambda: twice(nn.Dropout(0.5)),
    "attention": lambda: nn.Sequential(
        nn.Unflatten(1, (2, 2)), nn.TransformerEncoderLayer(2, 1, 4, dropout=0.3, batch_first=True)
    ),
}


@pytest.mark.parametrize("name", DRAWING)
def test_what_a_module_draws_comes_from_the_seed_of_the_fit(name):
    learned = []
    for disturbance in (0, 1):
        torch.manual_seed(disturbance)
        before = torch.get_rng_state()
        learned.append(net(trunk=DRAWING[name], max_epochs=4).fit(X, Y))
        predicted = learned[-1].transform(X)
        np.testing.assert_array_equal(learned[-1].transform(X), predicted)
        assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(learned[0].transform(X), learned[1].transform(X))
    other = net(trunk=DRAWING[name], max_epochs=4, random_state=1).fit(X, Y)
    assert not np.array_equal(other.transform(X), learned[0].transform(X))


def test_what_a_module_draws_is_the_same_in_threads():
    from joblib import Parallel, delayed

    def fit_one():
        return net(trunk=LastStep, max_epochs=4).fit(X, Y).transform(X)

    found = Parallel(n_jobs=2, prefer="threads")(delayed(fit_one)() for _ in range(4))
    for one in found[1:]:
        np.testing.assert_array_equal(one, found[0])


def test_masks_differ_from_step_to_step():
    seen = []

    class Watching(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x):
            noise = torch.rand(3)
            if self.training:
                seen.append(tuple(noise.tolist()))
            return self.linear(x)

    net(trunk=Watching, batch_size=10, max_epochs=2).fit(X, Y)
    steps = seen[-6:]
    assert len(set(steps)) == 6


# -- whole numbers, and shapes that the first batch gives


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(9, 4)

    def forward(self, x):
        return self.table(x).mean(dim=1)


WHOLE = np.random.default_rng(0).integers(0, 9, size=(60, 5))


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "float64"])
def test_whole_numbers_are_looked_up(dtype):
    learner = net(trunk=Bag, max_epochs=40, learning_rate=0.05)
    y = (WHOLE == 3).sum(axis=1)
    learned = learner.fit(WHOLE.astype(dtype), y == 0)
    assert learned.score(WHOLE, y == 0) > 0.9
    np.testing.assert_array_equal(
        learned.transform(WHOLE.astype(dtype)), clone(learner).fit(WHOLE, y == 0).transform(WHOLE)
    )
    with pytest.raises(ValueError, match="the module Bag of ModuleTrunk requires integers"):
        learned.predict(WHOLE + 0.5)
    with pytest.raises(
        ValueError, match=r"the module Bag of ModuleTrunk failed for a batch of int64 .* out of range"
    ):
        learned.predict(WHOLE + 5)


def test_whole_numbers_are_looked_up_by_experts_and_beside_other_inputs():
    y = WHOLE[:, 0] > 4
    assert net(trunk=Bag, architecture="mmoe").fit(WHOLE, Targets(a=y, b=~y)).transform(WHOLE).shape[0] == 60
    several = {"words": WHOLE, "numbers": WHOLE / 9.5}
    trunk = MultiInput({"words": Bag, "numbers": "mlp"})
    assert net(trunk=trunk).fit(several, y).transform(several).shape == (60, 128)


def test_numbers_that_cannot_be_looked_up_are_refused_by_the_name_of_the_module():
    with pytest.raises(ValueError, match="the module Bag of ModuleTrunk failed for a batch of float32"):
        net(trunk=Bag).fit(WHOLE + 0.5, WHOLE[:, 0] > 4)


@pytest.mark.parametrize("n_members", [1, 2])
def test_layers_that_learn_their_shape_are_those_of_that_shape(n_members):
    def lazy():
        return nn.Sequential(nn.LazyLinear(6), nn.Tanh(), nn.LazyLinear(3))

    learned = net(trunk=lazy, n_members=n_members).fit(X, Y)
    assert learned.transform(X).shape == (30, 3 * n_members)
    known = net(trunk=lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)), n_members=n_members)
    assert len(known.fit(X, Y).net_.module_.state_dict()) == len(learned.net_.module_.state_dict())
    np.testing.assert_array_equal(
        net(trunk=lazy, n_members=n_members).fit(X, Y).transform(X), learned.transform(X)
    )


def test_lazy_convolutions_and_normalisation():
    def lazy():
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))

    images = np.random.default_rng(0).normal(size=(20, 3, 6, 6))
    assert net(trunk=lazy).fit(images, np.arange(20) % 2).transform(images).shape == (20, 5)


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
