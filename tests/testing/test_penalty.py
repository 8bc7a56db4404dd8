"""Faults planted in penalties, which the suites must find."""

import pytest
import torch
from torch import nn

from sklearn_mtl.penalties import Penalty, WeightPenalty
from sklearn_mtl.testing import PenaltyConformance, WeightPenaltyConformance

from .suites import failing_tests


class Ridge(WeightPenalty):
    """The right one: the sum of the squared weights."""

    def __init__(self, strength=0.1):
        self.strength = strength

    def value(self, weights):
        return sum(w.square().sum(dim=(-2, -1)) for w in weights.values())


class StrengthTwice(Ridge):
    def value(self, weights):
        return self.strength * super().value(weights)


class SumOverMembers(Ridge):
    def value(self, weights):
        return sum(w.square().sum() for w in weights.values())


class MembersMixed(Ridge):
    def value(self, weights):
        value = super().value(weights)
        return value + value.mean()


class ByPosition(Ridge):
    def value(self, weights):
        return sum(i * w.square().sum(dim=(-2, -1)) for i, w in enumerate(weights.values(), start=1))


class RootWithoutCare(Ridge):
    def value(self, weights):
        return sum(w.square().sum(dim=(-2, -1)).sqrt() for w in weights.values())


class GradientOfAnother(Ridge):
    def value(self, weights):
        true = super().value(weights)
        return (2 * true) - true.detach()


class GrowsTheOtherWay(Ridge):
    def value(self, weights):
        return 1 / (1 + super().value(weights))


class NeedsTwoTasks(Ridge):
    def value(self, weights):
        value = super().value(weights)
        return value if len(weights) > 1 else value * torch.nan


class RemembersItsValue(Ridge):
    def value(self, weights):
        self.value_ = super().value(weights)
        return self.value_


class Idle(Ridge):
    def value(self, weights):
        return 0 * super().value(weights)


FAULTS = [
    (StrengthTwice, "test_value_knows_nothing_of_the_strength"),
    (SumOverMembers, "test_value_is_one_number_per_member"),
    (MembersMixed, "test_value_of_each_member_is_its_own"),
    (ByPosition, "test_order_of_tasks_does_not_matter"),
    (RootWithoutCare, "test_gradient_is_finite_where_the_value_has_a_kink"),
    (GradientOfAnother, "test_gradient_is_that_of_the_value"),
    (GrowsTheOtherWay, "test_value_grows_with_the_weights"),
    (NeedsTwoTasks, "test_one_task_is_enough"),
    (RemembersItsValue, "test_use_leaves_the_spec_as_it_is"),
    (Idle, "test_changes_the_fit_reproducibly"),
]


@pytest.mark.parametrize(("penalty", "test"), FAULTS, ids=[penalty.__name__ for penalty, _ in FAULTS])
def test_faults_are_found(penalty, test):
    assert test in failing_tests(WeightPenaltyConformance, penalty())


def test_what_the_faults_are_planted_in_passes():
    assert failing_tests(WeightPenaltyConformance, Ridge()) == set()


class GlobalNoise(Penalty):
    def __init__(self, p=0.3):
        self.p = p

    def noise(self):
        return nn.Dropout(self.p)


class Nothing(Penalty):
    def __init__(self, p=0.3):
        self.p = p


@pytest.mark.parametrize(
    ("penalty", "test"),
    [(GlobalNoise, "test_changes_the_fit_reproducibly"), (Nothing, "test_does_something")],
    ids=["global noise", "nothing"],
)
def test_faults_of_noise_are_found(penalty, test):
    assert test in failing_tests(PenaltyConformance, penalty())
