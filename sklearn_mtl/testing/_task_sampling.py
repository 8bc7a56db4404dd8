"""Conformance suite of task samplings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ..sampling import TaskSampling
from ._conformance import Conformance, assert_is_spec, assert_unchanged

SIZES = (200, 0, 30, 1)
WITH_ROWS = {0, 2, 3}


class TaskSamplingConformance(Conformance[TaskSampling]):
    """Tests that every `TaskSampling <sklearn_mtl.sampling.TaskSampling>` must pass.

    Override ``cases`` to return a sampling with each option, by name.

    Attributes
    ----------
    every_task_has_its_turn : bool
        Whether each task with rows is planned in the long run; False for a sampling that may leave out tasks.

    Examples
    --------
    >>> from sklearn_mtl.sampling import TemperatureSampling
    >>> from sklearn_mtl.testing import TaskSamplingConformance
    >>> class TestTemperatureSampling(TaskSamplingConformance):
    ...     def cases(self):
    ...         return {"cold": TemperatureSampling(1.0), "hot": TemperatureSampling(5.0)}
    >>> TestTemperatureSampling().failures()
    {}
    """

    argument: ClassVar[str] = "sampling"
    every_task_has_its_turn: ClassVar[bool] = True

    def test_is_a_spec(self, sampling: TaskSampling) -> None:
        assert_is_spec(sampling, TaskSampling)

    def test_planning_leaves_the_spec_as_it_is(self, sampling: TaskSampling) -> None:
        before = dict(vars(sampling))
        plan_of(sampling, SIZES)
        assert_unchanged(before, sampling, "`plan`")

    def test_plans_one_task_for_each_step(self, sampling: TaskSampling) -> None:
        for n_steps in (1, 3, 50):
            plan = plan_of(sampling, SIZES, n_steps=n_steps)
            found = tuple(plan.shape)
            assert found == (n_steps,), f"the plan of {n_steps} steps has shape {found}; expected {(n_steps,)}."
            assert plan.dtype == torch.int64, f"the plan is {plan.dtype}; expected torch.int64."

    def test_a_task_without_rows_is_never_planned(self, sampling: TaskSampling) -> None:
        for sizes, with_rows in [(SIZES, WITH_ROWS), ((0, 5, 0, 0), {1})]:
            wrong = set(plan_of(sampling, sizes).tolist()) - with_rows
            assert not wrong, f"the plan has the tasks {wrong}, which have no rows: sizes are {sizes}."

    def test_every_task_with_rows_is_planned(self, sampling: TaskSampling) -> None:
        if self.every_task_has_its_turn:
            left_out = WITH_ROWS - set(plan_of(sampling, SIZES, n_steps=5000).tolist())
            assert not left_out, (
                f"5000 steps leave out the tasks {left_out}; set every_task_has_its_turn=False if intended."
            )

    def test_plan_is_that_of_its_generator(self, sampling: TaskSampling) -> None:
        state = torch.get_rng_state()
        same = torch.equal(plan_of(sampling, SIZES), plan_of(sampling, SIZES))
        assert same, "two plans of equal generators differ; draw from the argument `generator`."
        unmoved = torch.equal(torch.get_rng_state(), state)
        assert unmoved, "`plan` draws from torch's global generator; draw from the argument `generator`."

    def test_extreme_losses_leave_a_plan(self, sampling: TaskSampling) -> None:
        for progress in ([1e-30, 1e30, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]):
            wrong = set(plan_of(sampling, (10, 10, 10, 10), progress).tolist()) - {0, 1, 2, 3}
            assert not wrong, f"for the progress {progress} of four tasks, the plan has the tasks {wrong}."


def plan_of(
    sampling: TaskSampling,
    sizes: Sequence[float],
    progress: Sequence[float] | None = None,
    n_steps: int = 1000,
    seed: int = 0,
) -> Tensor:
    """Plan the tasks of the steps of an epoch."""
    made = torch.ones(len(sizes)) if progress is None else torch.tensor(progress)
    generator = torch.Generator().manual_seed(seed)
    return sampling.plan(torch.tensor(sizes, dtype=torch.float32), made.double(), n_steps, generator)
