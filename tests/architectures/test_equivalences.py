"""Architectures that are equal for some hyperparameters, and their computations written as loops."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    CrossStitch,
    Grouped,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
)
from sklearn_mtl.architectures._bodies import Bodies, Stems
from sklearn_mtl.architectures._heads import Heads
from sklearn_mtl.architectures._mixing import imbalance, mix, mix_own
from sklearn_mtl.architectures._subspaces import subspace_overlap
from sklearn_mtl.architectures._units import Gates, LinearBank, MLPBank
from sklearn_mtl.architectures._views import Views
from sklearn_mtl.nn._layers import Linear
from sklearn_mtl.tasks import Regression
from sklearn_mtl.testing._architecture import LABELS, fitted_tasks
from sklearn_mtl.trunks import MLP, Representation, StemOutput
from sklearn_mtl.utils._random import Streams

from ..model.test_vmapped import Foreign
from .cases import X, fitted_trunk

NAMES = list(LABELS)
ROWS, WIDTH = 7, 5


def built(architecture, trunk=None, names=tuple(LABELS)):
    """Build the network of an architecture from the same seed as all others, in float64."""
    spec, inputs = fitted_trunk() if trunk is None else trunk
    network = architecture.build(spec, fitted_tasks(names), Streams(0)).double().eval()
    return network, {name: x.double() if x.is_floating_point() else x for name, x in inputs.items()}


def outputs(architecture, **options):
    network, inputs = built(architecture, **options)
    return dict(network(inputs, NAMES))


def assert_close(one, other, tolerance=1e-12):
    assert set(one) == set(other)
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=tolerance)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# -- initial networks


EQUIVALENT = {
    "one expert is hard sharing": (MMoE(n_experts=1), HardSharing()),
    "one expert with towers": (MMoE(n_experts=1, tower_sizes=(5,)), HardSharing(tower_sizes=(5,))),
    "no experts of tasks is a mixture": (PLE(n_shared=3, n_specific=0), MMoE(n_experts=3)),
    "the same with sparse gates": (
        PLE(n_shared=3, n_specific=0, temperature=0.3, top_k=2),
        MMoE(n_experts=3, temperature=0.3, top_k=2),
    ),
    "one shared expert only is hard sharing": (PLE(n_shared=1, n_specific=0), HardSharing()),
    "no stitches is no sharing": (CrossStitch(self_weight=1), Independent()),
    "no stitches, with towers": (CrossStitch(self_weight=1.0, tower_sizes=(5,)), Independent(tower_sizes=(5,))),
    "all experts of a mixture": (MMoE(n_experts=3, top_k=3), MMoE(n_experts=3)),
    "more than all experts": (PLE(top_k=9), PLE()),
    "all experts of all tasks": (AdaTT(n_experts=2, top_k=12), AdaTT(n_experts=2)),
    "private nets start alike": (Independent(), HardSharing()),
    "one group is hard sharing": (Grouped([NAMES], tower_sizes=(5,)), HardSharing(tower_sizes=(5,))),
    "groups of one task share nothing": (Grouped([[name] for name in NAMES]), Independent()),
}


@pytest.mark.parametrize(("one", "other"), EQUIVALENT.values(), ids=EQUIVALENT.keys())
def test_the_same_network_under_two_names(one, other):
    assert_close(outputs(one), outputs(other))


@pytest.mark.parametrize("architecture", [MMoE(n_experts=3), PLE(n_specific=2), AdaTT(n_experts=2)], ids=repr)
def test_with_fewer_experts_per_row_another_network(architecture):
    sparse = type(architecture)(**{**architecture.get_params(), "top_k": 1})
    assert not torch.allclose(outputs(architecture)["mass"], outputs(sparse)["mass"])


# -- whole fits


def rows(categories, seed=0, n_rows=60):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_rows, 4)), columns=list("abcd"))
    if categories:
        X["kind"] = pd.Categorical(rng.choice(["u", "v", "w"], n_rows))
    number = np.where(rng.random(n_rows) < 0.3, np.nan, X["a"] * X["b"])
    return X, Targets(number=number, three=X.to_numpy()[:, :3].argmax(axis=1), two=X["a"].to_numpy() > 0)


def fit(architecture, X, y, **params):
    estimator = MultiTaskNetEstimator(
        architecture=architecture, trunk=MLP((6, 5), scaling="standard"), dtype="float64", early_stopping=False,
        max_epochs=4, batch_size=16, learning_rate=1e-2, random_state=0,
    )  # fmt: skip
    return estimator.set_params(**params).fit(X, y)


def computed(estimator, X):
    return estimator._model.outputs(X, estimator.task_names_, estimator)


def assert_same_fit(one, other, X):
    one, other = computed(one, X), computed(other, X)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("categories", [False, True], ids=["numbers", "with a category"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MMoE(n_experts=1), HardSharing()),
        (MMoE(n_experts=1, tower_sizes=(4,)), HardSharing(tower_sizes=(4,))),
        (PLE(n_shared=2, n_specific=0), MMoE(n_experts=2)),
        (PLE(n_shared=2, n_specific=0, load_balancing=0.5), MMoE(n_experts=2, load_balancing=0.5)),
    ],
    ids=["one expert", "one expert with towers", "no experts of tasks", "balanced"],
)
def test_the_same_fit_under_two_names(one, other, categories):
    X, y = rows(categories)
    assert_same_fit(fit(one, X, y), fit(other, X, y), X)


@pytest.mark.parametrize("categories", [False, True], ids=["numbers", "with a category"])
@pytest.mark.parametrize("sizes", [(), (4,)], ids=["heads", "towers"])
def test_independent_nets_are_the_fits_of_single_tasks(categories, sizes):
    X, y = rows(categories)
    for name in y:  # the first task has the initial weights that it would have alone
        others = {other: labels for other, labels in y.items() if other != name}
        together = computed(fit(Independent(tower_sizes=sizes), X, Targets({name: y[name], **others})), X)
        alone = computed(fit(HardSharing(tower_sizes=sizes), X, Targets({name: y[name]})), X)
        np.testing.assert_allclose(together[name], alone[name], rtol=0, atol=1e-8)


@pytest.mark.parametrize("categories", [False, True], ids=["numbers", "with a category"])
@pytest.mark.parametrize("sizes", [(), (4,)], ids=["heads", "towers"])
@pytest.mark.parametrize("group", [["number", "two"], ["three", "number"]], ids=",".join)
def test_the_network_of_a_group_is_the_fit_of_its_tasks_alone(group, categories, sizes):
    X, y = rows(categories)
    others = [name for name in y if name not in group]
    # the first tasks have the initial weights that they would have alone
    ordered = Targets({name: y[name] for name in (*group, *others)})
    together = computed(fit(Grouped([others, group], tower_sizes=sizes), X, ordered), X)
    alone = computed(fit(HardSharing(tower_sizes=sizes), X, Targets({name: y[name] for name in group})), X)
    for name in group:
        np.testing.assert_allclose(together[name], alone[name], rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("groups", "other"),
    [([["number", "three", "two"]], HardSharing()), ([["two"], ["number"], ["three"]], Independent())],
    ids=["one group", "groups of one task"],
)
def test_the_extremes_of_groups_are_other_architectures(groups, other):
    X, y = rows(categories=True)
    assert_same_fit(fit(Grouped(groups), X, y), fit(other, X, y), X)


def test_independent_nets_differ_from_hard_sharing_after_training():
    X, y = rows(categories=True)
    one, other = (computed(fit(spec, X, y), X) for spec in (Independent(), HardSharing()))
    assert not np.allclose(one["number"], other["number"], atol=1e-3)


def test_a_stitched_fit_is_no_longer_independent():
    X, y = rows(categories=False)
    one, other = (computed(fit(spec, X, y), X) for spec in (CrossStitch(self_weight=1), Independent()))
    assert not np.allclose(one["number"], other["number"], atol=1e-6)


# -- gates


def gates(**options):
    defaults = {"temperature": 1.0, "top_k": None}
    return Gates(NAMES, WIDTH, 4, Streams(0), **{**defaults, **options}).double()


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_each_row_uses_exactly_k_experts_and_those_with_the_largest_gates(top_k):
    x = random(1, 50, WIDTH)
    sparse, dense = gates(top_k=top_k)(x), gates()(x)
    assert ((sparse > 0).sum(dim=-1) == top_k).all()
    torch.testing.assert_close(sparse.sum(dim=-1), torch.ones(len(NAMES), 50, dtype=torch.float64))
    kept = dense * (sparse > 0)
    torch.testing.assert_close(sparse, kept / kept.sum(dim=-1, keepdim=True))
    smallest_kept = torch.where(sparse > 0, dense, 2.0).amin(dim=-1)
    largest_dropped = torch.where(sparse > 0, -1.0, dense).amax(dim=-1)
    assert (smallest_kept >= largest_dropped).all()


@pytest.mark.parametrize("top_k", [4, 5])
def test_as_many_gates_as_experts_is_no_limit(top_k):
    x = random(1, 20, WIDTH)
    assert torch.equal(gates(top_k=top_k)(x), gates()(x))


def test_gates_are_a_softmax_of_a_map_of_each_task():
    module, x = gates(temperature=0.7), random(1, 20, WIDTH)
    for task, name in enumerate(NAMES):
        logits = x[0] @ module.logits.weight[task].T + module.logits.bias[task]
        torch.testing.assert_close(module(x)[task], torch.softmax(logits / 0.7, dim=-1))
        torch.testing.assert_close(module(x, [name])[0], module(x)[task])


def test_dropped_gates_have_no_gradient_and_it_is_finite():
    module, x = gates(top_k=1), random(1, 20, WIDTH).requires_grad_()
    module(x).square().sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("architecture", [MMoE(temperature=1e9), PLE(n_specific=0, temperature=1e9)], ids=repr)
def test_hot_gates_take_the_mean_of_the_experts(architecture):
    network, inputs = built(architecture)
    views = network.sharing(inputs, NAMES).representation.sample
    experts = network.represent(inputs).sample.unflatten(-1, (-1, views.shape[-1]))
    for view in views:
        torch.testing.assert_close(view, experts.mean(dim=-2), rtol=0, atol=1e-7)


def test_cold_gates_take_one_expert():
    module, x = gates(temperature=1e-6), random(1, 30, WIDTH)
    torch.testing.assert_close(module(x).amax(dim=-1), torch.ones(len(NAMES), 30, dtype=torch.float64))


def test_imbalance_is_the_squared_variation_of_what_experts_are_used():
    weights = torch.softmax(random(2, 3, 9, 4), dim=-1)
    for member, value in enumerate(imbalance(weights)):
        used = weights[member].numpy().sum(axis=(0, 1))
        assert value.item() == pytest.approx((used.std() / used.mean()) ** 2)
    assert imbalance(torch.full((3, 9, 4), 0.25)).item() == 0
    one_for_all = torch.zeros(3, 9, 4)
    one_for_all[..., 0] = 1
    assert imbalance(one_for_all).item() == pytest.approx(3)


# -- mixtures


@pytest.mark.parametrize("axes", [(), (2,)], ids=["one", "members"])
def test_a_mixture_is_a_weighted_sum_for_each_task_and_row(axes):
    weights = random(*axes, 3, ROWS, 4)
    experts = Representation(random(*axes, 4, ROWS, WIDTH), random(*axes, 4, ROWS, 2, WIDTH, seed=1))
    mixed = mix(weights, experts)
    torch.testing.assert_close(mixed.sample, torch.einsum("...tbe,...ebd->...tbd", weights, experts.sample))
    torch.testing.assert_close(mixed.token, torch.einsum("...tbe,...ebld->...tbld", weights, experts.token))


@pytest.mark.parametrize("axes", [(), (2,)], ids=["one", "members"])
def test_a_mixture_of_own_experts_takes_those_of_the_task_only(axes):
    weights = random(*axes, 3, ROWS, 2)
    experts = Representation(random(*axes, 6, ROWS, WIDTH), random(*axes, 6, ROWS, 4, WIDTH, seed=1))
    mixed = mix_own(weights, experts)
    for task in range(3):
        for what, values in (("sample", mixed.sample), ("token", mixed.token)):
            end = -3 if what == "sample" else -4
            expected = 0
            for number in range(2):
                weight = weights.select(-3, task)[..., number, None]
                weight = weight if what == "sample" else weight[..., None]
                expected = expected + weight * getattr(experts, what).select(end, 2 * task + number)
            torch.testing.assert_close(values.select(end, task), expected)


# -- formulas of whole architectures


def trained_like(network):
    """Move all parameters away from their special starting values."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)


