"""The network of members that share weights: equivalence of each member, and the loss."""

import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_mtl.architectures import PLE, AdaTT, HardSharing, MMoE, SubspaceSharing, TaskGraph
from sklearn_mtl.model._objective import Objective
from sklearn_mtl.nn._batch_linear import BatchLinear
from sklearn_mtl.nn._layers import Draws, set_draws
from sklearn_mtl.trunks import MLP

from .._helpers import as_member, inputs, mixed_targets, net

MEMBERS = 3
X = pd.DataFrame(inputs(40), columns=list("abcd")).assign(kind=pd.Categorical(list("uvwx") * 10))
Y = mixed_targets(inputs(40), missing=0.2)
ARCHITECTURES = {
    "hard_sharing": HardSharing(),
    "towers": HardSharing(tower_sizes=(5,), bypass_sizes=(3,)),
    "mmoe": MMoE(n_experts=2),
    "ple": PLE(),
    "adatt": AdaTT(n_levels=1),
    "subspace_sharing": SubspaceSharing(),
    "graph": TaskGraph({"mass": ["sick"]}),
}
EVERY = pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())


def batch(**params):
    return net(**{"n_members": MEMBERS, "ensemble": "batch", "dtype": "float64", "trunk": trunk(), **params})


def trunk(dropout=0.0):
    return MLP((8, 6), dropout=dropout, scaling="standard", n_bins=4)


def prepared(**params):
    """Blueprint and a batch of all rows."""
    member = as_member(batch(**params), X, Y)
    return member.blueprint, member.data.train.batch(torch.arange(len(X)))


def member_alone(blueprint, ensemble, number):
    """A plain network that has the weights of one of the members."""
    alone = blueprint.one_network(blueprint.seed)
    with torch.no_grad():
        for path, module in alone.named_modules():
            twin = ensemble.network.get_submodule(path)
            if isinstance(twin, BatchLinear):
                r, s = twin.input_scales[number].unsqueeze(-2), twin.output_scales[number].unsqueeze(-1)
                module.weight.copy_(s * twin.weight * r)
                module.bias.copy_(twin.bias[number])
                continue
            for name, parameter in module.named_parameters(recurse=False):
                value = getattr(twin, name)
                parameter.copy_(value if value.dim() == parameter.dim() else value[number])
    return alone.eval()


@EVERY
def test_each_member_computes_what_its_network_would_alone(architecture):
    fitted = batch(architecture=architecture).fit(X, Y)
    network, blueprint = fitted.net_.module_, fitted._model.blueprint
    encoded = blueprint.trunk.encode(X, owner=fitted)
    with torch.no_grad():
        found = network(encoded, list(Y))
        for number in range(MEMBERS):
            expected = member_alone(blueprint, network, number)(encoded, list(Y))
            for name in Y:
                torch.testing.assert_close(found[name][number], expected[name], rtol=0, atol=1e-10)
    assert not torch.allclose(found["mass"][0], found["mass"][1])


@EVERY
def test_members_that_are_not_told_apart_are_the_single_network(architecture):
    blueprint, rows = prepared(architecture=architecture)
    network, single = blueprint.network().eval(), blueprint.one_network(blueprint.seed).eval()
    layers = [module for module in network.modules() if isinstance(module, BatchLinear)]
    with torch.no_grad():
        for layer in layers:
            layer.input_scales.fill_(1)
        for name, parameter in single.named_parameters():
            twin = dict(network.network.named_parameters())[name]
            if twin.dim() > parameter.dim():
                twin.copy_(parameter.expand_as(twin))
        found, expected = network(rows.inputs, list(Y)), single(rows.inputs, list(Y))
    for name in Y:
        for output in found[name]:
            torch.testing.assert_close(output, expected[name], rtol=0, atol=1e-10)


@EVERY
def test_a_member_more_takes_vectors_and_what_belongs_to_tasks(architecture):
    networks = {m: prepared(architecture=architecture, n_members=m)[0].network() for m in (2, 3, 32)}
    sizes = {m: sum(p.numel() for p in network.parameters()) for m, network in networks.items()}
    single = prepared(architecture=architecture, n_members=1)[0].network()
    shared = sum(p.numel() for p in single.shared_parameters())
    own = sum(p.numel() for p in single.parameters()) - shared
    layers = [module for module in networks[2].modules() if isinstance(module, BatchLinear)]
    vectors = sum(layer.input_scales[0].numel() + 2 * layer.bias[0].numel() for layer in layers)
    biases = sum(layer.bias[0].numel() for layer in layers)
    for m, size in sizes.items():
        assert size == shared - biases + m * (vectors + own)
    assert layers[0].input_scales.abs().eq(1).all()


def test_only_the_first_layer_of_a_body_parts_the_members():
    layers = [module for module in prepared()[0].network().modules() if isinstance(module, BatchLinear)]
    assert len(layers) == 2
    assert (layers[0].input_scales == -1).any()
    assert all((layer.output_scales == 1).all() for layer in layers)
    assert (layers[1].input_scales == 1).all()


def test_the_loss_of_a_task_is_the_mean_of_the_members_losses():
    blueprint, rows = prepared(weighting="uncertainty")
    network, objective = blueprint.network().eval(), blueprint.objective()
    losses, mass = objective(network(rows.inputs, objective.names), rows.targets, rows.weights)
    alone = Objective(blueprint.tasks, blueprint.task_weights, blueprint.score_weights, blueprint.weighting)
    alone = alone.to(torch.float64)
    found = [
        alone(member_alone(blueprint, network, m)(rows.inputs, alone.names), rows.targets, rows.weights)
        for m in range(MEMBERS)
    ]
    torch.testing.assert_close(losses, torch.stack([one.losses for one in found]).mean(dim=0))
    torch.testing.assert_close(mass, found[0].mass)
    # of one task alone, as where tasks are sampled
    complete = as_member(batch(), X, {"mass": np.arange(40) + 0.5})
    rows, objective = complete.data.train.batch(torch.arange(40)), complete.blueprint.objective()
    outputs = complete.blueprint.network()(rows.inputs, ["mass"])
    one = objective.of_task("mass", outputs["mass"], rows.targets, rows.weights)
    torch.testing.assert_close(one.losses, objective(outputs, rows.targets, rows.weights).losses)


def test_members_drop_units_of_their_own():
    blueprint, rows = prepared(trunk=trunk(dropout=0.5))
    network = blueprint.network().train()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, BatchLinear):
                module.input_scales.fill_(1)
    set_draws(network, Draws([torch.Generator().manual_seed(0)]))
    masks = network.represent(rows.inputs).sample == 0
    assert not torch.equal(masks[0], masks[1])
