import copy
import pickle

import pytest
import torch
from torch import nn

from sklearn_mtl.architectures import HardSharing, TaskGraph
from sklearn_mtl.nn._layers import Dropout, Linear
from sklearn_mtl.nn._stacking import (
    SideBySide,
    has_member_axis,
    keep_members,
    member_state,
    per_member,
    stack_networks,
    structure_of,
)
from sklearn_mtl.trunks import MLP
from sklearn_mtl.utils._random import Streams

ROWS, WIDTH = 5, 3


class Shift(nn.Module):
    """A parameter without axes, a buffer, and missing tensors."""

    def __init__(self, seed):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0 + seed))
        self.register_buffer("shift", torch.full((WIDTH,), float(seed)))
        self.register_buffer("nothing", None, persistent=False)
        self.register_parameter("none", None)

    def forward(self, x):
        return x * self.scale[..., None, None] + self.shift.unsqueeze(-2)


def net(seed, p=0.0, width=4):
    first = Linear(WIDTH, width, Streams(seed).generator("first"))
    second = Linear(width, 2, Streams(seed).generator("second"))
    return nn.Sequential(Shift(seed), first, nn.ReLU(), Dropout(p), nn.Sequential(second))


def nets(n_nets=3, **params):
    return [net(seed, **params) for seed in range(n_nets)]


def rows(*axes):
    return torch.randn(*axes, ROWS, WIDTH, generator=torch.Generator().manual_seed(0))


def equal(one, other):
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


# -- stacked networks


@pytest.mark.parametrize("members", [[0], [0, 1, 2], [2, 0], [1, 1, 0, 1]], ids=str)
def test_member_of_a_stack_is_the_network_it_starts_from(members):
    networks = nets()
    stacked = stack_networks(networks, members)
    outputs = stacked(rows())
    assert outputs.shape == (len(members), ROWS, 2)
    for member, number in enumerate(members):
        assert equal(member_state(stacked, member), networks[number].state_dict())
        torch.testing.assert_close(outputs[member], networks[number](rows()))


def test_a_stack_shares_no_memory_with_its_networks():
    networks = nets()
    before = copy.deepcopy(networks[0].state_dict())
    stacked = stack_networks(networks, [0, 0])
    with torch.no_grad():
        for tensor in stacked.state_dict().values():
            tensor[0] += 1
    assert equal(networks[0].state_dict(), before)
    assert equal(member_state(stacked, 1), before)


def test_the_state_of_a_member_is_a_copy_that_a_network_loads():
    networks = nets()
    stacked, fresh = stack_networks(networks, [0, 1, 2]), net(7)
    state = member_state(stacked, 1)
    fresh.load_state_dict(state)
    torch.testing.assert_close(fresh(rows()), networks[1](rows()))
    state["1.weight"].zero_()
    assert equal(member_state(stacked, 1), networks[1].state_dict())


def test_parameters_of_a_stack_are_leaves_that_learn():
    stacked = stack_networks(nets(), [0, 1, 2])
    stacked(rows())[1].sum().backward()
    for parameter in stacked.parameters():
        assert parameter.is_leaf
        assert parameter.grad[1].any()
        assert not parameter.grad[[0, 2]].any()


@pytest.mark.parametrize("mode", [True, False], ids=["training", "evaluation"])
def test_a_stack_is_in_the_mode_of_its_networks(mode):
    networks = [network.train(mode) for network in nets()]
    assert all(module.training is mode for module in stack_networks(networks, [0, 1]).modules())


def test_networks_differ_in_dropout():
    networks = [net(0, p=p) for p in (0.1, 0.5)]
    assert stack_networks(networks, [1, 1])[3].p == 0.5
    assert stack_networks(networks, [1, 0, 1])[3].p.flatten().tolist() == pytest.approx([0.5, 0.1, 0.5])


@pytest.mark.parametrize("kept", [[0], [2, 0], [0, 1, 2]], ids=str)
def test_members_that_are_kept_are_as_if_the_others_had_never_been(kept):
    networks = [net(seed, p=p) for seed, p in enumerate((0.1, 0.2, 0.5))]
    stacked = stack_networks(networks, [0, 1, 2])
    keep_members(stacked, torch.tensor(kept))
    expected = stack_networks(networks, kept)
    assert equal(stacked.state_dict(), expected.state_dict())
    assert torch.as_tensor(stacked[3].p).flatten().tolist() == pytest.approx([(0.1, 0.2, 0.5)[i] for i in kept])
    torch.testing.assert_close(stacked.eval()(rows()), expected.eval()(rows()))


def test_a_common_dropout_stays_a_number():
    stacked = stack_networks(nets(p=0.3), [0, 1, 2])
    keep_members(stacked, torch.tensor([1]))
    assert stacked[3].p == 0.3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_hyperparameters_by_member(dtype):
    assert per_member([0.5, 0.5], dtype, torch.device("cpu")) == 0.5
    assert per_member([None, None], dtype, torch.device("cpu")) is None
    values = per_member([1, 0.5], dtype, torch.device("cpu"))
    assert (values.shape, values.dtype) == ((2, 1, 1), dtype)
    assert values.flatten().tolist() == [1.0, 0.5]


# -- structure


