"""Effects of penalties on fitted networks."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_mtl import Targets
from sklearn_mtl.architectures import Architecture, HardSharing, MMoE, Network
from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.penalties import GroupLasso, Orthogonality, RepresentationDropout, TraceNorm
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model, inputs, mixed_targets, net, weights_of

X = inputs()
Y = mixed_targets(X)
ON_WEIGHTS = {"trace_norm": TraceNorm, "group_lasso": GroupLasso, "orthogonality": Orthogonality}
kinds = pytest.mark.parametrize("kind", ON_WEIGHTS.values(), ids=ON_WEIGHTS.keys())
#: the last two are the same task with two names
RELATED = Targets(a=X[:, 0], b=X[:, 0] + X[:, 1], c=X[:, 2] - X[:, 1], d=X[:, 2] - X[:, 1])


def trained(*penalties, y=RELATED, **params):
    """Fit until convergence, without weight decay."""
    defaults = {"max_epochs": 80, "learning_rate": 0.02, "batch_size": 40, "weight_decay": 0.0, "dtype": "float64"}
    return net(penalties=penalties, **{**defaults, **params}).fit(X, y)


def heads_of(estimator):
    """Return the weights of the heads, (K, D) by task."""
    return {name: weight.numpy(force=True) for name, weight in estimator.net_.module_.head_weights().items()}


def all_heads(estimator):
    return np.vstack([weight for _, weight in sorted(heads_of(estimator).items())])


# -- strengths of 0


@kinds
@pytest.mark.parametrize("architecture", [HardSharing(), MMoE(n_experts=2)], ids=["hard_sharing", "mmoe"])
def test_strength_zero_is_no_penalty(kind, architecture):
    params = {"dtype": "float64", "architecture": architecture, "max_epochs": 10}
    weights = weights_of(net(penalties=[kind(strength=0.0)], **params).fit(X, Y))
    weights = {name.removeprefix("network."): values for name, values in weights.items()}
    others = weights_of(net(**params).fit(X, Y))
    assert list(weights) == list(others)
    for name, values in weights.items():
        np.testing.assert_allclose(values, others[name], rtol=0, atol=1e-10, err_msg=name)


def test_dropout_of_nothing_is_no_dropout():
    trunk = MLP(hidden_sizes=(8,), dropout=0.3, scaling="standard")
    plain = net(trunk=trunk).fit(X, Y)
    assert_same_model(net(trunk=trunk, penalties=[RepresentationDropout(p=0.0)]).fit(X, Y), plain)


# -- purpose of each penalty


@kinds
def test_value_falls_with_the_strength(kind):
    values = []
    for strength in (0.0, 0.1, 10.0):
        heads = trained(kind(strength=strength), max_epochs=40).net_.module_.head_weights()
        values.append(kind().value(heads).item())
    assert values[0] > 1.2 * values[1] > 1.2 * values[2]


def test_trace_norm_lowers_singular_values():
    plain, penalised = (
        np.linalg.svd(all_heads(trained(*penalties)), compute_uv=False) for penalties in ([], [TraceNorm(0.05)])
    )
    assert (penalised[:2] > 0.1).all()
    assert penalised.sum() < 0.7 * plain.sum()
    assert penalised[-1] < 0.02 < plain[-1]


def test_group_lasso_drops_features_for_all_tasks_together():
    plain, penalised = (
        np.linalg.norm(all_heads(trained(*penalties)), axis=0) for penalties in ([], [GroupLasso(0.1)])
    )
    assert (plain > 0.05 * plain.max()).all()
    unused = penalised < 0.05 * penalised.max()
    assert 1 <= unused.sum() < len(unused)


def test_orthogonality_makes_heads_orthogonal():
    cosines = []
    for penalties in ([], [Orthogonality(1.0)]):
        heads = heads_of(trained(*penalties, y=Targets(c=RELATED["c"], d=RELATED["d"])))
        lengths = [np.linalg.norm(heads[name]) for name in "cd"]
        assert min(lengths) > 0.1
        cosines.append(abs((heads["c"] @ heads["d"].T).item()) / np.prod(lengths))
    assert cosines[1] < 0.05 < 0.3 < cosines[0]


def test_penalties_are_no_part_of_losses_by_task():
    params = {"max_epochs": 1, "batch_size": len(X)}
    plain = net(**params).fit(X, Y).history_
    penalised = net(penalties=[TraceNorm(10.0)], **params).fit(X, Y).history_
    names = [f"train_loss__{name}" for name in Y]
    np.testing.assert_allclose(penalised[names], plain[names], rtol=1e-5)


# -- dropout of the representation


class Seen(nn.Module):
    """Record the inputs and outputs of a module."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        self.calls = []

    def forward(self, x):
        self.calls.append((x, self.module(x)))
        return self.calls[-1][1]


@pytest.mark.parametrize("architecture", [HardSharing(), MMoE(n_experts=2)], ids=["hard_sharing", "mmoe"])
def test_tasks_have_masks_of_their_own(architecture):
    estimator = net(penalties=[RepresentationDropout(p=0.4)], architecture=architecture, dtype="float64").fit(X, Y)
    network = estimator._model.blueprint.network()
    network.noises[0] = Seen(network.noises[0])
    encoded = estimator._model.blueprint.trunk.encode(X, owner=estimator)
    batch = {name: torch.as_tensor(values) for name, values in encoded.items()}
    set_draws(network, torch.Generator().manual_seed(0))
    network.train()(batch, list(Y))
    network.eval()(batch, list(Y))
    ((got, given),) = network.noises[0].calls  # in evaluation mode no noise is drawn
    assert given.shape == (len(list(Y)), len(X), 8)
    got = got.expand_as(given)
    live, kept = got != 0, given != 0
    torch.testing.assert_close(given[kept], (got / 0.6)[kept])
    for one in range(len(given)):
        assert 0.5 < kept[one].sum() / live[one].sum() < 0.7
        for other in range(one):
            both = live[one] & live[other]
            assert 0.2 < (kept[one] != kept[other])[both].double().mean() < 0.75


def test_dropout_is_off_in_prediction():
    estimator = net(penalties=[RepresentationDropout(p=0.5)]).fit(X, Y)
    assert_same(estimator.predict(X), estimator.predict(X))
    plain = net().fit(X, Y)
    plain.net_.module_.load_state_dict(estimator.net_.module_.state_dict())
    assert_same(plain.predict(X), estimator.predict(X))


# -- networks that do not support a penalty


class Bare(Network):
    """A network without head weights and without support for noise."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.representation_width = network.representation_width

    def forward(self, inputs, tasks):
        return self.network(inputs, tasks)

    def represent(self, inputs):
        return self.network.represent(inputs)

    def shared_parameters(self):
        return self.network.shared_parameters()


class BareSharing(Architecture):
    def build(self, trunk, tasks, streams):
        return Bare(HardSharing().build(trunk, tasks, streams))


@kinds
def test_a_network_without_linear_heads_is_refused(kind):
    with pytest.raises(ValueError, match=r"penalties has .*, but the network has no linear heads"):
        net(architecture=BareSharing(), penalties=[kind()]).fit(X, Y)


def test_a_network_without_noise_is_refused():
    with pytest.raises(ValueError, match=r"penalties has RepresentationDropout\(\): Bare does not support noise"):
        net(architecture=BareSharing(), penalties=["representation_dropout"]).fit(X, Y)


def test_a_bare_network_fits_without_penalties():
    assert_same(net(architecture=BareSharing()).fit(X, Y).predict(X), net().fit(X, Y).predict(X))
