"""What every architecture must hold: subclass `ArchitectureConformance`, override its ``architecture``."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, clone

from sklearn_mtl.architectures import Architecture, Network
from sklearn_mtl.tasks import Classification, MultilabelClassification, Regression
from sklearn_mtl.trunks import MLP
from sklearn_mtl.utils._random import Streams

ROWS = 9
X = pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 3)), columns=list("abc")).assign(d=list("uvwuvwuvw"))
LABELS = {
    "species": (Classification(), np.arange(ROWS) % 3),
    "mass": (Regression(), np.arange(ROWS, dtype=float)),
    "a.b": (Classification(), np.arange(ROWS) % 2),
    "type": (Regression(loss="huber"), np.arange(2.0 * ROWS).reshape(ROWS, 2)),
    "forward": (MultilabelClassification(), np.eye(ROWS, 4)),
    "rate__2": (Regression(), np.arange(ROWS, dtype=float)),
}
WIDTHS = {"species": 3, "mass": 1, "a.b": 1, "type": 2, "forward": 4, "rate__2": 1}


def fitted_tasks(names=tuple(LABELS)):
    return {name: clone(LABELS[name][0]).fit(LABELS[name][1]) for name in names}


def fitted_trunk():
    owner = BaseEstimator()
    trunk = MLP(hidden_sizes=(8, 6)).fit(X, owner=owner)
    return trunk, trunk.encode(X, owner=owner)


def gradients(network, outputs):
    """Backpropagate the sum of some outputs; give the gradients of all parameters, None where there is none."""
    network.zero_grad()
    sum(output.square().sum() for output in outputs).backward()
    return {name: p.grad for name, p in network.named_parameters()}


def equal(one, other):
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


class ArchitectureConformance:
    """The contract of `sklearn_mtl.architectures.Architecture`."""

    @pytest.fixture
    def architecture(self):
        raise NotImplementedError("override the fixture with an Architecture")

    def tasks_see_each_other(self, architecture):
        """Tell whether what a task computes depends on which other tasks there are."""
        return False

    @pytest.fixture
    def build(self, architecture):
        """Build the network of some tasks; give it with the encoded inputs."""
        trunk, inputs = fitted_trunk()

        def build(names=tuple(LABELS), seed=0):
            return clone(architecture).build(trunk, fitted_tasks(names), Streams(seed)).eval(), inputs

        return build

    # -- a spec

    def test_is_a_spec(self, architecture):
        assert isinstance(architecture, Architecture)
        assert repr(clone(architecture)) == repr(architecture)
        assert repr(pickle.loads(pickle.dumps(architecture))) == repr(architecture)

    def test_building_leaves_the_spec_as_it_is(self, architecture):
        trunk, _ = fitted_trunk()
        before = dict(vars(architecture))
        architecture.build(trunk, fitted_tasks(), Streams(0))
        assert vars(architecture) == before

    def test_flow_names_every_task_once(self, architecture):
        nodes = [node for column in architecture.flow(list(LABELS)).columns for node in column]
        assert sorted(node.label for node in nodes if node.kind == "task") == sorted(LABELS)
        assert len({node.name for node in nodes}) == len(nodes)

    # -- the network

    def test_outputs_of_any_task_by_any_name(self, build):
        network, inputs = build()
        assert isinstance(network, Network)
        outputs = network(inputs, list(LABELS))
        assert {name: output.shape for name, output in outputs.items()} == {
            name: (ROWS, width) for name, width in WIDTHS.items()
        }

    def test_rows_are_independent(self, build):
        network, inputs = build()
        whole = network(inputs, list(LABELS))
        for row in range(ROWS):
            alone = network({name: values[row : row + 1] for name, values in inputs.items()}, list(LABELS))
            for name in LABELS:
                torch.testing.assert_close(alone[name][0], whole[name][row])

    @pytest.mark.parametrize("chosen", [["mass"], ["species", "forward"], ["rate__2", "a.b"]])
    def test_some_tasks_come_out_as_they_do_among_all(self, build, chosen):
        network, inputs = build()
        some, whole = network(inputs, chosen), network(inputs, list(LABELS))
        assert set(some) == set(chosen)
        for name in chosen:
            torch.testing.assert_close(some[name], whole[name])

    def test_order_of_the_wanted_tasks_does_not_matter(self, build):
        network, inputs = build()
        forward, backward = network(inputs, list(LABELS)), network(inputs, list(LABELS)[::-1])
        for name in LABELS:
            assert torch.equal(forward[name], backward[name])

    def test_representation_is_as_wide_as_announced(self, build):
        network, inputs = build()
        assert network.represent(inputs).sample.shape == (ROWS, network.representation_width)

    # -- weights

    def test_weights_come_from_the_streams_only(self, build):
        before = torch.get_rng_state()
        first, again = build()[0], build()[0]
        assert equal(first.state_dict(), again.state_dict())
        assert torch.equal(torch.get_rng_state(), before)
        other = dict(build(seed=1)[0].named_parameters())
        for name, parameter in first.named_parameters():
            if parameter.unique().numel() > 2:  # others start at constants, such as the weights of a mixture
                assert not torch.equal(parameter, other[name])

    def test_a_task_starts_alike_whatever_other_tasks_there_are(self, architecture, build):
        if self.tasks_see_each_other(architecture):
            pytest.skip("what a task computes depends on the other tasks")
        network, inputs = build()
        whole = network(inputs, list(LABELS))
        for name in LABELS:
            alone, _ = build([name])
            torch.testing.assert_close(alone(inputs, [name])[name], whole[name])

    def test_every_parameter_learns_from_some_task(self, build):
        network, inputs = build()
        for gradient in gradients(network, network(inputs, list(LABELS)).values()).values():
            assert gradient.any()

    def test_shared_parameters_are_those_that_more_than_one_task_uses(self, build):
        network, inputs = build(["mass", "species"])
        users = [gradients(network, [network(inputs, [name])[name]]) for name in ("mass", "species")]
        names = {id(p): name for name, p in network.named_parameters()}
        listed = [names[id(p)] for p in network.shared_parameters()]
        assert len(set(listed)) == len(listed)
        for name in listed:
            assert all(user[name] is not None and user[name].any() for user in users)

    def test_state_can_be_loaded_into_a_new_network(self, build):
        network, inputs = build()
        other, _ = build(seed=1)
        other.load_state_dict(pickle.loads(pickle.dumps(network.state_dict())))
        for name, output in network(inputs, list(LABELS)).items():
            assert torch.equal(other(inputs, [*LABELS])[name], output)
