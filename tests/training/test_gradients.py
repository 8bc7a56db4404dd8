"""Gram matrices and weighted gradients compared with explicit gradients, for every architecture."""

import pytest
import torch
from sklearn.base import clone

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.architectures import PLE, CrossStitch, Grouped, HardSharing, Independent, MMoE, TaskGraph
from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.penalties import GroupLasso, RepresentationDropout, TraceNorm
from sklearn_mtl.training._gradients import backward, gramian_of
from sklearn_mtl.trunks import MLP
from sklearn_mtl.weighting import MGDA, GradNorm, NashMTL, Static

from .._helpers import as_member, inputs, mixed_targets, net

X = inputs(40)
Y = mixed_targets(X, missing=0.2)
TASK_WEIGHTS = {"species": 0.5, "sick": 1.0, "mass": 2.0, "size": 1.5, "tags": 0.7}
GRAPH = {"mass": ["sick", "species"], "tags": ["mass"]}
ARCHITECTURES = {
    "hard_sharing": HardSharing(),
    "towers": HardSharing(tower_sizes=(5,)),
    "bypass": HardSharing(bypass_sizes=(3,), tower_sizes=(4,)),
    "mmoe": MMoE(n_experts=2),
    "ple": PLE(n_shared=2, n_specific=1),
    "ple of two levels": PLE(n_levels=2),
    "cross_stitch": CrossStitch(),
    "groups": Grouped([["mass", "species", "size"], ["sick", "tags"]]),
    "graph": TaskGraph(GRAPH),
    "graph of experts": TaskGraph(GRAPH, transfer="attention", sharing=MMoE(n_experts=2)),
    "independent": Independent(),
}
SHARED = {name: spec for name, spec in ARCHITECTURES.items() if name != "independent"}
# an ensemble that is one network
MEMBERS = {"n_members": 3, "ensemble": "batch"}
OF_MEMBERS = pytest.mark.parametrize("name", ["hard_sharing", "towers", "bypass", "mmoe", "ple", "graph"])
EVERY = pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
EVERY_SHARED = pytest.mark.parametrize("architecture", SHARED.values(), ids=SHARED.keys())


class Step:
    """A network with its objective, and the losses of one batch."""

    def __init__(self, architecture, weighting, **params):
        estimator = MultiTaskNetEstimator(
            architecture=clone(architecture),
            weighting=weighting,
            trunk=MLP((8, 6), dropout=0.0, scaling="standard"),
            task_weights=TASK_WEIGHTS,
            dtype="float64",
            early_stopping=False,
            random_state=0,
            **params,
        )
        member = as_member(estimator, X, Y)
        self.network, self.objective = member.blueprint.network(), member.blueprint.objective()
        self.network.train()
        self.batch = member.data.train.batch(torch.arange(len(X)))
        self.names = self.objective.names

    def run(self, cut=False):
        """Compute outputs and losses anew."""
        set_draws(self.network, torch.Generator().manual_seed(0))
        forward = self.network.forward_cut if cut else self.network
        outputs = forward(self.batch.inputs, self.names)
        return outputs, self.objective(outputs, self.batch.targets, self.batch.weights)

    def explicit(self, tensors_of):
        """Gradients of each task, by separate forward and backward passes."""
        rows = []
        for task in range(len(self.names)):
            outputs, (losses, _) = self.run()
            tensors = tensors_of(outputs)
            gradients = torch.autograd.grad(losses[task], tensors, allow_unused=True)
            rows.append([torch.zeros_like(t) if g is None else g for g, t in zip(gradients, tensors, strict=True)])
        return rows

    def gradients(self):
        """Gradients that the parameters have now, by name."""
        return {name: p.grad for name, p in self.network.named_parameters()}


def flat(rows):
    return torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])


def assert_close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


# -- Gram matrices


@EVERY_SHARED
def test_gramian_at_the_trunk(architecture):
    step = Step(architecture, NashMTL(grad_at="trunk"))
    J = flat(step.explicit(lambda outputs: step.network.shared_parameters()))
    assert_close(gramian_of(step.objective, step.network, *step.run()), J @ J.T)
    assert (J.norm(dim=1) > 0).all()


