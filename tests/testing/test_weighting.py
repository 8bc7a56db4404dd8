"""Faults planted in a weighting, which the suite must find."""

import pytest
import torch
from torch import nn

from sklearn_mtl.testing import WeightingConformance
from sklearn_mtl.weighting import Weighting, WeightingModule

from .suites import failing_tests


class Module(WeightingModule):
    """Weights that a function computes of the losses and of which tasks are present."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, losses, present, gramian):
        return self.function(losses, present)


class Inverse(Weighting):
    """The right one: weights are the inverse losses."""

    def build(self, tasks):
        return Module(lambda losses, present: torch.where(present, 1 / losses.detach().clamp(min=1e-6), 0.0))


class InfiniteWhereAbsent(Weighting):
    def build(self, tasks):
        return Module(lambda losses, present: 1 / losses.detach())


class WithGradient(Weighting):
    def build(self, tasks):
        return Module(lambda losses, present: 1 / losses.clamp(min=1e-6))


class OneWeightTooMany(Weighting):
    def build(self, tasks):
        return Module(lambda losses, present: torch.ones(len(tasks) + 1))


class AcrossMembers(Weighting):
    def build(self, tasks):
        return Module(lambda losses, present: losses.detach() / losses.detach().mean())


class InPlace(Weighting):
    def build(self, tasks):
        return Module(lambda losses, present: losses.detach().mul_(2.0))


class OfItsOwnDtype(Weighting):
    def build(self, tasks):
        return Module(lambda losses, present: torch.ones(len(tasks)))


class RemembersItsModule(Inverse):
    def build(self, tasks):
        self.module_ = super().build(tasks)
        return self.module_


class WithParameters(Inverse):
    def build(self, tasks):
        module = super().build(tasks)
        module.learned = nn.Parameter(torch.ones(len(tasks)))
        return module


FAULTS = [
    (OneWeightTooMany, "test_weights_fit_the_losses"),
    (InfiniteWhereAbsent, "test_a_task_that_is_absent_leaves_finite_weights"),
    (WithGradient, "test_weights_are_free_of_gradient"),
    (AcrossMembers, "test_weights_of_each_member_are_its_own"),
    (InPlace, "test_losses_are_not_written_to"),
    (OfItsOwnDtype, "test_module_follows_the_dtype"),
    (RemembersItsModule, "test_building_leaves_the_spec_as_it_is"),
    (WithParameters, "test_module_has_no_parameters"),
]


@pytest.mark.parametrize(("weighting", "test"), FAULTS, ids=[weighting.__name__ for weighting, _ in FAULTS])
def test_faults_are_found(weighting, test):
    assert test in failing_tests(WeightingConformance, weighting())


def test_what_the_faults_are_planted_in_passes():
    assert failing_tests(WeightingConformance, Inverse()) == set()
