"""Conformance suite of penalties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor, nn

from ..architectures import HardSharing
from ..config import Optimizer
from ..estimator import MultiTaskNetEstimator
from ..penalties import Penalty, WeightPenalty, penalty_name
from ..targets import Targets
from ..trunks import MLP
from ._conformance import Conformance, assert_close, assert_is_spec, assert_unchanged, through_pickle

WIDTHS = {"a": 1, "b.c": 3, "type": 2, "d": 1}
FEATURES = 6


class PenaltyConformance(Conformance[Penalty]):
    """Tests that every `Penalty <sklearn_mtl.penalties.Penalty>` must pass.

    Override ``cases`` to return a penalty with each option, by name, strong enough to change a fit. A penalty on
    the weights of the heads is tested by `WeightPenaltyConformance`.

    Examples
    --------
    >>> from sklearn_mtl.penalties import RepresentationDropout
    >>> from sklearn_mtl.testing import PenaltyConformance
    >>> class TestRepresentationDropout(PenaltyConformance):
    ...     def cases(self):
    ...         return {"dropout": RepresentationDropout(0.3)}
    >>> TestRepresentationDropout().failures()
    {}
    """

    argument: ClassVar[str] = "penalty"

    # -- a spec

    def test_is_a_spec(self, penalty: Penalty) -> None:
        assert_is_spec(penalty, Penalty)
        unknown = set(penalty.stackable_params) - set(penalty.get_params())
        assert not unknown, f"stackable_params names {unknown}, which are not parameters."

    def test_does_something(self, penalty: Penalty) -> None:
        makes_noise = isinstance(penalty.noise(), nn.Module)
        does = isinstance(penalty, WeightPenalty) != makes_noise
        assert does, "a penalty must either be a WeightPenalty or return a module from `noise`."

    def test_use_leaves_the_spec_as_it_is(self, penalty: Penalty) -> None:
        before = dict(vars(penalty))
        penalty.noise()
        if isinstance(penalty, WeightPenalty):
            penalty.value(random_weights())
        assert_unchanged(before, penalty, "use")

    # -- in a fit

    def test_changes_the_fit_reproducibly(self, penalty: Penalty) -> None:
        for architecture in ("hard_sharing", HardSharing((5,)), "mmoe"):
            plain, first, again = (
                fitted(architecture, penalties).predict(INPUTS)["mass"] for penalties in ([], [penalty], [penalty])
            )
            assert not np.array_equal(first, plain), f"the penalty does not change a fit of {architecture}."
            assert np.array_equal(first, again), f"two fits of {architecture} with equal seeds differ."

    def test_leaves_prediction_alone(self, penalty: Penalty) -> None:
        estimator = fitted("hard_sharing", [penalty])
        predicted = estimator.predict(INPUTS)["mass"]
        copied = through_pickle(estimator, type(penalty)).predict(INPUTS)["mass"]
        assert np.array_equal(copied, predicted), "a fitted estimator has other predictions after pickle."
        assert np.array_equal(estimator.predict(INPUTS)["mass"], predicted), (
            "two predictions of equal rows differ."
        )
        rows = np.concatenate([estimator.predict(INPUTS[row : row + 1])["mass"] for row in range(5)])
        np.testing.assert_allclose(rows, predicted[:5], rtol=1e-5, err_msg="a prediction depends on other rows")

    def test_is_a_parameter_by_name(self, penalty: Penalty) -> None:
        for name, value in penalty.get_params().items():
            key = f"penalties__{penalty_name(penalty)}__{name}"
            estimator = small_estimator("hard_sharing", [penalty])
            assert estimator.get_params()[key] == value, f"get_params()[{key!r}] is not {value!r}."
            changed = estimator.set_params(**{key: 0.7}).get_params()[key]
            assert changed == 0.7, f"{key} is {changed!r} after it was set to 0.7."
            assert penalty.get_params()[name] == value, f"setting {key} changed the penalty that was given."


class WeightPenaltyConformance(PenaltyConformance):
    """Tests that every `WeightPenalty <sklearn_mtl.penalties.WeightPenalty>` must pass.

    Override ``cases`` to return a penalty with each option, by name, strong enough to change a fit.

    Examples
    --------
    >>> from sklearn_mtl.penalties import GroupLasso
    >>> from sklearn_mtl.testing import WeightPenaltyConformance
    >>> class TestGroupLasso(WeightPenaltyConformance):
    ...     def cases(self):
    ...         return {"group lasso": GroupLasso(0.3)}
    >>> TestGroupLasso().failures()
    {}
    """

    def test_value_is_one_number_per_member(self, penalty: WeightPenalty) -> None:
        for members in [(), (1,), (3,), (2, 3)]:
            values = penalty.value(random_weights(*members))
            found = tuple(values.shape)
            assert found == members, (
                f"`value` of weights {(*members, 'K', 'D')} has shape {found}; expected {members}."
            )
            assert (values >= 0).all(), "`value` is negative."

    def test_value_of_each_member_is_its_own(self, penalty: WeightPenalty) -> None:
        weights = random_weights(3)
        together = penalty.value(weights)
        for member in range(3):
            alone = penalty.value({name: w[member] for name, w in weights.items()})
            assert_close(together[member], alone, "`value` of a member depends on the others.")

    def test_value_knows_nothing_of_the_strength(self, penalty: WeightPenalty) -> None:
        weights = random_weights()
        strong = clone(penalty).set_params(strength=100.0)
        same = torch.equal(strong.value(weights), penalty.value(weights))
        assert same, "`value` depends on `strength`, but the objective applies the strength."

    def test_order_of_tasks_does_not_matter(self, penalty: WeightPenalty) -> None:
        weights = random_weights()
        backward = dict(reversed(weights.items()))
        assert_close(penalty.value(weights), penalty.value(backward), "`value` depends on the order of tasks.")

    def test_value_grows_with_the_weights(self, penalty: WeightPenalty) -> None:
        values = [float(penalty.value(random_weights(scale=scale))) for scale in (0.0, 0.5, 1.0, 2.0)]
        assert values[0] == 0, f"`value` of weights 0 is {values[0]:g}; expected 0."
        assert values == sorted(values), f"`value` does not grow with the weights: {values}."

    def test_gradient_is_that_of_the_value(self, penalty: WeightPenalty) -> None:
        for seed in range(3):
            weights = {name: w.requires_grad_() for name, w in random_weights(seed=seed).items()}
            leaves = tuple(weights.values())
            right = torch.autograd.gradcheck(
                lambda *parts: penalty.value(dict(zip(WIDTHS, parts, strict=True))), leaves, raise_exception=False
            )
            assert right, "the gradient of `value` differs from finite differences."

    def test_gradient_is_finite_where_the_value_has_a_kink(self, penalty: WeightPenalty) -> None:
        for where, weights in weights_at_kinks().items():
            leaves = [w.requires_grad_() for w in weights.values()]
            penalty.value(weights).sum().backward()
            finite = all(leaf.grad is None or torch.isfinite(leaf.grad).all() for leaf in leaves)
            assert finite, f"the gradient of `value` is not finite at {where}."

    def test_one_task_is_enough(self, penalty: WeightPenalty) -> None:
        weights = random_weights()
        for name in ("a", "type"):
            value = penalty.value({name: weights[name]})
            assert torch.isfinite(value), f"`value` of one task is {float(value)}."


def random_weights(*members: int, seed: int = 0, scale: float = 1.0) -> dict[str, Tensor]:
    """Draw weights of heads (*members, K, D), by task."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: scale * torch.randn(*members, width, FEATURES, generator=generator, dtype=torch.float64)
        for name, width in WIDTHS.items()
    }