@EVERY_SHARED
def test_gramian_at_the_representation(architecture):
    step = Step(architecture, NashMTL())
    read = []
    # what more than one task reads last
    step.network.sharing.register_forward_hook(lambda module, args, views: read.append(views.shared))
    J = flat(step.explicit(lambda outputs: read[-1]))
    G = gramian_of(step.objective, step.network, *step.run(cut=True))
    assert_close(G, J @ J.T)
    assert (G.diagonal() > 0).all()
    assert not torch.equal(G, torch.diag(G.diagonal()))


@OF_MEMBERS
@pytest.mark.parametrize("grad_at", ["representation", "trunk"])
def test_gramian_of_members_that_share_weights(name, grad_at):
    step = Step(ARCHITECTURES[name], NashMTL(grad_at=grad_at), **MEMBERS)
    at_trunk, read = grad_at == "trunk", []
    step.network.network.sharing.register_forward_hook(lambda module, args, views: read.append(views.shared))
    J = flat(step.explicit(lambda outputs: step.network.shared_parameters() if at_trunk else read[-1]))
    assert_close(gramian_of(step.objective, step.network, *step.run(cut=not at_trunk)), J @ J.T)


@pytest.mark.parametrize("grad_at", ["representation", "trunk"])
def test_tasks_that_share_nothing_have_no_scalar_products(grad_at):
    step = Step(Independent(), NashMTL(grad_at=grad_at))
    outputs, task_losses = step.run(cut=grad_at == "representation")
    G = gramian_of(step.objective, step.network, outputs, task_losses)
    assert torch.equal(G, torch.diag(G.diagonal()))
    assert (G.diagonal() > 0).all() == (grad_at == "representation")


# -- gradients of a step


def expected_gradients(step, weights):
    """Sum gradients of tasks by hand: weighted for shared parameters, and unweighted for the others."""
    parameters = list(step.network.parameters())
    shared = {id(p) for p in step.network.shared_parameters()}
    rows = step.explicit(lambda outputs: parameters)
    penalty = step.run()[0].penalty
    added = [None] * len(parameters)
    if penalty is not None:
        added = torch.autograd.grad(penalty, parameters, allow_unused=True)
    expected = []
    for position, parameter in enumerate(parameters):
        total = torch.zeros_like(parameter) if added[position] is None else added[position].clone()
        for task, row in enumerate(rows):
            factor = step.objective.task_weights[task] * (weights[task] if id(parameter) in shared else 1)
            total += factor * row[position]
        expected.append(total)
    return expected


def check_backward(step, cut):
    weights = torch.tensor([1.7, 0.2, 3.0, -0.5, 1.1], dtype=torch.float64)
    expected = expected_gradients(step, weights)
    outputs, task_losses = step.run(cut=cut)
    backward(step.objective, step.network, outputs, task_losses, weights)
    loss = step.objective.value(task_losses, weights, outputs.penalty)
    plain = (step.objective.task_weights * task_losses.losses).sum()
    assert_close(loss, plain if outputs.penalty is None else plain + outputs.penalty)
    for (name, gradient), wanted in zip(step.gradients().items(), expected, strict=True):
        gradient = torch.zeros_like(wanted) if gradient is None else gradient
        torch.testing.assert_close(
            gradient, wanted, rtol=1e-9, atol=1e-11, msg=lambda text, name=name: name + text
        )


@EVERY
@pytest.mark.parametrize("grad_at", ["representation", "trunk"])
def test_what_is_shared_is_weighed_and_what_is_private_is_not(architecture, grad_at):
    step = Step(architecture, NashMTL(grad_at=grad_at))
    check_backward(step, cut=grad_at == "representation")


@pytest.mark.parametrize("name", ["hard_sharing", "bypass", "mmoe", "graph"])
@pytest.mark.parametrize("grad_at", ["representation", "trunk"])
def test_penalties_are_added_as_they_are(name, grad_at):
    architecture = clone(ARCHITECTURES[name])
    if name == "mmoe":
        architecture.set_params(load_balancing=0.3)
    penalties = [TraceNorm(0.2), GroupLasso(0.1), RepresentationDropout(0.3)]
    step = Step(architecture, NashMTL(grad_at=grad_at), penalties=penalties)
    assert step.run()[0].penalty > 0
    check_backward(step, cut=grad_at == "representation")


@OF_MEMBERS
@pytest.mark.parametrize("grad_at", ["representation", "trunk"])
def test_what_members_share_is_weighed_and_what_is_private_is_not(name, grad_at):
    penalties = [TraceNorm(0.2), RepresentationDropout(0.3)]
    step = Step(ARCHITECTURES[name], NashMTL(grad_at=grad_at), penalties=penalties, **MEMBERS)
    check_backward(step, cut=grad_at == "representation")


