"""The last layer that tasks share, of every architecture and kind of trunk."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    CrossStitch,
    HardSharing,
    MMoE,
    SubspaceSharing,
    TaskGraph,
)
from sklearn_mtl.model._last_layer import LastSharedLayer
from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.training._gradients import gramian_of
from sklearn_mtl.trunks import MLP, ConvNet, ModuleTrunk, MultiInput, SequenceEncoder
from sklearn_mtl.weighting import GradNorm, StepRecord

from .._helpers import as_member, inputs

X = inputs(40)
Y = Targets(a=X[:, 0] > 0, b=X[:, 1], c=X[:, 2] ** 2)
LAST = "stages.1.0"
OF_ARCHITECTURES = {
    "hard_sharing": (HardSharing(), f"sharing.body.{LAST}"),
    "towers and bypass": (HardSharing((4,), (3,)), f"sharing.body.{LAST}"),
    "mmoe": (MMoE(n_experts=3), f"sharing.experts.bodies.stacked.{LAST}"),
    "mmoe of one expert a row": (MMoE(n_experts=3, top_k=1), f"sharing.experts.bodies.stacked.{LAST}"),
    "ple": (PLE(), f"sharing.levels.0.shared.experts.bodies.stacked.{LAST}"),
    # the shared parameters list the experts of the last level before those of others
    "ple of two levels": (PLE(n_levels=2), "sharing.levels.1.shared.experts"),
    # the cross-stitch weights are last in the list, but each task has separate weights there
    "cross_stitch": (CrossStitch(), f"sharing.bodies.bodies.stacked.{LAST}"),
    "adatt": (AdaTT(), f"sharing.levels.0.experts.experts.bodies.stacked.{LAST}"),
    "adatt of two levels": (AdaTT(n_levels=2), "sharing.levels.1.experts.experts"),
    "subspaces": (SubspaceSharing(), f"sharing.shared.bodies.stacked.{LAST}"),
    "graph": (TaskGraph({"c": ["b"]}), f"sharing.body.{LAST}"),
    "graph of experts": (
        TaskGraph({"c": ["b"]}, sharing=PLE(n_levels=2), transfer="attention"), "sharing.levels.1.shared.experts"
    ),
}  # fmt: skip


class Backwards(nn.Module):
    """Layers that are listed in another order than they are used, and a normalisation."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.last = nn.Linear(6, 4)
        self.first = nn.Linear(X.shape[1], 6)

    def forward(self, x):
        return self.norm(torch.relu(self.last(torch.relu(self.first(x)))))


IMAGES = np.random.default_rng(0).normal(size=(40, 6, 6))
WORDS = [list("abcab"[: 2 + i % 4]) for i in range(40)]
OF_PIXELS = Targets(bright=IMAGES.mean(axis=(1, 2)) > 0, pixels=(IMAGES > 0).astype(int))
OF_TOKENS = Targets(long=[len(row) > 3 for row in WORDS], tags=[[int(t == "a") for t in row] for row in WORDS])
CONV = ConvNet(channels=(4,), hidden_size=6)
OF_TRUNKS = {
    # a task of rows and one of pixels part before the coordinates are added
    "pixels": (CONV, IMAGES, OF_PIXELS, "sharing.body.position"),
    "convolutions": (SequenceEncoder("convolutional", 8), WORDS, OF_TOKENS, "sharing.body.layers.2.linear"),
    "recurrent": (SequenceEncoder("recurrent", 8), WORDS, OF_TOKENS, "sharing.body.layers.0."),
    "transformer": (SequenceEncoder("transformer", 8), WORDS, OF_TOKENS, "sharing.body.layers.2.out"),
    "module": (ModuleTrunk(Backwards), X.astype(np.float32), Y, "sharing.body.module.last"),
    "inputs": (
        MultiInput({"table": MLP((6,)), "image": CONV}),
        {"table": X, "image": IMAGES},
        Y,
        "sharing.body.merge",
    ),
}


