"""Errors of diverging fits, for every weighting."""

import numpy as np
import pytest
import torch

from sklearn_mtl import MultiTaskNetRegressor, Targets
from sklearn_mtl.exceptions import DivergenceError
from sklearn_mtl.model._objective import Step
from sklearn_mtl.penalties import TraceNorm
from sklearn_mtl.training._divergence import unsolved
from sklearn_mtl.weighting import UnsolvableError, resolve_weighting

from ..weighting.test_conformance import WEIGHTINGS

X = np.random.default_rng(0).normal(size=(90, 4))
Y = Targets(a=X[:, 0], b=X[:, 1] ** 2, c=X[:, 2])


@pytest.mark.parametrize("ensemble", [{}, {"n_members": 2, "ensemble": "batch"}], ids=["single", "batch"])
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_fit_that_diverges_says_so_with_every_weighting(weighting, ensemble):
    spec = resolve_weighting(weighting)
    if weighting == "nash_mtl":  # as published its steps stay short
        spec.set_params(normalize=True)
    net = MultiTaskNetRegressor(
        weighting=spec,
        optimizer="sgd",
        learning_rate=1e4,
        max_epochs=20,
        random_state=0,
        **ensemble,
    )
    with pytest.raises(DivergenceError, match=r"epoch \d+.*; a smaller learning_rate or a clip_norm may help"):
        net.fit(X, Y)


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_fit_that_diverges_says_so_with_a_penalty_of_singular_values(n_members):
    net = MultiTaskNetRegressor(
        penalties=[TraceNorm()], optimizer="sgd", learning_rate=1e4, max_epochs=20,
        n_members=n_members, random_state=0,
    )  # fmt: skip
    with pytest.raises(DivergenceError):
        net.fit(X, Y)


def test_the_trace_norm_of_a_member_that_diverged_leaves_the_others():
    weights = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(0))
    expected = TraceNorm().value({"a": weights})
    weights[1, 0, 0] = torch.inf
    found = TraceNorm().value({"a": weights})
    assert torch.isnan(found).tolist() == [False, True, False]
    assert torch.equal(found[::2], expected[::2])


@pytest.mark.parametrize(
    ("losses", "squares", "message", "task"),
    [
        ([1.0, np.nan], [1.0, np.nan], "the loss of task 'b' became nan in epoch 7, batch 2; ", "b"),
        ([1.0, 2.0], [np.inf, 1.0], "the squared length of the gradient of task 'a' became inf in epoch 7, ", "a"),
        ([1.0, 2.0], [1.0, 1.0], "the weights of the tasks could not be computed from their gradients in ", None),
    ],
)
def test_the_message_names_what_is_not_finite(losses, squares, message, task):
    error = UnsolvableError(torch.tensor(losses), torch.diag(torch.tensor(squares)))
    found = unsolved(error, [Step(torch.ones(2), None, None, None)], ["a", "b"], 7)
    assert str(found).startswith(message)
    assert str(found).endswith("; a smaller learning_rate or a clip_norm may help.")
    assert (found.task, found.epoch, found.batch) == (task, 7, 2)