@pytest.mark.parametrize("grad_at", ["representation", "trunk"])
def test_gradients_after_the_gramian_are_those_without_it(grad_at):
    step = Step(HardSharing(), NashMTL(grad_at=grad_at))
    weights = torch.arange(1.0, 6.0, dtype=torch.float64)
    seen = []
    for with_gramian in (True, False):
        step.network.zero_grad()
        outputs, task_losses = step.run(cut=grad_at == "representation")
        if with_gramian:
            gramian_of(step.objective, step.network, outputs, task_losses)
        backward(step.objective, step.network, outputs, task_losses, weights)
        seen.append({name: gradient.clone() for name, gradient in step.gradients().items()})
    for name, gradient in seen[0].items():
        assert_close(gradient, seen[1][name])


def test_weights_of_losses_weigh_everything():
    step = Step(HardSharing(), GradNorm())
    weights = torch.tensor([1.7, 0.2, 3.0, 0.5, 1.1], dtype=torch.float64)
    backward(step.objective, step.network, *step.run(), weights)
    found = step.gradients()
    step.network.zero_grad()
    losses = step.run()[1].losses
    (losses * weights * step.objective.task_weights).sum().backward()
    for name, gradient in step.gradients().items():
        assert_close(found[name], gradient)


# -- fits


def test_a_weighting_that_returns_ones_is_the_plain_sum():
    """As CAGrad of radius 0, here with what Static returns."""

    class Ones(NashMTL):
        def solver(self):
            return lambda gramian: torch.ones(len(gramian), dtype=torch.float64)

    for grad_at in ("representation", "trunk"):
        one = net(weighting=Ones(grad_at=grad_at), dtype="float64").fit(X, Y)
        other = net(weighting=Static(), dtype="float64").fit(X, Y)
        for name, values in one.net_.module_.state_dict().items():
            assert_close(values, other.net_.module_.state_dict()[name])


@pytest.mark.parametrize("grad_at", ["representation", "trunk"])
def test_every_keeps_the_weights_between_two_solutions(grad_at):
    y = Targets({name: values for name, values in mixed_targets(X).items()})
    kept = net(weighting=MGDA(grad_at=grad_at, every=10**6), batch_size=10, max_epochs=2).fit(X, y)
    now = net(weighting=MGDA(grad_at=grad_at), batch_size=10, max_epochs=2).fit(X, y)
    weights = kept.history_.filter(like="weight__").to_numpy()
    assert (abs(weights[0] - weights[1]) < 1e-6).all()
    assert (abs(weights[0] - kept.net_.criterion_.weighting.weights.numpy()) < 1e-6).all()
    assert (abs(weights[0] - 1) > 0.05).any()
    changing = now.history_.filter(like="weight__").to_numpy()
    assert (abs(changing[0] - changing[1]) > 1e-3).any()
    # conflicts are recorded where they were computed
    assert kept.history_["gradient_norm__mass"].notna().tolist() == [True, False]
    assert now.history_["gradient_norm__mass"].notna().tolist() == [True, True]


@pytest.mark.parametrize("freeze", [True, False], ids=["frozen", "free"])
@pytest.mark.parametrize("weighting", [NashMTL(), NashMTL(grad_at="trunk"), GradNorm()], ids=repr)
def test_a_task_can_be_added_to_a_network_whose_gradients_are_weighed(weighting, freeze):
    estimator = net(weighting=clone(weighting), max_epochs=2).fit(X, Y)
    before = estimator.predict(X)["mass"]
    estimator.add_task("new", X, X[:, 0] * 2, freeze=freeze)
    assert (estimator.predict(X)["mass"] == before).all() == freeze
    assert len(estimator.predict(X)["new"]) == len(X)


@pytest.mark.parametrize("weighting", [NashMTL(), NashMTL(grad_at="trunk"), GradNorm()], ids=repr)
def test_training_goes_on_with_a_task_that_was_added(weighting):
    estimator = net(weighting=clone(weighting), max_epochs=2).fit(X, Y).add_task("new", X, X[:, 0] * 2)
    estimator.partial_fit(X, Targets(**Y, new=X[:, 0] * 2))
    assert "weight__new" in estimator.history_
    assert estimator.history_["gradient_norm__new"].iloc[-1] > 0
