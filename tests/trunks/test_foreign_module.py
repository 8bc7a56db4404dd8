"""Modules of others: those that were there before, what they draw, whole numbers and lazy shapes."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.trunks import ModuleTrunk, MultiInput

X = np.random.default_rng(0).normal(size=(30, 4))


Y = X[:, 0] > 0


def net(**params):
    return MultiTaskNetEstimator(**{"max_epochs": 3, "early_stopping": False, "random_state": 0, **params})


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
