"""What every weighting must hold: subclass `WeightingConformance` and override its fixture ``weighting``."""

import pickle

import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.weighting import Weighting

TASKS = {
    "a": Regression(),
    "b": Classification(),
    "c": Regression(),
    "d": Classification(),
}


def random_losses(*members, seed=0):
    return torch.rand(*members, len(TASKS), generator=torch.Generator().manual_seed(seed)) + 0.1


def random_gramian(*members, seed=0):
    generator = torch.Generator().manual_seed(seed)
    gradients = torch.randn(*members, len(TASKS), 10, generator=generator)
    return gradients @ gradients.mT


class WeightingConformance:
    """The contract of `sklearn_mtl.weighting.Weighting`."""

    @pytest.fixture
    def weighting(self):
        raise NotImplementedError("override the fixture with a Weighting")

    @pytest.fixture
    def weigh(self, weighting):
        """Weigh losses with a module that is built anew."""

        def weigh(losses, present=None):
            members = losses.shape[:-1]
            gramian = random_gramian(*members) if weighting.needs_gramian else None
            present = torch.ones(losses.shape, dtype=torch.bool) if present is None else present
            return clone(weighting).build(TASKS)(losses, present, gramian)

        return weigh

    def test_is_a_spec(self, weighting):
        assert isinstance(type(weighting)(), Weighting)
        assert isinstance(weighting.needs_gramian, bool)
        assert clone(weighting).get_params() == weighting.get_params()
        assert pickle.loads(pickle.dumps(weighting)).get_params() == weighting.get_params()

    def test_building_leaves_the_spec_as_it_is(self, weighting):
        before = dict(vars(weighting))
        assert isinstance(weighting.build(TASKS), nn.Module)
        assert vars(weighting) == before

    @pytest.mark.parametrize("members", [(), (1,), (3,), (2, 3)])
    def test_weights_fit_the_losses(self, weigh, members):
        losses = random_losses(*members)
        weights = weigh(losses)
        assert torch.broadcast_shapes(weights.shape, losses.shape) == losses.shape
        assert torch.isfinite(weights).all()

    def test_weights_of_each_member_are_its_own(self, weighting):
        losses, gramian = random_losses(3), random_gramian(3) if weighting.needs_gramian else None
        present = torch.ones(3, len(TASKS), dtype=torch.bool)
        together = clone(weighting).build(TASKS)(losses, present, gramian).expand(3, len(TASKS))
        for member in range(3):
            one = None if gramian is None else gramian[member]
            alone = clone(weighting).build(TASKS)(losses[member], present[member], one)
            torch.testing.assert_close(together[member], alone.expand(len(TASKS)))

    def test_weights_are_free_of_gradient(self, weigh):
        assert not weigh(random_losses().requires_grad_()).requires_grad

    def test_losses_are_not_written_to(self, weigh):
        losses = random_losses()
        weigh(losses)
        assert torch.equal(losses, random_losses())

    @pytest.mark.parametrize("absent", [0, 3])
    def test_a_task_that_is_absent_leaves_finite_weights(self, weigh, absent):
        losses = random_losses()
        losses[absent] = 0
        assert torch.isfinite(weigh(losses, losses > 0)).all()

    def test_state_can_be_loaded_into_a_new_module(self, weighting):
        module = weighting.build(TASKS)
        clone(weighting).build(TASKS).load_state_dict(module.state_dict())

    def test_module_follows_the_dtype(self, weighting):
        losses = random_losses().double()
        gramian = random_gramian().double() if weighting.needs_gramian else None
        module = weighting.build(TASKS).to(torch.float64)
        assert module(losses, torch.ones(len(TASKS), dtype=torch.bool), gramian).dtype == torch.float64
