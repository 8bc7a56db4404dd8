"""What every task sampling must hold: subclass `TaskSamplingConformance` and override its fixture ``sampling``."""

import pickle

import pytest
import torch
from sklearn.base import clone

from sklearn_mtl.sampling import TaskSampling


def plan_of(sampling, sizes, progress=None, n_steps=1000, seed=0):
    """Tasks of the steps of an epoch."""
    sizes = torch.tensor(sizes, dtype=torch.float32)
    progress = torch.ones(len(sizes)) if progress is None else torch.tensor(progress)
    return sampling.plan(sizes, progress.double(), n_steps, torch.Generator().manual_seed(seed))


class TaskSamplingConformance:
    """The contract of `sklearn_mtl.sampling.TaskSampling`."""

    sizes = (200, 0, 30, 1)

    @pytest.fixture
    def sampling(self):
        raise NotImplementedError("override the fixture with a TaskSampling")

    def test_is_a_spec(self, sampling):
        assert isinstance(type(sampling)(), TaskSampling)
        assert clone(sampling).get_params() == sampling.get_params()
        assert pickle.loads(pickle.dumps(sampling)).get_params() == sampling.get_params()

    def test_planning_leaves_the_spec_as_it_is(self, sampling):
        before = dict(vars(sampling))
        plan_of(sampling, self.sizes)
        assert vars(sampling) == before

    @pytest.mark.parametrize("n_steps", [1, 3, 50])
    def test_plans_one_task_for_each_step(self, sampling, n_steps):
        plan = plan_of(sampling, self.sizes, n_steps=n_steps)
        assert plan.shape == (n_steps,)
        assert plan.dtype == torch.int64
        assert set(plan.tolist()) <= {0, 2, 3}

    def test_a_task_without_rows_is_never_planned(self, sampling):
        assert set(plan_of(sampling, (0, 5, 0, 0)).tolist()) == {1}

    def test_every_task_with_rows_has_its_turn(self, sampling):
        assert set(plan_of(sampling, self.sizes, n_steps=5000).tolist()) == {0, 2, 3}

    def test_plan_is_that_of_its_generator(self, sampling):
        state = torch.get_rng_state()
        one = plan_of(sampling, self.sizes)
        assert torch.equal(one, plan_of(sampling, self.sizes))
        assert torch.equal(torch.get_rng_state(), state)

    @pytest.mark.parametrize("progress", [[1e-30, 1e30, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]], ids=str)
    def test_extreme_losses_leave_a_plan(self, sampling, progress):
        assert set(plan_of(sampling, (10, 10, 10, 10), progress).tolist()) <= {0, 1, 2, 3}
