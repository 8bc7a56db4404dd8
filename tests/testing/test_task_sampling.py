"""Faults planted in a task sampling, which the suite must find."""

import pytest
import torch

from sklearn_mtl.sampling import ProportionalSampling, TaskSampling
from sklearn_mtl.testing import TaskSamplingConformance

from .suites import failing_tests


class AnyTask(TaskSampling):
    def plan(self, sizes, progress, n_steps, generator):
        return torch.randint(len(sizes), (n_steps,), generator=generator)


class GlobalGenerator(TaskSampling):
    def plan(self, sizes, progress, n_steps, generator):
        return torch.multinomial(sizes, n_steps, replacement=True)


class OneStepMore(ProportionalSampling):
    def plan(self, sizes, progress, n_steps, generator):
        return super().plan(sizes, progress, n_steps + 1, generator)


class SmallIntegers(ProportionalSampling):
    def plan(self, sizes, progress, n_steps, generator):
        return super().plan(sizes, progress, n_steps, generator).to(torch.int8)


class LargestOnly(TaskSampling):
    def plan(self, sizes, progress, n_steps, generator):
        return sizes.argmax().repeat(n_steps)


class RemembersItsPlan(ProportionalSampling):
    def plan(self, sizes, progress, n_steps, generator):
        self.plan_ = super().plan(sizes, progress, n_steps, generator)
        return self.plan_


class PastTheLastTask(ProportionalSampling):
    def plan(self, sizes, progress, n_steps, generator):
        plan = super().plan(sizes, progress, n_steps, generator)
        return plan + (progress > 1e10).any()


FAULTS = [
    (AnyTask, "test_a_task_without_rows_is_never_planned"),
    (GlobalGenerator, "test_plan_is_that_of_its_generator"),
    (OneStepMore, "test_plans_one_task_for_each_step"),
    (SmallIntegers, "test_plans_one_task_for_each_step"),
    (LargestOnly, "test_every_task_with_rows_is_planned"),
    (RemembersItsPlan, "test_planning_leaves_the_spec_as_it_is"),
    (PastTheLastTask, "test_extreme_losses_leave_a_plan"),
]


@pytest.mark.parametrize(("sampling", "test"), FAULTS, ids=[sampling.__name__ for sampling, _ in FAULTS])
def test_faults_are_found(sampling, test):
    assert test in failing_tests(TaskSamplingConformance, sampling())


def test_a_sampling_may_leave_out_tasks_where_that_is_said():
    class Suite(TaskSamplingConformance):
        every_task_has_its_turn = False

    assert failing_tests(TaskSamplingConformance, LargestOnly()) == {"test_every_task_with_rows_is_planned"}
    assert failing_tests(Suite, LargestOnly()) == set()


def test_what_the_faults_are_planted_in_passes():
    assert failing_tests(TaskSamplingConformance, ProportionalSampling()) == set()
