"""A network with penalties: what is added to the objective while it is trained."""

import numpy as np
import pytest

from sklearn_mtl import Targets
from sklearn_mtl.architectures import HardSharing, MMoE, Network, Outputs
from sklearn_mtl.model._penalized import regularize
from sklearn_mtl.penalties import GroupLasso, RepresentationDropout, TraceNorm

from .._helpers import assert_same, head_of, inputs, mixed_targets, net
from ..penalties.formulas import EVERY, group_lasso, trace_norm
from ..penalties.test_conformance import CASES

X = inputs()
MIXED = mixed_targets(X, missing=0.2)


@EVERY
def test_the_objective_gets_strength_times_value(penalty, formula):
    estimator = net(penalties=[type(penalty)(0.25)], dtype="float64").fit(X, MIXED)
    network = estimator.net_.module_
    values = estimator._model.blueprint.trunk.encode(X, owner=estimator)
    inputs = {name: x.double() for name, x in values.items()}
    weights = {name: w.detach() for name, w in network.head_weights().items()}
    assert set(weights) == set(MIXED)
    for name, weight in weights.items():
        np.testing.assert_array_equal(weight.numpy(), head_of(estimator, name)[0])
    assert network.train()(inputs, list(MIXED)).penalty.item() == pytest.approx(0.25 * formula(weights))


def test_several_penalties_are_summed_with_that_of_the_architecture():
    architecture = MMoE(n_experts=2, load_balancing=0.5)
    several = net(penalties=[TraceNorm(0.1), GroupLasso(0.2)], architecture=architecture, dtype="float64")
    network = several.fit(X, MIXED).net_.module_.train()
    values = several._model.blueprint.trunk.encode(X, owner=several)
    values = {name: x.double() for name, x in values.items()}
    weights = {name: w.detach() for name, w in network.head_weights().items()}
    own = network.network(values, list(MIXED)).penalty.item()
    assert own > 0
    expected = own + 0.1 * trace_norm(weights) + 0.2 * group_lasso(weights)
    assert network(values, list(MIXED)).penalty.item() == pytest.approx(expected)


def test_tasks_that_are_not_trained_are_left_out():
    estimator = net(penalties=[TraceNorm(), GroupLasso()], task_weights={"mass": 0}).fit(X, MIXED)
    assert set(estimator.net_.module_.head_weights()) == set(MIXED) - {"mass"}
    absent = net(penalties=[TraceNorm(), GroupLasso()])
    absent.fit(X, Targets({name: MIXED[name] for name in MIXED if name != "mass"}))
    assert_same({n: estimator.predict(X)[n] for n in absent.predict(X)}, dict(absent.predict(X)))


@pytest.mark.parametrize("penalty", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize(
    "architecture", ["hard_sharing", HardSharing((5,)), "mmoe"], ids=["plain", "towers", "mmoe"]
)
def test_a_network_that_predicts_has_no_penalty(penalty, architecture):
    estimator = net(architecture=architecture, penalties=[penalty]).fit(X, MIXED)
    network = estimator._model.blueprint.network().eval()
    network.load_state_dict(estimator.net_.module_.state_dict())
    assert network(estimator._model.blueprint.trunk.encode(X, owner=estimator), ["mass"]).penalty is None


@pytest.mark.parametrize(
    ("penalty", "message"),
    [(TraceNorm(), "the network has no linear heads"), (RepresentationDropout(0.5), "does not support noise")],
    ids=["weights", "noise"],
)
def test_a_network_that_has_not_what_a_penalty_is_about_is_refused(penalty, message):
    class Bare(Network):
        def forward(self, inputs, tasks):
            return Outputs.of({})

        def represent(self, inputs):
            return None

        def shared_parameters(self):
            return []

    bare = Bare()
    with pytest.raises(ValueError, match=message):
        regularize(bare, [penalty])
    assert regularize(bare, []) is bare
