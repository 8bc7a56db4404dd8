"""What every penalty must hold: subclass `PenaltyConformance` and override its fixture ``penalty``."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_mtl.architectures import HardSharing
from sklearn_mtl.penalties import Penalty, WeightPenalty, penalty_name

from .._helpers import inputs, mixed_targets, net

WIDTHS = {"a": 1, "b.c": 3, "type": 2, "d": 1}
FEATURES = 6


def random_weights(*members, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: scale * torch.randn(*members, width, FEATURES, generator=generator, dtype=torch.float64)
        for name, width in WIDTHS.items()
    }


class PenaltyConformance:
    """The contract of `sklearn_mtl.penalties.Penalty`."""

    @pytest.fixture
    def penalty(self):
        raise NotImplementedError("override the fixture with a Penalty")

    # -- a spec

    def test_is_a_spec(self, penalty):
        assert isinstance(type(penalty)(), Penalty)
        assert clone(penalty).get_params() == penalty.get_params()
        assert repr(pickle.loads(pickle.dumps(penalty))) == repr(penalty)
        assert set(penalty.stackable_params) <= set(penalty.get_params())

    def test_does_something(self, penalty):
        assert isinstance(penalty, WeightPenalty) != isinstance(penalty.noise(), nn.Module)

    def test_use_leaves_the_spec_as_it_is(self, penalty):
        before = dict(vars(penalty))
        penalty.noise()
        if isinstance(penalty, WeightPenalty):
            penalty.value(random_weights())
        assert vars(penalty) == before

    # -- in a fit

    @pytest.mark.parametrize(
        "architecture", ["hard_sharing", HardSharing((5,)), "mmoe"], ids=["plain", "towers", "mmoe"]
    )
    def test_changes_the_fit_reproducibly_and_leaves_prediction_alone(self, penalty, architecture):
        X = inputs()
        y = mixed_targets(X, missing=0.2)
        plain = net(architecture=architecture).fit(X, y).predict(X)["mass"]
        one, other = (net(architecture=architecture, penalties=[penalty]).fit(X, y) for _ in range(2))
        assert not np.array_equal(one.predict(X)["mass"], plain)
        np.testing.assert_array_equal(one.predict(X)["mass"], other.predict(X)["mass"])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).predict(X)["mass"], one.predict(X)["mass"])
        fresh = one._model.blueprint.network().eval()
        fresh.load_state_dict(one.net_.module_.state_dict())
        values = one._model.blueprint.trunk.encode(X, owner=one)
        assert fresh(values, ["mass"]).penalty is None

    def test_is_a_parameter_by_name(self, penalty):
        ((name, value),) = penalty.get_params().items()
        key = f"penalties__{penalty_name(penalty)}__{name}"
        estimator = net(penalties=[penalty])
        assert estimator.get_params()[key] == value
        assert estimator.set_params(**{key: 0.7}).get_params()[key] == 0.7
        assert penalty.get_params()[name] == value


class WeightPenaltyConformance(PenaltyConformance):
    """The contract of `sklearn_mtl.penalties.WeightPenalty`."""

    @pytest.mark.parametrize("members", [(), (1,), (3,), (2, 3)], ids=str)
    def test_value_is_one_number_per_member(self, penalty, members):
        values = penalty.value(random_weights(*members))
        assert values.shape == members
        assert (values >= 0).all()

    def test_value_of_each_member_is_its_own(self, penalty):
        weights = random_weights(3)
        together = penalty.value(weights)
        for member in range(3):
            alone = penalty.value({name: w[member] for name, w in weights.items()})
            torch.testing.assert_close(together[member], alone)

    def test_value_knows_nothing_of_the_strength(self, penalty):
        weights = random_weights()
        strong = clone(penalty).set_params(strength=100.0)
        assert strong.value(weights) == penalty.value(weights)

    def test_order_of_tasks_does_not_matter(self, penalty):
        weights = random_weights()
        backward = dict(reversed(weights.items()))
        torch.testing.assert_close(penalty.value(weights), penalty.value(backward))

    def test_value_grows_with_the_weights(self, penalty):
        values = [penalty.value(random_weights(scale=scale)) for scale in (0.0, 0.5, 1.0, 2.0)]
        assert values[0] == 0
        assert values == sorted(values)

    @pytest.mark.parametrize("seed", range(3))
    def test_gradient_is_that_of_the_value(self, penalty, seed):
        weights = {name: w.requires_grad_() for name, w in random_weights(seed=seed).items()}
        assert torch.autograd.gradcheck(
            lambda *parts: penalty.value(dict(zip(weights, parts, strict=True))), tuple(weights.values())
        )

    @pytest.mark.parametrize("kind", ["zeros", "one task zero", "one column zero", "tasks alike"])
    def test_gradient_is_finite_where_the_value_has_a_kink(self, penalty, kind):
        weights = random_weights(2)
        if kind == "zeros":
            weights = {name: torch.zeros_like(w) for name, w in weights.items()}
        elif kind == "one task zero":
            weights["d"] = torch.zeros_like(weights["d"])
        elif kind == "one column zero":
            weights = {name: w * (torch.arange(FEATURES) > 0) for name, w in weights.items()}
        else:
            weights["d"] = weights["a"].clone()
        leaves = [w.requires_grad_() for w in weights.values()]
        penalty.value(weights).sum().backward()
        for leaf in leaves:
            assert torch.isfinite(leaf.grad).all()

    @pytest.mark.parametrize("names", [["a"], ["type"]], ids=str)
    def test_one_task_is_enough(self, penalty, names):
        weights = random_weights()
        assert torch.isfinite(penalty.value({name: weights[name] for name in names}))