def fused_by_loops(level, x_of_task, expert):
    """Sum experts for each task as the formula of AdaTT says."""
    names, n_experts = level.names, level.n_experts
    own, logits = level.own.detach().numpy(), level.gates.logits
    weight, bias = logits.weight.detach().numpy(), logits.bias.detach().numpy()
    experts = [
        [expert(task * n_experts + number, x_of_task[task]) for number in range(n_experts)]
        for task in range(len(names))
    ]
    result = []
    for task in range(len(names)):
        scores = x_of_task[task] @ weight[task].T + bias[task]
        gate = np.exp(scores - scores.max(axis=1, keepdims=True))
        gate /= gate.sum(axis=1, keepdims=True)
        view = np.zeros_like(experts[0][0])
        for other in range(len(names)):
            for number in range(n_experts):
                view += gate[:, other * n_experts + number, None] * experts[other][number]
        for number in range(n_experts):
            view += own[task, number] * experts[task][number]
        result.append(view)
    return result


def layers_of(bodies, number):
    """Return the linear layers of one of several bodies of an MLP."""
    stages = bodies.bodies.stacked.stages
    return [(stage[0].weight[number].detach().numpy(), stage[0].bias[number].detach().numpy()) for stage in stages]


def through(layers, x):
    for weight, bias in layers:
        x = np.maximum(x @ weight.T + bias, 0)
    return x