class Batch:
    """A network, and the losses of all rows."""

    def __init__(self, X, y, **params):
        self.estimator = MultiTaskNetEstimator(
            weighting=GradNorm(), early_stopping=False, max_epochs=2, random_state=0, **params
        )
        member = as_member(self.estimator, X, y)
        self.network, self.objective = member.blueprint.network(), member.blueprint.objective()
        self.batch = member.data.train.batch(torch.arange(len(member.data.train)))

    def losses(self):
        self.network.train()
        set_draws(self.network, torch.Generator().manual_seed(0))
        outputs = self.network(self.batch.inputs, self.objective.names)
        return outputs, self.objective(outputs, self.batch.targets, self.batch.weights)

    def names(self, parameters):
        by_id = {id(parameter): name for name, parameter in self.network.named_parameters()}
        return [by_id[id(parameter)] for parameter in parameters]

    def check(self, layer):
        outputs, task_losses = self.losses()
        found = LastSharedLayer().find(self.network, task_losses.losses)
        names = self.names(found)
        assert names
        assert all(name.startswith(layer) for name in names), names
        # the parameters of the layer, and the Gram matrix there
        rows = []
        for loss in task_losses.losses.unbind(-1):
            gradients = torch.autograd.grad(loss, found, retain_graph=True)
            rows.append(torch.cat([g.flatten() for g in gradients]))
        J = torch.stack(rows)
        assert (J.norm(dim=1) > 0).all()
        torch.testing.assert_close(gramian_of(self.objective, self.network, outputs, task_losses), J @ J.T)


@pytest.mark.parametrize(("architecture", "layer"), OF_ARCHITECTURES.values(), ids=OF_ARCHITECTURES.keys())
def test_the_layer_of_every_architecture(architecture, layer):
    Batch(X, Y, architecture=architecture, trunk=MLP((8, 6))).check(layer)


@pytest.mark.parametrize(("trunk", "X", "y", "layer"), OF_TRUNKS.values(), ids=OF_TRUNKS.keys())
def test_the_layer_of_every_kind_of_trunk(trunk, X, y, layer):
    tasks = {name: kind for name, kind in (("pixels", "segmentation"), ("tags", "tagging")) if name in y}
    Batch(X, y, trunk=trunk, tasks=tasks or None).check(layer)


@pytest.mark.parametrize("name", ["hard_sharing", "mmoe", "ple of two levels", "cross_stitch"])
def test_the_layer_of_tasks_of_rows_and_of_pixels(name):
    architecture = OF_ARCHITECTURES[name][0]
    batch = Batch(IMAGES, OF_PIXELS, trunk=CONV, tasks={"pixels": "segmentation"}, architecture=architecture)
    losses = batch.losses()[1].losses
    found = LastSharedLayer().find(batch.network, losses)
    for loss in losses.unbind(-1):
        assert any(g.any() for g in torch.autograd.grad(loss, found, retain_graph=True))


def test_members_that_share_weights_compare_all_that_a_layer_has():
    batch = Batch(X, Y, trunk=MLP((8, 6)), n_members=2, ensemble="batch")
    batch.check(f"network.sharing.body.{LAST}")
    found = LastSharedLayer().find(batch.network, batch.losses()[1].losses)
    assert [name.rpartition(".")[2] for name in batch.names(found)] == [
        "input_scales", "output_scales", "weight", "bias",
    ]  # fmt: skip


def test_a_task_without_a_label_in_the_first_batch_is_waited_for():
    batch = Batch(IMAGES, OF_PIXELS, trunk=CONV, tasks={"pixels": "segmentation"})
    layer = LastSharedLayer()
    mask = torch.tensor([True, False])
    without = [torch.where(mask, batch.losses()[1].losses, 0.0) for _ in range(2)]
    first = [batch.names(layer.find(batch.network, losses)) for losses in without]
    assert first[0] == first[1] == ["sharing.body.place.weight", "sharing.body.place.bias"]
    found = [batch.names(layer.find(batch.network, batch.losses()[1].losses)) for _ in range(3)]
    assert found[-1] == ["sharing.body.position.weight", "sharing.body.position.bias"]


def test_a_task_that_does_not_use_the_layer_is_left_out():
    module = GradNorm(learning_rate=0.1).build(dict.fromkeys("abc"))
    present = torch.ones(3, dtype=torch.bool)
    module.after_step(StepRecord(torch.ones(3), present, torch.diag(torch.tensor([4.0, 0.0, 1.0]))))
    two = GradNorm(learning_rate=0.1).build(dict.fromkeys("ac"))
    two.after_step(StepRecord(torch.ones(2), present[:2], torch.diag(torch.tensor([4.0, 1.0]))))
    assert module.weights[0] < module.weights[1] < module.weights[2]
    torch.testing.assert_close(module.weights[2] / module.weights[0], two.weights[1] / two.weights[0])


@pytest.mark.parametrize("weighting", ["grad_norm", "nash_mtl", "cagrad"])
def test_tasks_that_share_nothing_are_told_so(weighting):
    estimator = MultiTaskNetEstimator(
        weighting=weighting, architecture="independent", max_epochs=1, early_stopping=False, random_state=0
    )
    with pytest.warns(UserWarning, match=r"weighting=.* balances .*=Independent\(\) the tasks share nothing"):
        estimator.fit(X, Y)
    estimator.fit(X, Y["b"])  # a single task needs no balancing
