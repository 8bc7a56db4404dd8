"""A blueprint: everything that a network can be built from again."""

from dataclasses import replace

import pytest
import torch

from sklearn_mtl.architectures import CrossStitch, MMoE
from sklearn_mtl.model._blueprint import check_shareable
from sklearn_mtl.nn._stacking import member_state
from sklearn_mtl.tasks import Regression

from .._helpers import inputs, mixed_targets, net

X = inputs(40)
Y = mixed_targets(X)


def blueprint(**params):
    return net(max_epochs=1, **params).fit(X, Y)._model.blueprint


def state(network):
    return network.state_dict()


def assert_equal(one, other):
    assert list(one) == list(other)
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("params", [{}, {"n_members": 3}, {"n_members": 2, "ensemble": "batch"}], ids=str)
def test_the_same_network_is_built_each_time(params):
    made = blueprint(**params)
    before = torch.get_rng_state()
    assert_equal(state(made.network()), state(made.network()))
    assert torch.equal(torch.get_rng_state(), before)


def test_another_seed_makes_other_weights():
    made = blueprint()
    one, other = state(made.network()), state(replace(made, seed=made.seed + 1).network())
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_members_are_the_networks_of_their_own_blueprints():
    made = blueprint(n_members=3)
    assert len({made.member(number).seed for number in range(3)} | {made.seed}) == 4
    stacked = made.network()
    for number in range(3):
        alone = made.member(number)
        assert alone.n_members == 1
        assert_equal(member_state(stacked, number), state(alone.network()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_are_of_the_dtype(dtype):
    made = blueprint(dtype=dtype)
    assert {parameter.dtype for parameter in made.network().parameters()} == {getattr(torch, dtype)}


def test_tasks_with_a_weight_are_trained_and_others_have_heads():
    made = blueprint(task_weights={"mass": 0})
    assert made.active == [name for name in Y if name != "mass"]
    encoded = made.trunk.encode(X, owner=net().fit(X, Y))
    outputs = made.network().eval()(encoded, list(Y))
    assert set(outputs) == set(Y)
    assert replace(made, focus=("mass",)).active == ["mass"]


def test_a_task_that_is_added_leaves_the_others_as_they_were():
    made = blueprint()
    task = Regression().fit(X[:, 0])
    more = replace(
        made,
        tasks={**made.tasks, "new": task},
        task_weights={**made.task_weights, "new": 1.0},
        added=("new",),
    )
    encoded = made.trunk.encode(X, owner=net().fit(X, Y))
    before, after = made.network().eval()(encoded, list(Y)), more.network().eval()(encoded, [*Y, "new"])
    assert after["new"].shape == (len(X), 1)
    for name in Y:
        torch.testing.assert_close(after[name], before[name], rtol=0, atol=0)


@pytest.mark.parametrize("architecture", ["hard_sharing", MMoE(n_experts=2)], ids=str)
def test_members_can_share_weights(architecture):
    check_shareable(blueprint(architecture=architecture))


def test_members_of_layers_without_a_member_axis_cannot_share_weights():
    class Own(CrossStitch):
        pass

    made = replace(blueprint(), architecture=Own())
    with pytest.raises(ValueError, match="not all of its layers support a member axis"):
        check_shareable(made)