@pytest.mark.parametrize("n_experts", [1, 2])
@pytest.mark.parametrize("n_levels", [1, 2, 3])
def test_adatt_is_its_formula(n_experts, n_levels):
    network, inputs = built(AdaTT(n_experts=n_experts, n_levels=n_levels))
    trained_like(network)
    sharing = network.sharing
    x = [sharing.stem(inputs).values.detach().numpy()] * len(NAMES)
    for level in sharing.levels:
        experts = level.experts.experts
        if isinstance(experts, Bodies):
            x = fused_by_loops(level, x, lambda number, rows, e=experts: through(layers_of(e, number), rows))
        else:
            weight, bias = experts.weight.detach().numpy(), experts.bias.detach().numpy()
            x = fused_by_loops(level, x, lambda n, rows, w=weight, b=bias: through([(w[n], b[n])], rows))
    views = sharing(inputs, sharing.names).representation.sample.detach().numpy()
    np.testing.assert_allclose(views, np.stack(x), atol=1e-12)


@pytest.mark.parametrize("n_specific", [0, 1, 2])
@pytest.mark.parametrize("n_levels", [1, 2, 3])
def test_ple_is_its_formula(n_specific, n_levels):
    network, inputs = built(PLE(n_shared=2, n_specific=n_specific, n_levels=n_levels))
    trained_like(network)
    sharing = network.sharing
    stem = sharing.stem(inputs).values.detach()
    tasks, shared = [stem] * len(NAMES), stem

    def expert(bank, number, rows):
        if isinstance(bank.experts, Bodies):
            return torch.from_numpy(through(layers_of(bank.experts, number), rows.numpy()))
        return torch.relu(rows @ bank.experts.weight[number].T + bank.experts.bias[number])

    def gated(gate, number, rows, experts):
        weights = torch.softmax(rows @ gate.logits.weight[number].T + gate.logits.bias[number], dim=-1)
        return sum(weights[:, [i]] * one for i, one in enumerate(experts))

    with torch.no_grad():
        for number, level in enumerate(sharing.levels):
            common = [expert(level.shared, i, shared) for i in range(2)]
            own = [
                [expert(level.private, task * n_specific + i, tasks[task]) for i in range(n_specific)]
                for task in range(len(NAMES))
            ]
            mixed = [gated(level.gates, task, tasks[task], [*own[task], *common]) for task in range(len(NAMES))]
            if number < n_levels - 1:
                everything = [one for experts in own for one in experts] + common
                shared = gated(level.shared_gate, 0, shared, everything)
            tasks = mixed
        views = sharing(inputs, sharing.names).representation.sample
    torch.testing.assert_close(views, torch.stack(tasks))


