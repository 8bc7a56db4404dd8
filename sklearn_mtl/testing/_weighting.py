"""Conformance suite of weightings."""

from __future__ import annotations

from typing import ClassVar

import torch
from sklearn.base import clone
from torch import Tensor, nn

from ..tasks import Classification, Regression
from ..weighting import Weighting
from ._conformance import Conformance, assert_close, assert_is_spec, assert_unchanged

TASKS = {"a": Regression(), "b": Classification(), "c": Regression(), "d": Classification()}


class WeightingConformance(Conformance[Weighting]):
    """Tests that every `Weighting <sklearn_mtl.weighting.Weighting>` must pass.

    Override ``cases`` to return a weighting with each option, by name.

    Examples
    --------
    >>> from sklearn_mtl.weighting import Uncertainty
    >>> from sklearn_mtl.testing import WeightingConformance
    >>> class TestUncertainty(WeightingConformance):
    ...     def cases(self):
    ...         return {"uncertainty": Uncertainty()}
    >>> TestUncertainty().failures()
    {}
    """

    argument: ClassVar[str] = "weighting"

    def test_is_a_spec(self, weighting: Weighting) -> None:
        assert_is_spec(weighting, Weighting)
        assert isinstance(weighting.needs_gramian, bool), (
            f"needs_gramian is {weighting.needs_gramian!r}, not a bool."
        )

    def test_building_leaves_the_spec_as_it_is(self, weighting: Weighting) -> None:
        before = dict(vars(weighting))
        module = weighting.build(TASKS)
        assert isinstance(module, nn.Module), f"`build` returned {type(module).__name__}; expected a module."
        assert_unchanged(before, weighting, "`build`")

    def test_module_has_no_parameters(self, weighting: Weighting) -> None:
        names = [name for name, _ in weighting.build(TASKS).named_parameters()]
        assert not names, f"the module has the parameters {names}; store what is learned in buffers."

    def test_weights_fit_the_losses(self, weighting: Weighting) -> None:
        for members in [(), (1,), (3,), (2, 3)]:
            losses = random_losses(*members)
            found, expected = tuple(weigh(weighting, losses).shape), tuple(losses.shape)
            pairs = zip(reversed(found), reversed(expected), strict=False)
            fits = len(found) <= len(expected) and all(axis in (1, wanted) for axis, wanted in pairs)
            assert fits, f"the weights have shape {found}; expected one that broadcasts to {expected}."

    def test_weights_are_finite(self, weighting: Weighting) -> None:
        weights = weigh(weighting, random_losses())
        assert torch.isfinite(weights).all(), f"the weights are {weights.tolist()}."

    def test_weights_of_each_member_are_its_own(self, weighting: Weighting) -> None:
        losses, gramian = random_losses(3), random_gramian(3) if weighting.needs_gramian else None
        together = weigh(weighting, losses, gramian=gramian).expand(3, len(TASKS))
        for member in range(3):
            one = None if gramian is None else gramian[member]
            alone = weigh(weighting, losses[member], gramian=one).expand(len(TASKS))
            assert_close(together[member], alone, "the weights of a member depend on the others.")

    def test_weights_are_free_of_gradient(self, weighting: Weighting) -> None:
        weights = weigh(weighting, random_losses().requires_grad_())
        assert not weights.requires_grad, "the weights carry a gradient; detach them."

    def test_losses_are_not_written_to(self, weighting: Weighting) -> None:
        losses = random_losses()
        weigh(weighting, losses)
        assert torch.equal(losses, random_losses()), "the module changed the losses; copy them first."

    def test_a_task_that_is_absent_leaves_finite_weights(self, weighting: Weighting) -> None:
        for absent in (0, 3):
            losses = random_losses()
            losses[absent] = 0
            weights = weigh(weighting, losses, losses > 0)
            finite = torch.isfinite(weights).all()
            assert finite, f"the weights are {weights.tolist()} where task {absent} has no label in a batch."

    def test_state_can_be_loaded_into_a_new_module(self, weighting: Weighting) -> None:
        module = weighting.build(TASKS)
        clone(weighting).build(TASKS).load_state_dict(module.state_dict())

    def test_module_follows_the_dtype(self, weighting: Weighting) -> None:
        losses = random_losses().double()
        gramian = random_gramian().double() if weighting.needs_gramian else None
        module = weighting.build(TASKS).to(torch.float64)
        found = module(losses, torch.ones(len(TASKS), dtype=torch.bool), gramian).dtype
        assert found == torch.float64, f"the weights of float64 losses are {found}."


def weigh(
    weighting: Weighting, losses: Tensor, present: Tensor | None = None, gramian: Tensor | None = None
) -> Tensor:
    """Compute the weights of losses with a new module."""
    if gramian is None and weighting.needs_gramian:
        gramian = random_gramian(*losses.shape[:-1])
    present = torch.ones(losses.shape, dtype=torch.bool) if present is None else present
    return clone(weighting).build(TASKS)(losses, present, gramian)


def random_losses(*members: int, seed: int = 0) -> Tensor:
    """Draw losses (*members, T)."""
    return torch.rand(*members, len(TASKS), generator=torch.Generator().manual_seed(seed)) + 0.1


def random_gramian(*members: int, seed: int = 0) -> Tensor:
    """Draw the scalar products (*members, T, T) of random gradients."""
    generator = torch.Generator().manual_seed(seed)
    gradients = torch.randn(*members, len(TASKS), 10, generator=generator)
    return gradients @ gradients.mT
