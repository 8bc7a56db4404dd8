"""Networks that are plain layers in a row train without a graph, and as with one."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.architectures import HardSharing, Network
from sklearn_mtl.trunks import MLP
from tests.architectures.cases import X

ROWS = len(X)


def targets():
    generator = np.random.default_rng(1)
    y = Targets(a=generator.normal(size=ROWS), b=np.array(list("xyzxyzxyz")), c=generator.normal(size=ROWS))
    y["c"][::2] = np.nan
    return y


def fitted(**params):
    params = {"trunk": MLP((6, 5), dropout=0.3, scaling="squash"), "max_epochs": 3, "random_state": 0, **params}
    return MultiTaskNetEstimator(**params).fit(X, targets())


def parameters(net):
    return [parameter.detach().numpy() for parameter in net.net_.module_.parameters()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("weighting", ["static", "uncertainty", "famo"])
def test_it_trains_as_with_a_graph(monkeypatch, dtype, n_members, weighting):
    params = {"dtype": dtype, "n_members": n_members, "weighting": weighting}
    without = parameters(fitted(**params))
    monkeypatch.setattr("sklearn_mtl.architectures._sharing.SharingNetwork.plain_pass", Network.plain_pass)
    for ours, theirs in zip(without, parameters(fitted(**params)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Freezes(Callback):
    """Freezes the first layer after the first epoch, and keeps the gradients that a hook saw."""

    def on_epoch_begin(self, net, **kwargs):
        self.seen = getattr(self, "seen", 0)
        if len(net.history) == 2:
            first = net.module_.sharing.body.layers()[0]
            self.frozen = first.weight.detach().clone()
            first.requires_grad_(False)
            net.module_.heads.products[0].weight.register_hook(self.hook)

    def hook(self, grad):
        self.seen += 1
        return grad


def test_callbacks_may_freeze_layers_and_register_hooks():
    callback = Freezes()
    net = fitted(callbacks=[("freezes", callback)], batch_size=3)
    kept = dict(net.net_.callbacks_)["freezes"]
    first = net.net_.module_.sharing.body.layers()[0]
    assert torch.equal(first.weight, kept.frozen)
    assert kept.seen == 2 * 3


@pytest.mark.parametrize(
    ("architecture", "is_plain"),
    [
        (HardSharing(), True),
        (HardSharing(tower_sizes=(3,)), False),
        (HardSharing(bypass_sizes=(3,)), False),
        ("mmoe", False),
    ],
    ids=["plain", "towers", "bypass", "experts"],
)
def test_only_layers_in_a_row_are_plain(architecture, is_plain):
    net = fitted(architecture=architecture)
    module, names = net.net_.module_, net.net_.criterion_.names
    assert (module.plain_pass(names) is not None) == is_plain
    assert module.plain_pass(names[:1]) is None