@pytest.mark.parametrize("groups", [None, [["a", "d"], [1, 2]]], ids=["all columns", "groups"])
def test_subspaces_are_their_formula(groups):
    network, inputs = built(SubspaceSharing(orthogonality=0.3, column_groups=groups))
    sharing = network.sharing
    x = sharing.stem(inputs).values.detach().numpy()
    # the stem gives a, b, c and then the embedding of d
    masks = [np.ones(x.shape[1])] if groups is None else [np.r_[1, 0, 0, np.ones(8)], np.r_[0, 1, 1, np.zeros(8)]]
    shared = np.hstack([through(layers_of(sharing.shared, i), x * mask) for i, mask in enumerate(masks)])
    private = [through(layers_of(sharing.private, task), x) for task in range(len(NAMES))]
    penalty = np.mean([overlap(shared, one) for one in private])

    views = network.train().sharing(inputs, sharing.names)
    expected = np.stack([np.hstack([shared, one]) for one in private])
    np.testing.assert_allclose(views.representation.sample.detach().numpy(), expected, atol=1e-12)
    assert views.penalty.item() == pytest.approx(0.3 * penalty)
    assert network.eval().sharing(inputs, sharing.names).penalty is None
    np.testing.assert_allclose(network.represent(inputs).sample.detach().numpy(), shared, atol=1e-12)


