"""Values of penalties against formulas written with numpy."""

import numpy as np
import pytest
import torch

from sklearn_mtl import Targets
from sklearn_mtl.architectures import MMoE
from sklearn_mtl.penalties import GroupLasso, Orthogonality, TraceNorm
from sklearn_mtl.testing._penalty import random_weights

from .._helpers import assert_same, head_of, inputs, mixed_targets, net

X = inputs()
MIXED = mixed_targets(X, missing=0.2)


def below_each_other(weights):
    return np.concatenate([w.numpy() for w in weights.values()], axis=-2)


def trace_norm(weights):
    return np.linalg.svd(below_each_other(weights), compute_uv=False).sum(axis=-1)


def group_lasso(weights):
    return np.sqrt((below_each_other(weights) ** 2).sum(axis=-2)).sum(axis=-1)


def orthogonality(weights):
    total, names = 0.0, list(weights)
    for position, one in enumerate(names):
        for other in names[position + 1 :]:
            products = np.einsum("...kd,...ld->...kl", weights[one].numpy(), weights[other].numpy())
            total = total + (products**2).sum(axis=(-2, -1))
    return total


FORMULAS = {"trace_norm": (TraceNorm(), trace_norm), "group_lasso": (GroupLasso(), group_lasso),
            "orthogonality": (Orthogonality(), orthogonality)}  # fmt: skip
EVERY = pytest.mark.parametrize(("penalty", "formula"), FORMULAS.values(), ids=FORMULAS.keys())


@EVERY
@pytest.mark.parametrize("members", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_values_are_their_formulas(penalty, formula, members, seed):
    weights = random_weights(*members, seed=seed)
    np.testing.assert_allclose(penalty.value(weights).numpy(), formula(weights), rtol=1e-12)


def test_orthogonal_heads_have_no_penalty():
    weights = {"a": torch.eye(5)[:2], "b": torch.eye(5)[2:3], "c": torch.eye(5)[3:]}
    assert Orthogonality().value(weights) == 0
    # within a task nothing is said
    assert Orthogonality().value({"a": torch.ones(3, 5)}) == 0


def test_the_trace_norm_of_one_direction_is_its_length():
    direction = torch.tensor([[3.0, 4.0]])
    value = TraceNorm().value({"a": direction, "b": -2 * direction})
    assert value.item() == pytest.approx(5 * np.sqrt(5))


# -- what is added to the objective


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
