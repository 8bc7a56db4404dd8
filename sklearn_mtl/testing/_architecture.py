"""Conformance suite of architectures."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor

from ..architectures import Architecture, Network
from ..tasks import Classification, MultilabelClassification, Regression, Task
from ..trunks import MLP, Trunk
from ..utils._random import Streams
from ..utils._types import RowsLike
from ._conformance import Conformance, assert_close, assert_is_spec, assert_unchanged

ROWS = 9
LABELS: dict[str, tuple[Task, np.ndarray]] = {
    "species": (Classification(), np.arange(ROWS) % 3),
    "mass": (Regression(), np.arange(ROWS, dtype=float)),
    "a.b": (Classification(), np.arange(ROWS) % 2),
    "type": (Regression(loss="huber"), np.arange(2.0 * ROWS).reshape(ROWS, 2)),
    "forward": (MultilabelClassification(), np.eye(ROWS, 4)),
    "rate__2": (Regression(), np.arange(ROWS, dtype=float)),
}
WIDTHS = {"species": 3, "mass": 1, "a.b": 1, "type": 2, "forward": 4, "rate__2": 1}
NAMES = tuple(LABELS)


class ArchitectureConformance(Conformance[Architecture]):
    """Tests that every `Architecture <sklearn_mtl.architectures.Architecture>` must pass.

    Override ``cases`` to return an architecture with each option, by name. They are tested on the tasks
    "species", "mass", "a.b", "type", "forward" and "rate__2"; some of these names cannot be module attributes.

    Examples
    --------
    >>> from sklearn_mtl.architectures import HardSharing
    >>> from sklearn_mtl.testing import ArchitectureConformance
    >>> class TestHardSharing(ArchitectureConformance):
    ...     def cases(self):
    ...         return {"plain": HardSharing(), "towers": HardSharing(tower_sizes=(4,))}
    >>> TestHardSharing().failures()
    {}
    """

    argument: ClassVar[str] = "architecture"

    def inputs(self) -> Any:
        """Return the inputs X of the tests; override it for a table with names."""
        return np.random.default_rng(0).normal(size=(ROWS, 4))

    def tasks_see_each_other(self, architecture: Architecture) -> bool:
        """Return whether the outputs of a task depend on which other tasks exist; override it if they do."""
        return False

    def build(
        self, architecture: Architecture, names: Sequence[str] = NAMES, seed: int = 0
    ) -> tuple[Network, Mapping[str, Any]]:
        """Build the network of some tasks; return it with the encoded inputs."""
        trunk, inputs = fitted_trunk(self.inputs())
        return clone(architecture).build(trunk, fitted_tasks(names), Streams(seed)).eval(), inputs

    # -- a spec

    def test_is_a_spec(self, architecture: Architecture) -> None:
        assert_is_spec(architecture, Architecture, has_defaults=False)

    def test_building_leaves_the_spec_as_it_is(self, architecture: Architecture) -> None:
        trunk, _ = fitted_trunk(self.inputs())
        before = dict(vars(architecture))
        architecture.build(trunk, fitted_tasks(), Streams(0))
        assert_unchanged(before, architecture, "`build`")

    def test_flow_names_every_task_once(self, architecture: Architecture) -> None:
        nodes = [node for column in architecture.flow(list(NAMES)).columns for node in column]
        labels = sorted(node.label for node in nodes if node.kind == "task")
        assert labels == sorted(NAMES), f"`flow` has nodes of the tasks {labels}; expected {sorted(NAMES)}."
        assert len({node.name for node in nodes}) == len(nodes), "two nodes of `flow` have the same name."

    def test_groups_have_every_task_once(self, architecture: Architecture) -> None:
        groups = architecture.groups_among(list(NAMES))
        found = sorted(name for group in groups for name in group)
        assert found == sorted(NAMES), (
            f"`groups_among` returned the groups {groups}; expected each of {NAMES} once."
        )

    # -- the network

    def test_outputs_of_any_task_by_any_name(self, architecture: Architecture) -> None:
        network, inputs = self.build(architecture)
        kind = type(network).__name__
        assert isinstance(network, Network), f"`build` returned {kind}, which does not inherit from Network."
        found = {name: tuple(output.shape) for name, output in network(inputs, list(NAMES)).items()}
        expected = {name: (n_rows(inputs), width) for name, width in WIDTHS.items()}
        assert found == expected, f"the outputs have the shapes {found}; expected {expected}."

    def test_rows_are_independent(self, architecture: Architecture) -> None:
        network, inputs = self.build(architecture)
        whole = network(inputs, list(NAMES))
        for row in range(n_rows(inputs)):
            alone = network({name: values[row : row + 1] for name, values in inputs.items()}, list(NAMES))
            for name in NAMES:
                assert_close(alone[name][0], whole[name][row], f"a row of task {name!r} depends on other rows.")

    def test_some_tasks_come_out_as_they_do_among_all(self, architecture: Architecture) -> None:
        network, inputs = self.build(architecture)
        whole = network(inputs, list(NAMES))
        for chosen in (["mass"], ["species", "forward"], ["rate__2", "a.b"]):
            some = network(inputs, chosen)
            assert set(some) == set(chosen), f"the network returned the tasks {list(some)}; expected {chosen}."
            for name in chosen:
                assert_close(some[name], whole[name], f"task {name!r} has other outputs when computed alone.")

    def test_order_of_the_wanted_tasks_does_not_matter(self, architecture: Architecture) -> None:
        network, inputs = self.build(architecture)
        forward, backward = network(inputs, list(NAMES)), network(inputs, list(NAMES)[::-1])
        for name in NAMES:
            same = torch.equal(forward[name], backward[name])
            assert same, f"outputs of task {name!r} depend on the order of the tasks in the call."

    def test_representation_is_as_wide_as_announced(self, architecture: Architecture) -> None:
        network, inputs = self.build(architecture)
        found = tuple(network.represent(inputs).sample.shape)
        expected = (n_rows(inputs), network.representation_width)
        assert found == expected, f"`represent` returns shape {found}; expected {expected}."

    # -- weights

    def test_weights_come_from_the_streams_only(self, architecture: Architecture) -> None:
        before = torch.get_rng_state()
        first, again = self.build(architecture)[0], self.build(architecture)[0]
        same = equal_states(first.state_dict(), again.state_dict())
        assert same, "two networks of equal streams differ; draw all weights from the streams."
        unmoved = torch.equal(torch.get_rng_state(), before)
        assert unmoved, "weights are drawn from torch's global generator; draw them from the streams."
        other = dict(self.build(architecture, seed=1)[0].named_parameters())
        for name, parameter in first.named_parameters():
            if parameter.unique().numel() > 2:  # others start at constants, such as the weights of a mixture
                differs = not torch.equal(parameter, other[name])
                assert differs, f"parameter {name!r} does not depend on the streams."

    def test_a_task_starts_alike_whatever_other_tasks_there_are(self, architecture: Architecture) -> None:
        if self.tasks_see_each_other(architecture):
            raise SkipTest("outputs of a task depend on the other tasks")
        network, inputs = self.build(architecture)
        whole = network(inputs, list(NAMES))
        for name in NAMES:
            alone, _ = self.build(architecture, [name])
            what = f"task {name!r} starts differently without other tasks; draw its own weights by its name."
            assert_close(alone(inputs, [name])[name], whole[name], what)

    def test_every_parameter_learns_from_some_task(self, architecture: Architecture) -> None:
        network, inputs = self.build(architecture)
        for name, gradient in gradients(network, network(inputs, list(NAMES)).values()).items():
            learns = gradient is not None and bool(gradient.any())
            assert learns, f"parameter {name!r} gets no gradient from any task; use it or remove it."

    def test_shared_parameters_are_those_that_more_than_one_task_uses(self, architecture: Architecture) -> None:
        network, inputs = self.build(architecture, ["mass", "species"])
        users = {task: gradients(network, [network(inputs, [task])[task]]) for task in ("mass", "species")}
        names = {id(p): name for name, p in network.named_parameters()}
        shared = network.shared_parameters()
        known = all(id(p) in names for p in shared)
        assert known, "`shared_parameters` lists tensors that are not parameters of the network."
        listed = [names[id(p)] for p in shared]
        assert len(set(listed)) == len(listed), "`shared_parameters` lists a parameter twice."
        for name in listed:
            for task, gradient in users.items():
                used = gradient[name] is not None and gradient[name].any()
                assert used, f"`shared_parameters` lists {name!r}, which task {task!r} does not use."

    def test_state_can_be_loaded_into_a_new_network(self, architecture: Architecture) -> None:
        network, inputs = self.build(architecture)
        other, _ = self.build(architecture, seed=1)
        other.load_state_dict(copy.deepcopy(network.state_dict()))
        for name, output in network(inputs, list(NAMES)).items():
            same = torch.equal(other(inputs, list(NAMES))[name], output)
            assert same, f"task {name!r} has other outputs after `load_state_dict`; store all state in buffers."


def fitted_tasks(names: Sequence[str] = NAMES) -> dict[str, Task]:
    """Fit some of the tasks."""
    return {name: clone(LABELS[name][0]).fit(LABELS[name][1]) for name in names}


def fitted_trunk(X: RowsLike) -> tuple[Trunk, Mapping[str, Any]]:
    """Fit a small trunk; return it with the encoded inputs."""
    owner = BaseEstimator()
    trunk = MLP(hidden_sizes=(8, 6)).fit(X, owner=owner)
    return trunk, trunk.encode(X, owner=owner)


def n_rows(inputs: Mapping[str, Any]) -> int:
    """Count the rows of encoded inputs."""
    return len(next(iter(inputs.values())))


def gradients(network: Network, outputs: Iterable[Tensor]) -> dict[str, Any]:
    """Backpropagate the sum of some outputs; return the gradient of each parameter, None where there is none."""
    network.zero_grad()
    torch.stack([output.square().sum() for output in outputs]).sum().backward()
    return {name: p.grad for name, p in network.named_parameters()}


def equal_states(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Compare two states bit by bit."""
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)