def overlap(shared, private):
    """Sum the squared scalar products of all pairs of columns, of centred rows of length 1."""
    one, other = (x - x.mean(axis=0) for x in (shared, private))
    one, other = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (one, other))
    products = [(one[:, i] * other[:, j]).sum() ** 2 for i in range(one.shape[1]) for j in range(other.shape[1])]
    return sum(products) / len(one) ** 2


def test_the_overlap_of_members_is_that_of_each():
    one, other = random(3, ROWS, WIDTH), random(3, ROWS, 4, seed=1)
    for member, value in enumerate(subspace_overlap(one, other)):
        assert value.item() == pytest.approx(overlap(one[member].numpy(), other[member].numpy()))


def test_the_overlap_of_nothing_is_zero_with_a_finite_gradient():
    nothing = torch.zeros(ROWS, WIDTH, requires_grad=True)
    value = subspace_overlap(nothing, torch.ones(ROWS, 3))
    value.backward()
    assert value.item() == 0
    assert torch.isfinite(nothing.grad).all()


@pytest.mark.parametrize("sizes", [(8,), (8, 6)], ids=["one stage", "two stages"])
def test_cross_stitch_mixes_after_each_stage(sizes):
    owner = BaseEstimator()
    trunk = MLP(sizes).fit(X, owner=owner)
    network, inputs = built(CrossStitch(self_weight=0.7), trunk=(trunk, trunk.encode(X, owner=owner)))
    trained_like(network)
    sharing = network.sharing
    assert sharing.stitches.shape == (len(sizes), len(NAMES), len(NAMES))
    x = [stem.detach().numpy() for stem in sharing.stems(inputs).values]
    for stage in range(len(sizes)):
        x = [through([layers_of(sharing.bodies, task)[stage]], rows) for task, rows in enumerate(x)]
        alpha = sharing.stitches[stage].detach().numpy()
        x = [sum(alpha[task, other] * x[other] for other in range(len(NAMES))) for task in range(len(NAMES))]
    views = sharing(inputs, sharing.names).representation.sample.detach().numpy()
    np.testing.assert_allclose(views, np.stack(x), atol=1e-12)


@pytest.mark.parametrize(("weight", "others"), [(0.9, 0.02), (1.0, 0.0), (0.0, 0.2)])
def test_stitches_start_as_announced(weight, others):
    (stitches,) = built(CrossStitch(self_weight=weight))[0].sharing.stitches[:1]
    expected = torch.full((6, 6), others, dtype=torch.float64).fill_diagonal_(weight)
    torch.testing.assert_close(stitches.detach(), expected, rtol=0, atol=1e-7)


def test_a_bypass_is_a_net_of_the_task_beside_the_trunk():
    network, inputs = built(HardSharing(bypass_sizes=(5, 3)))
    sharing = network.sharing
    x = sharing.stem(inputs)
    for task, view in enumerate(sharing(inputs, network.heads.task_names).representation.sample):
        layers = [(m.weight[task].detach().numpy(), m.bias[task].detach().numpy()) for m in sharing.bypass.layers]
        beside = torch.from_numpy(through(layers, x.values.detach().numpy()))
        torch.testing.assert_close(view, torch.cat([sharing.body(x).sample, beside], dim=-1))