def weights_at_kinks() -> dict[str, Mapping[str, Tensor]]:
    """Return weights where norms have no derivative."""
    weights = random_weights(2)
    return {
        "weights 0": {name: torch.zeros_like(w) for name, w in weights.items()},
        "weights 0 of one task": {**weights, "d": torch.zeros_like(weights["d"])},
        "weights 0 of one feature": {name: w * (torch.arange(FEATURES) > 0) for name, w in weights.items()},
        "equal weights of two tasks": {**weights, "d": weights["a"].clone()},
    }


INPUTS = np.random.default_rng(0).normal(size=(80, 4))


def small_targets() -> Targets:
    """Compute classes and numbers from the inputs, with a fifth of the labels missing."""
    missing = np.random.default_rng(1).random((2, len(INPUTS))) < 0.2
    species = np.array(["ape", "bee", "cat"], dtype=object)[np.digitize(INPUTS[:, 0], [-0.5, 0.5])]
    mass = 100 + 20 * INPUTS[:, 2]
    species[missing[0]], mass[missing[1]] = None, np.nan
    return Targets(species=species, mass=mass)


def small_estimator(architecture: Any, penalties: list[Penalty]) -> MultiTaskNetEstimator:
    """Return an estimator that fits within milliseconds."""
    return MultiTaskNetEstimator(
        trunk=MLP(hidden_sizes=(8,), scaling="standard"), architecture=architecture, penalties=penalties,
        early_stopping=False, optimizer=Optimizer(schedule="constant"), max_epochs=3, random_state=0,
    )  # fmt: skip


def fitted(architecture: Any, penalties: list[Penalty]) -> MultiTaskNetEstimator:
    """Fit a small estimator."""
    return small_estimator(architecture, penalties).fit(INPUTS, small_targets())