def test_structure_does_not_depend_on_values():
    assert structure_of(net(0)) == structure_of(net(1))
    assert hash(structure_of(net(0))) == hash(structure_of(net(1)))


class OtherReLU(nn.ReLU):
    pass


@pytest.mark.parametrize(
    "change",
    [
        lambda network: net(0, width=5),
        lambda network: network.append(nn.ReLU()),
        lambda network: network[:2].append(OtherReLU()).extend(network[3:]),
        lambda network: nn.ModuleDict({"a": network}),
        lambda network: network[0].register_buffer("more", torch.zeros(1)) or network,
    ],
    ids=["width", "module", "type", "path", "buffer"],
)
def test_structure_is_modules_and_shapes(change):
    assert structure_of(change(net(0))) != structure_of(net(0))


class Silent(MLP):
    pass


class Outspoken(Silent):
    member_axis = True


class ForeignArchitecture(HardSharing):
    pass


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (MLP(), True),
        (Silent(), False),
        (Outspoken(), True),
        (HardSharing(), True),
        (ForeignArchitecture(), False),
        (TaskGraph({}), True),
        (TaskGraph({}, sharing=ForeignArchitecture()), False),
    ],
    ids=repr,
)
def test_a_spec_speaks_for_itself_only(spec, says):
    assert has_member_axis(spec) is says


# -- stacked modules


CHOSEN = {"all": [0, 1, 2], "one": [1], "two": [0, 2], "other order": [2, 0, 1], "twice": [1, 1]}


@pytest.mark.parametrize("shared", [False, True], ids=["inputs of each", "inputs of all"])
@pytest.mark.parametrize("chosen", [None, *CHOSEN.values()], ids=["None", *CHOSEN])
def test_modules_side_by_side_compute_what_each_computes(chosen, shared):
    networks = nets()
    numbers = [0, 1, 2] if chosen is None else chosen
    x = rows(1 if shared else len(numbers))
    outputs = SideBySide(networks)(x, None if chosen is None else torch.tensor(chosen))
    assert outputs.shape == (len(numbers), ROWS, 2)
    for position, number in enumerate(numbers):
        torch.testing.assert_close(outputs[position], networks[number](x[0 if shared else position]))


@pytest.mark.parametrize("chosen", [None, *CHOSEN.values()], ids=["None", *CHOSEN])
def test_members_stand_in_front_of_modules_side_by_side(chosen):
    of_members = [[net(10 * member + seed) for seed in range(3)] for member in range(2)]
    stacked = stack_networks([SideBySide(networks) for networks in of_members], [0, 1])
    numbers = [0, 1, 2] if chosen is None else chosen
    x = rows(2, len(numbers))
    outputs = stacked(x, None if chosen is None else torch.tensor(chosen))
    assert outputs.shape == (2, len(numbers), ROWS, 2)
    for member, networks in enumerate(of_members):
        for position, number in enumerate(numbers):
            torch.testing.assert_close(outputs[member, position], networks[number](x[member, position]))


def test_only_the_chosen_modules_learn():
    bank = SideBySide(nets())
    bank(rows(1), torch.tensor([2, 0])).square().sum().backward()
    for parameter in bank.parameters():
        assert parameter.grad[[0, 2]].reshape(2, -1).any(dim=1).all()
        assert not parameter.grad[1].any()


def test_gradients_are_those_of_the_modules_alone():
    networks = nets()
    bank = SideBySide(networks)
    bank(rows(1), torch.tensor([1])).square().sum().backward()
    networks[1](rows()).square().sum().backward()
    for name, parameter in bank.stacked.named_parameters():
        torch.testing.assert_close(parameter.grad[1], networks[1].get_parameter(name).grad)


def test_choosing_leaves_the_modules_as_they_are():
    bank = SideBySide(nets())
    modules = {name: (module, dict(vars(module))) for name, module in bank.named_modules()}
    tensors = {name: (id(tensor), tensor.clone()) for name, tensor in bank.state_dict(keep_vars=True).items()}
    bank(rows(1), torch.tensor([1]))
    for name, module in bank.named_modules():
        assert module is modules[name][0]
        assert all(vars(module)[key] is value for key, value in modules[name][1].items())
    for name, tensor in bank.state_dict(keep_vars=True).items():
        assert id(tensor) == tensors[name][0]
        assert torch.equal(tensor, tensors[name][1])


def test_a_module_that_stands_in_two_places_is_one_in_both():
    def twice(seed):
        layer = Linear(WIDTH, WIDTH, Streams(seed).generator("layer"))
        return nn.Sequential(layer, nn.ReLU(), layer)

    networks = [twice(seed) for seed in range(3)]
    bank = SideBySide(networks)
    assert len(list(bank.parameters())) == 2
    for chosen in (None, torch.tensor([2, 0])):
        outputs = bank(rows(1), chosen)
        for position, number in enumerate([0, 1, 2] if chosen is None else [2, 0]):
            torch.testing.assert_close(outputs[position], networks[number](rows()))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda bank: pickle.loads(pickle.dumps(bank))], ids=["copy", "pickle"]
)
def test_a_copy_computes_the_same(copied):
    bank = SideBySide(nets())
    assert torch.equal(copied(bank)(rows(1), torch.tensor([1])), bank(rows(1), torch.tensor([1])))