# -- batched parts and loops over them


CHOSEN = {"all": [0, 1, 2], "one": [1], "two": [0, 2], "other order": [2, 0]}


@pytest.mark.parametrize("chosen", CHOSEN.values(), ids=CHOSEN.keys())
@pytest.mark.parametrize("shared", [False, True], ids=["inputs of each", "inputs of all"])
def test_a_bank_is_a_map_for_each_task(chosen, shared):
    streams, names = Streams(0), ["a", "b", "c"]
    bank = LinearBank(names, WIDTH, 3, streams, "some", "purpose").double()
    x = random(1 if shared else len(chosen), ROWS, WIDTH)
    result = bank(x, [names[i] for i in chosen])
    for position, task in enumerate(chosen):
        linear = Linear(WIDTH, 3, streams.generator("some", "purpose", names[task])).double()
        torch.testing.assert_close(result[position], linear(x[0 if shared else position]))


@pytest.mark.parametrize("chosen", CHOSEN.values(), ids=CHOSEN.keys())
@pytest.mark.parametrize("sizes", [(), (4,), (4, 6)], ids=["no layer", "one layer", "two layers"])
def test_a_bank_of_nets_is_a_net_for_each_task(chosen, sizes):
    streams, names = Streams(0), ["a", "b", "c"]
    bank = MLPBank(names, WIDTH, sizes, streams, "tower").double()
    x = random(len(chosen), ROWS, WIDTH)
    result = bank(x, [names[i] for i in chosen])
    assert bank.width == result.shape[-1]
    for position, task in enumerate(chosen):
        alone = x[position]
        for level, (n_in, n_out) in enumerate(pairwise((WIDTH, *sizes))):
            linear = Linear(n_in, n_out, streams.generator("tower", level, names[task])).double()
            alone = torch.relu(linear(alone))
        torch.testing.assert_close(result[position], alone)


@pytest.mark.parametrize("chosen", [*CHOSEN.values(), None], ids=[*CHOSEN, "None"])
@pytest.mark.parametrize("trunk", [MLP((8, 6)), MLP(()), Foreign((6,))], ids=["MLP", "no layers", "foreign"])
@pytest.mark.parametrize("shared", [False, True], ids=["inputs of each", "inputs of all"])
def test_bodies_side_by_side_are_those_of_the_trunk(chosen, trunk, shared):
    trunk, streams, names = trunk.fit(X, owner=BaseEstimator()), Streams(0), ["body", "body 1", "other"]
    bodies = Bodies(trunk, streams, names).double()
    numbers = chosen or [0, 1, 2]
    x = random(1 if shared else len(numbers), ROWS, trunk.stem_width_)
    result = bodies(StemOutput(x), None if chosen is None else torch.tensor(chosen)).sample
    assert result.shape == (len(numbers), ROWS, trunk.width_)
    for position, number in enumerate(numbers):
        alone = trunk.body(streams, names[number]).double()(StemOutput(x[0 if shared else position])).sample
        torch.testing.assert_close(result[position], alone)


@pytest.mark.parametrize("chosen", [*CHOSEN.values(), None], ids=[*CHOSEN, "None"])
@pytest.mark.parametrize("spec", [MLP((6,)), Foreign((6,))], ids=["MLP", "foreign"])
def test_stems_that_learn_are_one_for_each(chosen, spec):
    owner = BaseEstimator()
    trunk = spec.fit(X, owner=owner)
    stems, inputs = Stems(trunk, Streams(0), 3), trunk.encode(X, owner=owner)
    inputs = {name: values if name == "categorical" else values.float() for name, values in inputs.items()}
    trained_like(stems)
    result = stems(inputs, None if chosen is None else torch.tensor(chosen)).values
    for position, number in enumerate(chosen or [0, 1, 2]):
        alone = trunk.stem(Streams(0))
        if isinstance(stems.stems, torch.nn.ModuleList):
            alone = stems.stems[number]
        else:
            alone.load_state_dict({n: values[number] for n, values in stems.stems.stacked.state_dict().items()})
        torch.testing.assert_close(result[position], alone(inputs).values)


