"""Faults planted in an architecture, which the suite must find."""

import pytest
import torch
from torch import nn

from sklearn_mtl.architectures import HardSharing, NetworkWrapper, Outputs
from sklearn_mtl.testing import ArchitectureConformance

from .suites import failing_tests


class Planted(NetworkWrapper):
    """A network with outputs that a function changes."""

    def __init__(self, network, change=lambda outputs, inputs: outputs):
        super().__init__(network)
        self.change = change

    def forward(self, inputs, tasks):
        return Outputs.of(self.change(dict(self.network(inputs, tasks)), inputs))


class AllTasksAlways(HardSharing):
    def build(self, trunk, tasks, streams):
        class Everything(Planted):
            def forward(self, inputs, _):
                return self.network(inputs, list(tasks))

        return Everything(super().build(trunk, tasks, streams))


class CentredInTheBatch(HardSharing):
    def build(self, trunk, tasks, streams):
        def centre(outputs, _):
            return {name: output - output.mean(dim=0) for name, output in outputs.items()}

        return Planted(super().build(trunk, tasks, streams), centre)


class TasksAddUp(HardSharing):
    def build(self, trunk, tasks, streams):
        def add(outputs, _):
            total = sum(output.sum(dim=-1, keepdim=True) for output in outputs.values())
            return {name: output + total for name, output in outputs.items()}

        return Planted(super().build(trunk, tasks, streams), add)


class OneStreamForAllHeads(HardSharing):
    def build(self, trunk, tasks, streams):
        network = super().build(trunk, tasks, streams)
        generator = streams.generator("heads")
        with torch.no_grad():
            for parameter in network.heads.parameters():
                parameter.normal_(generator=generator)
        return network


class GlobalGenerator(HardSharing):
    def build(self, trunk, tasks, streams):
        network = super().build(trunk, tasks, streams)
        with torch.no_grad():
            next(network.parameters()).normal_()
        return network


class IdleParameter(HardSharing):
    def build(self, trunk, tasks, streams):
        network = Planted(super().build(trunk, tasks, streams))
        network.idle = nn.Parameter(torch.zeros(3))
        return network


class SharesWhatNoTaskUses(HardSharing):
    def build(self, trunk, tasks, streams):
        class Shared(Planted):
            def shared_parameters(self):
                return [*self.network.shared_parameters(), self.idle]

        network = Shared(super().build(trunk, tasks, streams))
        network.idle = nn.Parameter(torch.zeros(3))
        return network


class RemembersItsNetwork(HardSharing):
    def build(self, trunk, tasks, streams):
        self.network_ = super().build(trunk, tasks, streams)
        return self.network_


class WrongWidth(HardSharing):
    def build(self, trunk, tasks, streams):
        network = Planted(super().build(trunk, tasks, streams))
        network.representation_width += 1
        return network


class StateOutsideOfBuffers(HardSharing):
    def build(self, trunk, tasks, streams):
        shift = torch.randn(1, generator=streams.generator("shift"))

        def move(outputs, _):
            return {name: output + shift for name, output in outputs.items()}

        return Planted(super().build(trunk, tasks, streams), move)


class FlowWithoutTasks(HardSharing):
    def flow(self, tasks):
        return super().flow(list(tasks)[1:])


FAULTS = [
    (AllTasksAlways, "test_some_tasks_come_out_as_they_do_among_all"),
    (CentredInTheBatch, "test_rows_are_independent"),
    (TasksAddUp, "test_some_tasks_come_out_as_they_do_among_all"),
    (TasksAddUp, "test_a_task_starts_alike_whatever_other_tasks_there_are"),
    (OneStreamForAllHeads, "test_a_task_starts_alike_whatever_other_tasks_there_are"),
    (GlobalGenerator, "test_weights_come_from_the_streams_only"),
    (IdleParameter, "test_every_parameter_learns_from_some_task"),
    (SharesWhatNoTaskUses, "test_shared_parameters_are_those_that_more_than_one_task_uses"),
    (RemembersItsNetwork, "test_building_leaves_the_spec_as_it_is"),
    (WrongWidth, "test_representation_is_as_wide_as_announced"),
    (StateOutsideOfBuffers, "test_state_can_be_loaded_into_a_new_network"),
    (FlowWithoutTasks, "test_flow_names_every_task_once"),
]


@pytest.mark.parametrize(
    ("architecture", "test"), FAULTS, ids=[f"{spec.__name__}-{test}" for spec, test in FAULTS]
)
def test_faults_are_found(architecture, test):
    assert test in failing_tests(ArchitectureConformance, architecture())


def test_what_the_faults_are_planted_in_passes():
    assert failing_tests(ArchitectureConformance, HardSharing()) == set()
