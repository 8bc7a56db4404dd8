"""Modules without a member axis: mapped by torch if the results are the same, otherwise with a reason."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.training import train_stacked
from sklearn_mtl.trunks import MLP, Representation

from .._helpers import as_member, why_not_stacked

ROWS = 60


class Foreign(MLP):
    """A trunk of a user, whose body is made of torch's own layers."""

    def body(self, streams, name="body"):
        with streams.global_generator("trunk", name):
            return Body(self.stem_width_, self.hidden_sizes[0], self.layer())

    def layer(self):
        return nn.LayerNorm(self.hidden_sizes[0])


class Body(nn.Module):
    def __init__(self, n_inputs, width, layer):
        super().__init__()
        self.first, self.layer, self.second = nn.Linear(n_inputs, width), layer, nn.Linear(width, width)

    def forward(self, given):
        return Representation(torch.tanh(self.second(self.layer(torch.relu(self.first(given.values))))))


class WithGRU(Foreign):
    def layer(self):
        return Recurrent(self.hidden_sizes[0])


class Recurrent(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gru = nn.GRU(width, width, batch_first=True)

    def forward(self, x):
        return self.gru(x.unsqueeze(1))[0].squeeze(1)


class WithBranch(Foreign):
    def layer(self):
        return Branch()


class Branch(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class WithGlobalDropout(Foreign):
    def layer(self):
        return nn.Dropout(0.5)


class WithSilentError(Foreign):
    def layer(self):
        return Silent()


class Silent(nn.Module):
    def forward(self, x):
        if torch._C._are_functorch_transforms_active():
            raise NotImplementedError
        return x


class WithOurDropout(MLP):
    """The declaration of a parent class does not apply to a subclass."""


def rows(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((ROWS, 4))
    number = np.where(rng.random(ROWS) < 0.2, np.nan, X[:, 0] * X[:, 1])
    return X, Targets(number=number, label=X[:, 2] > 0)


def net(trunk, **params):
    defaults = {"dtype": "float64", "max_epochs": 5, "batch_size": 16, "random_state": 0}
    return MultiTaskNetEstimator(trunk=trunk, **(defaults | params))


def test_a_foreign_member_equals_the_fit_alone():
    fits = [
        (net(Foreign((6,)), learning_rate=rate, task_weights={"label": weight}, random_state=seed), *rows(fold))
        for rate, weight, seed, fold in [(1e-2, 1.0, 0, 0), (3e-2, 0.2, 0, 1), (1e-2, 3.0, 5, 0)]
    ]
    members = [as_member(clone(estimator), X, y) for estimator, X, y in fits]
    assert [why_not_stacked(member) for member in members] == [None] * 3
    for trained, (estimator, X, y) in zip(train_stacked(members, torch.device("cpu")), fits, strict=True):
        for name, tensor in estimator.fit(X, y).net_.module_.state_dict().items():
            torch.testing.assert_close(trained.weights[name], tensor, rtol=0, atol=1e-8)


def test_a_foreign_ensemble_predicts_what_its_pickle_does():
    import pickle

    X, y = rows()
    ensemble = net(Foreign((6,)), n_members=3).fit(X, y)
    assert ensemble.transform(X).shape == (ROWS, 18)
    state = pickle.loads(pickle.dumps(ensemble._model.state()["weights"]))
    assert {array.shape[0] for array in state.values()} == {3}
    assert ensemble.predict_std(X)["number"].min() > 0


@pytest.mark.parametrize(
    ("trunk", "reason"),
    [
        (WithGRU((6,)), "vmap"),
        (WithBranch((6,)), "vmap"),
        (WithGlobalDropout((6,)), "vmap"),
        (WithSilentError((6,)), "NotImplementedError"),
        (WithOurDropout((6,), dropout=0.5), "dropout"),
    ],
    ids=["recurrent", "branch on data", "dropout of torch", "error without a message", "dropout"],
)
def test_what_cannot_be_mapped_says_why(trunk, reason):
    X, y = rows()
    assert reason in why_not_stacked(as_member(net(trunk), X, y))
    assert net(trunk, n_members=2).fit(X, y).net_.blueprint.one_by_one


def test_our_own_layers_need_no_mapping():
    X, y = rows()
    assert why_not_stacked(as_member(net(MLP((6,), dropout=0.5)), X, y)) is None