def test_a_stem_that_learns_nothing_serves_all():
    owner = BaseEstimator()
    numbers = X[["a", "b"]].to_numpy(np.float32)
    trunk = MLP((6,), scaling="standard").fit(numbers, owner=owner)
    stems, inputs = Stems(trunk, Streams(0), 3), trunk.encode(numbers, owner=owner)
    assert not list(stems.parameters())
    result = stems(inputs, torch.tensor([0, 2])).values
    assert result.shape == (1, len(X), 2)
    torch.testing.assert_close(result[0], trunk.stem(Streams(0))(inputs).values)


@pytest.mark.parametrize("axes", [(), (2,)], ids=["one", "members"])
@pytest.mark.parametrize("chosen", CHOSEN.values(), ids=CHOSEN.keys())
@pytest.mark.parametrize("widths", [(1, 1, 1), (2, 2, 2), (1, 3, 2)], ids=["equal", "wide", "unequal"])
def test_heads_read_the_view_of_their_own_task(axes, chosen, widths):
    names = ["a", "b", "c"]
    tasks = {
        n: Regression().fit(np.zeros((4, w)) + np.arange(4.0)[:, None]) for n, w in zip(names, widths, strict=True)
    }
    heads, views = Heads(tasks, WIDTH, Streams(0)).double(), random(*axes, 3, ROWS, WIDTH)
    if axes:
        for product in heads.products:
            product.weight = torch.nn.Parameter(torch.stack([product.weight, 2 * product.weight]).detach())
            product.bias = torch.nn.Parameter(torch.stack([product.bias, 3 + product.bias]).detach())
    result = heads(Views(tuple(names), Representation(views)), [names[i] for i in chosen])
    assert set(result) == {names[i] for i in chosen}
    for i in chosen:
        alone = tasks[names[i]].head(WIDTH, Streams(0).generator("head", names[i])).double()
        for member in range(2) if axes else [()]:
            weight, bias = (alone.weight * 2, alone.bias + 3) if member == 1 else (alone.weight, alone.bias)
            expected = views[member][i] @ weight.T + bias if axes else views[i] @ weight.T + bias
            got = result[names[i]][member] if axes else result[names[i]]
            torch.testing.assert_close(got, expected)


class Twin(Foreign):
    """The foreign trunk's layers of the package, without a member axis: computed one body after the other."""

    def body(self, streams, name="body"):
        return MLP.body(self, streams, name)


EVERY = {
    "hard_sharing": HardSharing(bypass_sizes=(3,), tower_sizes=(5,)),
    "independent": Independent(),
    "groups": Grouped([["species", "mass", "a.b"], ["forward"], ["type", "rate__2"]]),
    "cross_stitch": CrossStitch(),
    "subspaces": SubspaceSharing(column_groups=[["a", "d"], [1, 2]]),
    "mmoe": MMoE(),
    "ple": PLE(n_levels=2, n_specific=2),
    "adatt": AdaTT(n_levels=2, n_experts=2),
}


@pytest.mark.parametrize("architecture", EVERY.values(), ids=EVERY.keys())
@pytest.mark.parametrize("chosen", [NAMES, ["mass"], ["rate__2", "a.b"]], ids=["all", "one", "two"])
def test_a_trunk_without_member_axis_computes_the_same(architecture, chosen):
    owner = BaseEstimator()
    networks = []
    for spec in (MLP((8, 6)), Twin((8, 6))):
        trunk = spec.fit(X, owner=owner)
        networks.append(built(architecture, trunk=(trunk, trunk.encode(X, owner=owner))))
    (one, inputs), (other, _) = networks
    assert_close(dict(one(inputs, chosen)), dict(other(inputs, chosen)))
    torch.testing.assert_close(one.represent(inputs).sample, other.represent(inputs).sample)


@pytest.mark.parametrize("architecture", [Independent(), MMoE(n_experts=2)], ids=repr)
def test_a_trunk_without_member_axis_is_fitted_alike(architecture):
    X, y = rows(categories=True)
    one, other = (fit(architecture, X, y, trunk=trunk((6, 5))) for trunk in (MLP, Twin))
    assert_same_fit(one, other, X)
